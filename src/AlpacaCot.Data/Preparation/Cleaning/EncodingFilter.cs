using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Repairs text that was decoded with the wrong encoding, removes control characters, and removes records with lost characters.
/// </summary>
internal sealed class EncodingFilter : ICleaningFilter
{
    public string Name => "encoding";

    public string Description => "broken encoding (cafÃ©, 浣犲ソ): repaired, or removed where characters are lost";

    public FilterVerdict Check(Conversation record)
    {
        string? first = null;
        var turns = new Turn[record.Turns.Count];
        foreach (var (i, turn) in record.Turns.Index())
        {
            if (Mojibake.IsLost(turn.Text) || Mojibake.IsLost(turn.Input))
                return FilterVerdict.Remove("characters are lost (U+FFFD)", Mojibake.IsLost(turn.Text) ? turn.Text : turn.Input);
            turns[i] = turn with { Text = Mojibake.Repair(turn.Text), Input = Mojibake.Repair(turn.Input) };
            if (!ReferenceEquals(turns[i].Text, turn.Text)) first ??= turn.Text;
            if (!ReferenceEquals(turns[i].Input, turn.Input)) first ??= turn.Input;
        }
        var rejected = record.Rejected is null ? null : Mojibake.Repair(record.Rejected);
        if (!ReferenceEquals(rejected, record.Rejected)) first ??= record.Rejected;
        return first is null ? FilterVerdict.Keep : FilterVerdict.Repair("decoded with the wrong encoding, or control characters",
            record with { Turns = turns, Rejected = rejected }, first);
    }
}
