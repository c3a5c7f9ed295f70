using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>UltraChat: dialogues between two models.</summary>
internal static class UltraChat
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("ultrachat", "ultrachat", 28_247_446)
        {
            Aliases = ["stingning/ultrachat"], Original = true, Published = "stingning/ultrachat",
            RawFormat = "JSON lines of id, data (user and assistant in turn); records are counted as turns",
            Licence = "MIT, for research and education",
            Languages = SetLanguages.EN, Type = "dialogues about the world, writing and given texts",
            Tags = ["dialogue", "gpt-3.5"],
        }, fields => fields.Items("data").Select((said, i) =>
            new Turn(i % 2 == 0 ? Role.User : Role.Assistant, fields.AsText(said, "data"))).ToList() is { Count: > 1 } turns
            ? fields.Conversation(turns) : throw fields.Bad("\"data\" contains no question and answer")),
    ];
}
