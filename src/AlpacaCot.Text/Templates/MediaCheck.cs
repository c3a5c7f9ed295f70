using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>Refuses images, audio and other content that a text model cannot read.</summary>
internal static class MediaCheck
{
    // Fields beside the dialogue, in the layouts of LLaMA-Factory (lists, with marks in the text) and LLaVA (one file).
    private static readonly string[] Fields = ["images", "image", "videos", "video", "audios", "audio"];

    /// <exception cref="InputException">A turn or the record contains such a part.</exception>
    public static void Require(Conversation conversation)
    {
        foreach (var (i, turn) in conversation.Turns.Index())
            if (turn.Media.Count > 0)
                throw Refusal(conversation, $"turn {i + 1}, part {turn.Media[0].Number} is {Article(turn.Media[0].Kind)}");
        foreach (var field in Fields)
            if (conversation.Metadata.TryGetValue(field, out var value) && IsSet(value))
                throw Refusal(conversation, $"its \"{field}\" contains {Article(field.TrimEnd('s'))}");
    }

    private static bool IsSet(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.String => value.GetString() is { Length: > 0 } and not "[]",
        JsonValueKind.Object => true,
        _ => false,
    };

    private static string Article(string kind) => kind switch
    {
        "image" => "an image",
        "audio" => "audio",
        "video" => "a video",
        _ => $"of the type \"{kind}\"",
    };

    private static InputException Refusal(Conversation conversation, string what) => new(
        (conversation.Origin.Length > 0 ? conversation.Origin + ", " : "") + what
        + "; a language model reads text only. Remove the record or the part.");
}
