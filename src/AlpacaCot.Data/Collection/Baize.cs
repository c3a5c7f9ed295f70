using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Baize: self-chat dialogues seeded with questions from Alpaca, Quora, Stack Overflow and MedQuAD.</summary>
internal static class Baize
{
    private static readonly DialogueText Marks = new("", ("[|Human|]", Role.User), ("[|AI|]", Role.Assistant));

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("baize", "baize", 653_699)
        {
            Original = true, Published = "https://github.com/project-baize/baize-chatbot",
            Files = ["data/*_chat_data.json"],
            RawFormat = "JSON array of input (one text, [|Human|] and [|AI|]), topic", Licence = "research only",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "dialogues on everyday, programming and medical questions", Tags = ["dialogue", "medicine", "code", "gpt-3.5"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var turns = Marks.Parse(fields.Text("input"));
        if (turns.Count == 0) throw fields.Bad("\"input\" contains no [|Human|] and [|AI|] turns");
        // Every record starts with the same sentence before the first marker and ends with an empty user turn.
        if (turns[0].Role == Role.System) turns = [.. turns.Skip(1)];
        if (turns[^1] is { Role: Role.User, Text: "" }) turns = [.. turns.SkipLast(1)];
        return fields.Conversation(turns);
    }
}
