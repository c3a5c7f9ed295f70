using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Where ChatGLM-6B's positions and masks come from. A sequence is <c>context, [gMASK], sop, answer</c>; everything before sop is
/// the context, whose tokens all see each other. The answer stands at the position of the mask token it fills, and counts its
/// own tokens in a second row of positions (Du et al., 2022).
/// </summary>
/// <param name="Mask">The id of [MASK], which stands inside the context.</param>
/// <param name="GlobalMask">The id of [gMASK], which ends the context; it goes before [MASK] where both occur.</param>
/// <param name="Start">The id of sop, with which the answer begins.</param>
public sealed record ChatGlmLayout(int Mask, int GlobalMask, int Start)
{
    /// <summary>
    /// Whether sop itself keeps its own place in the first row when it follows [gMASK]: so generated the first release of
    /// March 2023, though it was trained like the later ones.
    /// </summary>
    public bool StartKeepsPlace { get; init; }

    /// <summary>Both rows of positions <c>[b, 2, s]</c>, and which tokens each one sees <c>[b, 1, s, s]</c>.</summary>
    /// <param name="ids">The tokens, <c>[b, s]</c>.</param>
    /// <param name="present">True for real tokens, false for padding, <c>[b, s]</c>; null when all are real.</param>
    /// <exception cref="InputException">A sequence has no sop, or no mask token.</exception>
    public (Tensor Positions, Tensor Visible) Of(Tensor ids, Tensor? present)
    {
        var (rows, length) = ((int)ids.shape[0], (int)ids.shape[1]);
        var positions = new long[rows * 2 * length];
        var contexts = new long[rows];
        var (all, real) = (ids.cpu().data<long>().ToArray(), present?.cpu().data<bool>().ToArray());
        for (var row = 0; row < rows; row++)
        {
            var first = real is null ? 0 : Math.Max(0, real.AsSpan(row * length, length).IndexOf(true));
            var at = positions.AsSpan(row * 2 * length, 2 * length);
            contexts[row] = Place(all.AsSpan(row * length, length), 0, at[..length], at[length..], first);
        }
        var visible = Attention.Causal(0, length, ids.device)
            | (Range(0, length, ids.device) < Tensors.Of(contexts, [rows, 1, 1, 1], ids.device)); // [b, 1, s, s]
        if (present is not null)
            visible = (visible & present.unsqueeze(1).unsqueeze(1)) 
                | Tensors.Identity(length, length, ScalarType.Bool, ids.device);
        return (Tensors.Of(positions, [rows, 2, length], ids.device), visible);
    }

    /// <summary>Writes both positions of the tokens from <paramref name="start"/> on.</summary>
    /// <param name="tokens">All tokens so far.</param>
    /// <param name="start">The first new token.</param>
    /// <param name="places">The first row, by the place in the context.</param>
    /// <param name="answers">The second row, by the place in the answer.</param>
    /// <param name="first">The first token that is not padding.</param>
    /// <returns>The length of the context.</returns>
    /// <exception cref="InputException">The sequence has no sop, or no mask token.</exception>
    public int Place(ReadOnlySpan<long> tokens, int start, Span<long> places, Span<long> answers, int first = 0)
    {
        var (context, mask, isGlobal) = Find(tokens);
        for (var t = start; t < tokens.Length; t++)
        {
            var isAnswer = StartKeepsPlace && isGlobal ? t > context : t >= context;
            places[t - start] = t < first ? 0 : (isAnswer ? mask : t) - first;
            answers[t - start] = t < context ? 0 : t - context + 1;
        }
        return context;
    }

    private (int Context, int Mask, bool IsGlobal) Find(ReadOnlySpan<long> tokens)
    {
        var (context, global, mask) = (tokens.IndexOf(Start), tokens.IndexOf(GlobalMask), tokens.IndexOf(Mask));
        if (context < 0 || global < 0 && mask < 0)
            throw new InputException($"ChatGLM reads a context with [gMASK] or [MASK], then sop: there is no " +
                (context < 0 ? $"sop (id {Start})" : $"mask token (id {GlobalMask} or {Mask})") + " in the sequence.");
        return (context, global >= 0 ? global : mask, global >= 0);
    }
}
