using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>HC3: questions with human and ChatGPT answers.</summary>
internal static class Hc3
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(Entry("hc3", "HC3", "answers of ChatGPT", "Hello-SimpleAI/HC3", "hc3-chatgpt") with { Original = true },
            fields => Answers(fields, "chatgpt_answers")),
        new RecordSource(Entry("hc3-human", "HC3, answers of people", "answers of people") with
        {
            PartOf = "hc3", Generation = SetGeneration.HG,
        }, fields => Answers(fields, "human_answers")),
    ];

    private static CatalogueEntry Entry(string name, string title, string type, params string[] aliases) =>
        new(name, title, 37_175)
    {
        Aliases = aliases, Published = "Hello-SimpleAI/HC3 and Hello-SimpleAI/HC3-Chinese",
        Files = ["all.jsonl"],
        RawFormat = "JSON lines of question, human_answers, chatgpt_answers; records are counted as questions",
        Licence = "CC BY-SA 4.0, parts stricter (CC BY-NC 4.0)", Languages = SetLanguages.EN | SetLanguages.CN,
            Tasks = SetTasks.TS,
        Generation = SetGeneration.MIX, Type = $"questions on finance, medicine, law, ...: {type}", Tags = ["qa", "dialogue"],
    };

    private static IEnumerable<Conversation> Answers(RawFields fields, string field)
    {
        var question = fields.Text("question");
        _ = (fields.Element("human_answers"), fields.Element("chatgpt_answers"));   // mark both as used: not metadata
        return fields.Items(field).Select(answer => fields.AsText(answer, field)).Where(answer => answer.Trim().Length > 0)
            .Select(answer => fields.Instruction(question, "", answer));
    }
}
