using System.Text.Json;
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
        if (record.Turns.SelectMany(turn => (string[])[turn.Text, turn.Input, turn.Reasoning]).FirstOrDefault(Mojibake.IsLost)
            is { } lost)
            return FilterVerdict.Remove("characters are lost (U+FFFD)", lost);
        var turns = Array.ConvertAll([.. record.Turns], Repaired);
        var rejected = record.Rejected is not { } other ? null
            : other with { Turns = Array.ConvertAll([.. other.Turns], Repaired) };
        return first is null ? FilterVerdict.Keep : FilterVerdict.Repair("decoded with the wrong encoding, or control characters",
            record with { Turns = turns, Rejected = rejected }, first);

        Turn Repaired(Turn turn) => turn with
        {
            Text = Text(turn.Text), Input = Text(turn.Input), Reasoning = Text(turn.Reasoning),
            Calls = turn.Calls.Count == 0 ? turn.Calls : [.. turn.Calls.Select(call =>
                call with { Arguments = Json(call.Arguments) })],
        };

        string Text(string text)
        {
            var repaired = Mojibake.Repair(text);
            if (!ReferenceEquals(repaired, text)) first ??= text;
            return repaired;
        }

        JsonElement Json(JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.String)
                return Text(value.GetString()!) is var own && own == value.GetString() ? value : ToolCall.ParseArguments(own);
            var text = value.GetRawText();
            return Text(text) is var repaired && ReferenceEquals(repaired, text) ? value : ToolCall.ParseArguments(repaired);
        }
    }
}
