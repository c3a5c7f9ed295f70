using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Guanaco: multilingual instructions and dialogues.</summary>
internal static class Guanaco
{
    private static readonly DialogueText Chat =
        new("\n", ("User:", Role.User), ("Assistant:", Role.Assistant), ("System:", Role.System));

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("guanaco", "Guanaco", 534_610)
        {
            Aliases = ["GuanacoDataset", "JosephusCheung/GuanacoDataset"], Original = true,
            Published = "JosephusCheung/GuanacoDataset",
            RawFormat = "JSON array of instruction (in the chat files the dialogue so far, User: and Assistant:), input, output",
            Licence = "GPL-3.0", Languages = SetLanguages.ML, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "linguistic tasks and dialogue in several languages", Tags = ["general", "dialogue", "text-davinci-003"],
        }, Convert, ownInstructions: true),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var (instruction, input, output) = (fields.Text("instruction"), fields.TextOrEmpty("input"), fields.Text("output"));
        if (Chat.Parse(instruction) is not { Count: > 1 } turns) return fields.Instruction(instruction, input, output);
        // The instruction contains the dialogue history, the input the current user turn.
        Turn[] now = input.Trim().Length > 0 ? [new Turn(Role.User, Without(input.Trim(), "User:"))] : [];
        IEnumerable<Turn> past = turns[^1] is { Role: Role.Assistant, Text: "" } ? turns.SkipLast(1) : turns;
        return fields.Conversation([.. past, .. now, new Turn(Role.Assistant, Without(output.Trim(), "Assistant:"))]);
    }

    private static string Without(string text, string marker) =>
        text.StartsWith(marker, StringComparison.Ordinal) ? text[marker.Length..].TrimStart() : text;
}
