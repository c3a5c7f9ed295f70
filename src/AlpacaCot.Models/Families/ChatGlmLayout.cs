using AlpacaCot.Data;
using TorchSharp;
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

    /// <summary>Both rows of positions <c>[b, 2, s]</c>, and which tokens each new one sees <c>[b, 1, s, t]</c>.</summary>
    /// <param name="ids">All tokens so far, <c>[b, t]</c>.</param>
    /// <param name="present">True for real tokens, false for padding, <c>[b, t]</c>; null when all are real.</param>
    /// <param name="start">The first new token.</param>
    /// <exception cref="InputException">A sequence has no sop, or no mask token.</exception>
    public (Tensor Positions, Tensor Visible) Of(Tensor ids, Tensor? present, long start = 0)
    {
        var (rows, total) = (ids.shape[0], ids.shape[1]);
        var length = total - start;
        var positions = new long[rows * 2 * length];
        var contexts = new long[rows];
        var (all, real) = (ids.cpu().data<long>().ToArray(), present?.cpu().data<bool>().ToArray());
        for (var row = 0; row < rows; row++)
        {
            var tokens = all.AsSpan((int)(row * total), (int)total);
            var first = real is null ? 0 : Math.Max(0, real.AsSpan((int)(row * total), (int)total).IndexOf(true));
            var (context, mask, isGlobal) = Find(tokens);
            contexts[row] = context;
            for (var t = start; t < total; t++)
            {
                var at = row * 2 * length + t - start;
                var answers = StartKeepsPlace && isGlobal ? t > context : t >= context;
                positions[at] = t < first ? 0 : (answers ? mask : t) - first;
                positions[at + length] = t < context ? 0 : t - context + 1;
            }
        }
        var causal = ones([length, total], ScalarType.Bool).tril(start); // [s, t]
        var visible = causal | (arange(total) < tensor(contexts, [rows, 1, 1, 1])); // [b, 1, s, t]
        if (present is not null)
            visible = (visible & present.unsqueeze(1).unsqueeze(1)) | eye(length, total, ScalarType.Bool).roll(start, 1);
        return (tensor(positions, [rows, 2, length]), visible);
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
