using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Open Instruction Generalist: dialogues, each as one text.</summary>
internal static class Oig
{
    private static readonly DialogueText Marks = new("\n", ("<human>:", Role.User), ("<bot>:", Role.Assistant));

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("oig", "OIG (part)", 49_237)
        {
            Aliases = ["laion/OIG", "oig-small-chip2"], Original = true, Published = "laion/OIG",
            RawFormat = "JSON lines of text (<human>: and <bot>:), metadata", Licence = "Apache-2.0, parts under their own",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "questions, dialogue and tasks of many kinds", Tags = ["general", "dialogue"],
        }, fields => Marks.Parse(fields.Text("text")) is { Count: > 0 } turns ? fields.Conversation(turns)
            : throw fields.Bad("\"text\" contains no <human>: and <bot>: turns")),
    ];
}
