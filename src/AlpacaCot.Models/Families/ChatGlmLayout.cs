using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// The positions and masks of ChatGLM-6B (Du et al., 2022). A sequence is <c>context, [gMASK], sop, answer</c>. The context is
/// everything before sop, and all its tokens attend to each other. In the first row of positions the answer has the position of
/// the mask token it fills; the second row counts the answer's own tokens.
/// </summary>
/// <param name="Mask">The id of [MASK], a mask token inside the context.</param>
/// <param name="GlobalMask">The id of [gMASK], which ends the context; it takes precedence over [MASK] if both occur.</param>
/// <param name="Start">The id of sop, the first token of the answer.</param>
public sealed record ChatGlmLayout(int Mask, int GlobalMask, int Start)
{
    /// <summary>
    /// Whether sop after [gMASK] keeps its own position in the first row. The first release of March 2023 generates this way,
    /// although it was trained like the later ones.
    /// </summary>
    public bool StartKeepsPosition { get; init; }

    /// <summary>
    /// Computes both rows of positions <c>[b, 2, s]</c> and the attention mask <c>[b, 1, s, s]</c>, true where a query may
    /// attend.
    /// </summary>
    /// <param name="ids">Token ids, <c>[b, s]</c>.</param>
    /// <param name="present">True for real tokens, false for padding, <c>[b, s]</c>; null when all are real.</param>
    /// <exception cref="InputException">A sequence has no sop or no mask token.</exception>
    public (Tensor Positions, Tensor Visible) Of(Tensor ids, Tensor? present)
    {
        var (rows, length) = ((int)ids.shape[0], (int)ids.shape[1]);
        var positions = new long[rows * 2 * length];
        var contexts = new long[rows];
        var (all, real) = (ids.cpu().data<long>().ToArray(), present?.cpu().data<bool>().ToArray());
        for (var row = 0; row < rows; row++)
        {
            var first = real is null ? 0 : Math.Max(0, real.AsSpan(row * length, length).IndexOf(true));
            var rowPositions = positions.AsSpan(row * 2 * length, 2 * length);
            contexts[row] = SetPositions(all.AsSpan(row * length, length), 0, rowPositions[..length], rowPositions[length..],
                first);
        }
        var visible = Attention.Causal(0, length, ids.device)
            | (Range(0, length, ids.device) < Tensors.Of(contexts, [rows, 1, 1, 1], ids.device)); // [b, 1, s, s]
        if (present is not null)
            visible = (visible & present.unsqueeze(1).unsqueeze(1))
                | Tensors.Identity(length, length, ScalarType.Bool, ids.device);
        return (Tensors.Of(positions, [rows, 2, length], ids.device), visible);
    }

    /// <summary>Writes both positions of the tokens from <paramref name="start"/> on.</summary>
    /// <param name="tokens">All token ids so far.</param>
    /// <param name="start">The index of the first new token.</param>
    /// <param name="contextPositions">Receives the positions in the context, one per new token.</param>
    /// <param name="answerPositions">Receives the positions in the answer, one per new token.</param>
    /// <param name="first">The index of the first token that is not padding.</param>
    /// <returns>The length of the context in tokens.</returns>
    /// <exception cref="InputException">The sequence has no sop or no mask token.</exception>
    public int SetPositions(ReadOnlySpan<long> tokens, int start, Span<long> contextPositions, Span<long> answerPositions,
        int first = 0)
    {
        var (context, mask, isGlobal) = Find(tokens);
        for (var t = start; t < tokens.Length; t++)
        {
            var isAnswer = StartKeepsPosition && isGlobal ? t > context : t >= context;
            contextPositions[t - start] = t < first ? 0 : (isAnswer ? mask : t) - first;
            answerPositions[t - start] = t < context ? 0 : t - context + 1;
        }
        return context;
    }

    private (int Context, int Mask, bool IsGlobal) Find(ReadOnlySpan<long> tokens)
    {
        var (context, global, mask) = (tokens.IndexOf(Start), tokens.IndexOf(GlobalMask), tokens.IndexOf(Mask));
        if (context < 0 || global < 0 && mask < 0)
            throw new InputException($"ChatGLM needs a context with [gMASK] or [MASK], then sop: the sequence has no " +
                (context < 0 ? $"sop (id {Start})" : $"mask token (id {GlobalMask} or {Mask})") + ".");
        return (context, global >= 0 ? global : mask, global >= 0);
    }
}
