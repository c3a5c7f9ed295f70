using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>CAMEL: role-play dialogues between two models, and science problems.</summary>
internal static class Camel
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("camel", "camel", 760_620)
        {
            Aliases = ["camel-ai"], Original = true, Published = "https://huggingface.co/camel-ai",
            Copy = "QingyiSi/Alpaca-CoT", Files = ["camel/*"],
            RawFormat = "JSON of role_1, message_1, message_2, ... (texts, or objects with content); instruction, input, output",
            Licence = "CC BY-NC 4.0", Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "role-play of society and programming; mathematics, physics, chemistry, biology",
            Tags = ["dialogue", "code", "science", "gpt-3.5"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var turns = new List<Turn>();
        for (var i = 1; fields.Has($"message_{i}"); i++)
        {
            var message = fields.Element($"message_{i}");
            if (message.ValueKind == JsonValueKind.Object && message.TryGetProperty("content", out var said)) message = said;
            turns.Add(new Turn(i % 2 == 1 ? Role.User : Role.Assistant, fields.AsText(message, $"message_{i}")));
        }
        return turns.Count > 1 ? fields.Conversation(turns)
            : throw fields.Bad("missing message_1 and message_2; " + fields.FieldNames());
    }
}
