using System.Globalization;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Families;

/// <summary>
/// The one check of a sequence's length against the positions of a model. A learned table has no row for further positions:
/// an error. Rotary positions and linear biases are defined for any length, and training may extend the context on purpose:
/// a note, unless a scaling in the configuration covers the length.
/// </summary>
public static class PositionLimit
{
    /// <summary>Checks a setting before any work is done.</summary>
    /// <param name="model">The model, with its adapter if it adds virtual tokens.</param>
    /// <param name="tokens">The length in tokens, without virtual tokens.</param>
    /// <param name="setting">The name of the setting or input that has this length, such as
    /// <c>training.cutoff_length</c>.</param>
    /// <returns>A note for the user; null where the length fits.</returns>
    /// <exception cref="InputException">The model cannot compute sequences of this length.</exception>
    public static string? Check(CausalModel model, long tokens, string setting)
    {
        var (shape, own) = (model.Shape, model.PositionedVirtualTokens);
        if (tokens + own <= shape.MaxPositions) return null;
        var extra = own > 0 ? Invariant($" and the adapter adds {own} virtual tokens") : "";
        if (shape.HasPositionTable)
            throw new InputException(Invariant($"{setting} is {tokens} tokens{extra}, but {shape.Family} has a learned table ") +
                Invariant($"of {shape.MaxPositions} positions and cannot compute longer sequences; set it to at most ") +
                Invariant($"{Math.Max(1, shape.MaxPositions - own)}."));
        return tokens + own <= model.ScaledLength ? null
            : Invariant($"{setting} is {tokens} tokens{extra}; the model was made for at most {shape.MaxPositions} ") +
                "(max_position_embeddings) and nothing in its config.json scales the positions: beyond that its answers are " +
                Invariant($"unreliable. Set it to at most {shape.MaxPositions}, or add rope_scaling to config.json.");
    }

    /// <summary>Refuses a pass that a learned table has no positions for.</summary>
    /// <exception cref="InputException">The sequence is longer than the table.</exception>
    internal static void Require(ModelShape shape, long length)
    {
        if (shape.HasPositionTable && length > shape.MaxPositions)
            throw new InputException(Invariant($"A sequence has {length} tokens, virtual ones included; {shape.Family} has a ") +
                Invariant($"learned table of {shape.MaxPositions} positions. Shorten the text or training.cutoff_length."));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
