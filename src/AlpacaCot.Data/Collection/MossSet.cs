using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>MOSS: dialogues in English and Chinese, with and without tools.</summary>
internal static class MossSet
{
    private static readonly DialogueText Marks = new("", ("[Human]:", Role.User), ("[MOSS]:", Role.Assistant));
    private static readonly string[] Ends = ["<eoh>", "<eoa>", "<eom>", "<eot>", "<eoc>", "<eor>"];

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("moss", "MOSS", 1_583_595)
        {
            Aliases = ["moss-003-sft-data", "moss-002-sft-data", "fnlp/moss-002-sft-data", "moss-sft"], Original = true,
            Published = "fnlp/moss-002-sft-data and fnlp/moss-003-sft-data",
            Copy = "QingyiSi/Alpaca-CoT", Files = ["MOSS/*"],
            RawFormat = "002: plain_text ([Human]: and [MOSS]:); 003: chat (turn_1: Human, ..., MOSS), meta_instruction",
            Licence = "CC BY-NC 4.0", Languages = SetLanguages.EN | SetLanguages.CN, Tasks = SetTasks.TS,
            Generation = SetGeneration.SI, Type = "helpful, honest and harmless dialogues; use of tools",
            Tags = ["dialogue", "tools", "safety", "gpt-3.5"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var turns = new List<Turn>();
        if (fields.Has("meta_instruction") && fields.TextOrEmpty("meta_instruction").Trim() is { Length: > 0 } system)
            turns.Add(new Turn(Role.System, system));
        if (!fields.Has("chat"))
        {
            var said = Marks.Parse(fields.Text("plain_text"));
            if (said.Count == 0) throw fields.Bad("\"plain_text\" contains no [Human]: and [MOSS]: turns");
            return fields.Conversation([.. turns, .. said.Select(turn => turn with { Text = Clean(turn.Text) })]);
        }
        var chat = fields.Element("chat");
        if (chat.ValueKind != JsonValueKind.Object) throw fields.Bad("\"chat\" is not a JSON object");
        foreach (var round in chat.EnumerateObject()) turns.AddRange(Round(fields, round));
        return fields.Conversation(turns);
    }

    // A round with a tool call is user, call, result, answer; the thoughts before the call become turn metadata.
    private static IEnumerable<Turn> Round(RawFields fields, JsonProperty round)
    {
        if (Part("Human") is not { } asked) throw fields.Bad($"\"{round.Name}\" has no \"Human\"");
        yield return new Turn(Role.User, asked);
        if (Part("Commands") is { } call)
        {
            yield return new Turn(Role.Assistant, call) { Metadata = Thoughts() };
            if (Part("Tool Responses") is { } result) yield return new Turn(Role.Tool, result);
        }
        if (Part("MOSS") is not { } answer) throw fields.Bad($"\"{round.Name}\" has no \"MOSS\"");
        yield return new Turn(Role.Assistant, answer);

        string? Part(string name) => round.Value.ValueKind == JsonValueKind.Object
            && round.Value.TryGetProperty(name, out var part)
            && Clean(fields.AsText(part, name)) is var text && text is not ("None" or "") ? text : null;

        Dictionary<string, JsonElement> Thoughts() => Part("Inner Thoughts") is { } thoughts
            ? new() { ["inner_thoughts"] = JsonSerializer.SerializeToElement(thoughts) } : [];
    }

    /// <summary>Removes the special markers around a part: <c>&lt;|Human|&gt;: ... &lt;eoh&gt;</c>.</summary>
    private static string Clean(string text)
    {
        text = text.Trim();
        if (text.StartsWith("<|", StringComparison.Ordinal)
            && text.IndexOf("|>:", StringComparison.Ordinal) is > 0 and < 24 and var at)
            text = text[(at + 3)..];
        foreach (var end in Ends)
            if (text.EndsWith(end, StringComparison.Ordinal)) text = text[..^end.Length].TrimEnd();
        return text.Trim();
    }
}
