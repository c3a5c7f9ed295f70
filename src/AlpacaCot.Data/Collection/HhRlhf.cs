using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>HH-RLHF: pairs of answers in a dialogue, ranked by annotators for helpfulness or harmlessness.</summary>
internal static class HhRlhf
{
    private static readonly DialogueText Marks = new("\n\n", ("Human:", Role.User), ("Assistant:", Role.Assistant));

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("hh-rlhf", "hh-rlhf", 284_517)
        {
            Aliases = ["Anthropic/hh-rlhf"], Original = true, Published = "Anthropic/hh-rlhf",
            Files = ["harmless-base/train*", "helpful-*/train*"],
            RawFormat = "JSON lines of chosen, rejected: whole dialogues, Human: and Assistant: after empty lines",
            Licence = "MIT",
            Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.MIX,
            Type = "dialogue with preferences for helpful and harmless answers", Tags = ["dialogue", "preference", "safety"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var (chosen, rejected) = (Turns(fields, "chosen"), Turns(fields, "rejected"));
        // The dialogues usually differ only in the last answer. If they diverge earlier, the rejected dialogue is kept in full.
        if (chosen.Count == rejected.Count && rejected[^1].Role == Role.Assistant
            && chosen.SkipLast(1).SequenceEqual(rejected.SkipLast(1)))
            return fields.Conversation(chosen) with { Rejected = rejected[^1].Text };
        var conversation = fields.Conversation(chosen);
        return conversation with
        {
            Metadata = new OrderedDictionary<string, JsonElement>(conversation.Metadata)
            {
                ["rejected"] = fields.Element("rejected"),
            },
        };
    }

    private static IReadOnlyList<Turn> Turns(RawFields fields, string name)
    {
        // Some copies contain lists of messages instead of texts.
        if (fields.Element(name) is { ValueKind: JsonValueKind.Array } messages)
            return [.. messages.EnumerateArray().Select(message => Message(fields, name, message))];
        var turns = Marks.Parse(fields.Text(name));
        return turns.Count > 0 ? turns : throw fields.Bad($"\"{name}\" contains no Human: and Assistant: turns");
    }

    private static Turn Message(RawFields fields, string name, JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty("role", out var role)
            || !message.TryGetProperty("content", out var content))
            throw fields.Bad($"a message in \"{name}\" lacks \"role\" or \"content\"");
        return new(fields.AsText(role, "role") == "assistant" ? Role.Assistant : Role.User, fields.AsText(content, "content"));
    }
}
