using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>ShareGPT conversations, also used for other data sets of that form.</summary>
internal static class ShareGpt
{
    private const string Form = "JSON array of id, conversations (from, value)";

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("sharechat", "ShareChat", 1_663_241)
        {
            Aliases = ["sharegpt52k", "RyokoAI/ShareGPT52K"], Original = true, Published = "RyokoAI/ShareGPT52K",
            RawFormat = Form + "; records are counted as turns", Licence = "CC0-1.0",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.MIX,
            Type = "conversations with ChatGPT that users shared", Tags = ["general", "dialogue", "gpt-3.5"],
        }, Convert),
        new RecordSource(new("sharegpt", "ShareGPT for Vicuna", 94_145)
        {
            Aliases = ["vicuna", "ShareGPT_V3", "anon8231489123/ShareGPT_Vicuna_unfiltered"], PartOf = "sharechat",
            Published = "anon8231489123/ShareGPT_Vicuna_unfiltered",
            Files = ["ShareGPT_V3_unfiltered_cleaned_split.json"], RawFormat = Form, Licence = "Apache-2.0",
            Languages = SetLanguages.ML, Tasks = SetTasks.MT, Generation = SetGeneration.MIX,
            Type = "conversations with ChatGPT, cleaned and split to length", Tags = ["general", "dialogue", "gpt-3.5"],
        }, Convert),
    ];

    /// <summary>Converts a record with <c>conversations</c>: a list of <c>from</c> and <c>value</c>.</summary>
    public static Conversation Convert(RawFields fields)
    {
        var turns = fields.Items("conversations").Select(turn => turn.ValueKind == JsonValueKind.Object
            && turn.TryGetProperty("from", out var from) && turn.TryGetProperty("value", out var value)
                ? new Turn(Speaker(fields.AsText(from, "from"), fields), fields.AsText(value, "value"))
                : throw fields.Bad("a turn in \"conversations\" lacks \"from\" or \"value\"")).ToList();
        return turns.Count > 0 ? fields.Conversation(turns) : throw fields.Bad("\"conversations\" contains no turn");
    }

    private static Role Speaker(string from, RawFields fields) => from.ToLowerInvariant() switch
    {
        "human" or "user" => Role.User,
        "gpt" or "assistant" or "chatgpt" or "bing" or "bard" or "model" => Role.Assistant,
        "system" => Role.System,
        "tool" or "function" or "observation" => Role.Tool,
        _ => throw fields.Bad($"unknown speaker \"{from}\"; allowed: human, gpt, system, tool"),
    };
}
