using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>News Commentary: parallel sentences in English and Chinese.</summary>
internal static class NewsCommentary
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("news-commentary", "news_commentary", 252_776)
        {
            Aliases = ["Helsinki-NLP/news_commentary"], Original = true, Published = "Helsinki-NLP/news_commentary",
            Files = ["en-zh/*"],
            RawFormat = "Parquet or JSON lines of translation (en, zh)",
            Languages = SetLanguages.CN, Tasks = SetTasks.TS, Generation = SetGeneration.COL,
            Type = "translation between English and Chinese", Tags = ["translation"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var pair = fields.Has("translation") ? fields.Element("translation") : fields.Record.Value;
        if (pair.ValueKind != JsonValueKind.Object || !pair.TryGetProperty("en", out var en)
            || !pair.TryGetProperty("zh", out var zh))
            throw fields.Bad("\"translation\" with \"en\" and \"zh\" is missing");
        var (english, chinese) = (fields.AsText(en, "en"), fields.AsText(zh, "zh"));
        // The data states no direction, so the two directions alternate.
        return fields.Record.Number % 2 == 1
            ? fields.Instruction("Translate the following text into Chinese.", english, chinese)
            : fields.Instruction("把下面的文字翻译成英文。", chinese, english);
    }
}
