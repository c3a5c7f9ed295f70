using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>BELLE: Chinese instructions and dialogues generated with OpenAI models.</summary>
internal static class Belle
{
    private const string Lines = "JSON lines of instruction, input, output; the first release: input, target";

    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        Set(new("belle-cn", "belle_cn", 1_079_517)
        {
            Original = true, Published = "https://huggingface.co/BelleGroup", RawFormat = Lines,
            // The original collection counts these two parts: 831,036 and 248,481 records.
            Copy = "BelleGroup/multiturn_chat_0.8M and BelleGroup/school_math_0.25M",
            Tasks = SetTasks.TS | SetTasks.MT, Type = "general instructions, mathematics, dialogue", Tags = ["general"],
        }),
        Part("belle-0.5m", "BELLE 0.5M", 519_255, "BelleGroup/train_0.5M_CN", Lines, "general instructions",
            "belle", "belle_data_cn", "Belle_open_source_0.5M"),
        Part("belle-1m", "BELLE 1M", 917_424, "BelleGroup/train_1M_CN", Lines, "general instructions",
            "Belle_open_source_1M"),
        Part("belle-1.5m", "BELLE 1.5M", 1_436_679, "BelleGroup/train_0.5M_CN and BelleGroup/train_1M_CN", Lines,
            "general instructions: 0.5M and 1M together",
            "belle1.5m", "belle_data1.5M_cn"),
        Part("belle-2m", "BELLE 2M", 2_000_000, "BelleGroup/train_2M_CN", Lines, "general instructions",
            "train_2M_CN"),
        Part("belle-chat", "BELLE generated chat 0.4M", 396_004, "BelleGroup/generated_chat_0.4M", Lines,
            "dialogues of given characters", "generated_chat_0.4M"),
        Part("belle-multiturn", "BELLE multi-turn chat 0.8M", 831_036, "BelleGroup/multiturn_chat_0.8M",
            "JSON lines of instruction (the dialogue so far, Human: and Assistant:), input, output", "dialogues of several turns",
            "multiturn_chat", "multiturn_chat_0.8M", "belle-multiturn-chat"),
        Part("belle-school-math", "BELLE school math 0.25M", 248_481, "BelleGroup/school_math_0.25M", Lines,
            "school mathematics with the way to the result", "school_math_0.25M", "school_math"),
        Part("belle-conversations", "BELLE 3.5M", 3_606_402, "BelleGroup/train_3.5M_CN",
            "JSON lines of id, conversations (from, value)", "instructions and dialogues", "train_3.5M_CN"),
    ];

    private static RecordSource Part(
        string name, string title, long records, string published, string format, string type, params string[] aliases) =>
        Set(new(name, title, records)
        {
            Aliases = published.Contains(' ') ? aliases : [.. aliases, published], PartOf = "belle-cn", Published = published,
            RawFormat = format,
            Tasks = SetTasks.MT, Type = type, Tags = ["general", "gpt-3.5"],
        });

    private static RecordSource Set(CatalogueEntry entry) => new(entry with
    {
        Licence = "GPL-3.0, research only", Languages = SetLanguages.CN, Generation = SetGeneration.SI,
    }, Convert, ownInstructions: true);

    private static Conversation Convert(RawFields fields)
    {
        if (fields.Has("conversations")) return ShareGpt.Convert(fields);
        // The first release of the 0.5M set has instruction and input in one field.
        if (fields.Has("target")) return fields.Instruction(fields.Text("input"), "", fields.Text("target"));
        var (instruction, input, output) = (fields.Text("instruction"), fields.TextOrEmpty("input"), fields.Text("output"));
        // The dialogue history ends with "Assistant:"; the output is that assistant turn.
        if (DialogueText.HumanAssistant.Parse(instruction) is not { Count: > 1 } turns)
            return fields.Instruction(instruction, input, output);
        if (input.Trim().Length > 0) throw fields.Bad("\"instruction\" is a dialogue, so \"input\" must be empty");
        IEnumerable<Turn> before = turns[^1] is { Role: Role.Assistant, Text: "" } ? turns.SkipLast(1) : turns;
        return fields.Conversation([.. before, new Turn(Role.Assistant, output.Trim())]);
    }
}
