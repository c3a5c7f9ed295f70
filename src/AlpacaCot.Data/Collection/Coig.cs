using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>COIG: translated instructions, exams, human values, counterfactual corrections and programming.</summary>
internal static class Coig
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("coig", "COIG", 298_428)
        {
            Aliases = ["BAAI/COIG"], Original = true, Published = "BAAI/COIG",
            RawFormat = "five files: trans_instruction, ...; textbox_question, ...; instruction, ...; round_0, ... (Q, A)",
            Licence = "Apache-2.0, parts under their own", Languages = SetLanguages.CN, Tasks = SetTasks.MT,
            Generation = SetGeneration.COL, Type = "translated instructions, examinations, values, corrections, programming",
            Tags = ["general", "exam", "values", "code"],
        }, Convert, ownInstructions: true),
    ];

    private static Conversation Convert(RawFields fields)
    {
        if (fields.Has("textbox_question")) return Exam(fields);
        if (fields.Has("round_0") || fields.Has("round_1")) return Correction(fields);
        return fields.Has("trans_instruction")
            ? fields.Instruction(fields.Text("trans_instruction"), fields.TextOrEmpty("trans_input"), fields.Text("trans_output"))
            : RecordSource.FromUnified(fields);
    }

    // The analysis is the reasoning, so it precedes the answer.
    private static Conversation Exam(RawFields fields)
    {
        var (context, question) = (fields.TextOrEmpty("textbox_q_context").Trim(), fields.Text("textbox_question").Trim());
        var (analysis, answer) = (fields.TextOrEmpty("textbox_answer_analysis").Trim(),
            fields.TextOrEmpty("textbox_answer").Trim());
        var task = fields.TextOrEmpty("textbox_q_instruction").Trim();
        if (context.Length > 0) question = $"{context}\n{question}";
        if (analysis.Length + answer.Length == 0)
            throw fields.Bad("both \"textbox_answer\" and \"textbox_answer_analysis\" are missing or empty");
        var output = analysis.Length == 0 ? answer : answer.Length == 0 ? analysis : $"{analysis}\n答案：{answer}";
        return task.Length > 0 ? fields.Instruction(task, question, output) : fields.Instruction(question, "", output);
    }

    // Each round is one reply of the model: JSON text with a question and its answer.
    private static Conversation Correction(RawFields fields)
    {
        var turns = new List<Turn>();
        for (var i = 0; i < 100; i++)
        {
            if (!fields.Has($"round_{i}")) continue;
            var round = fields.Element($"round_{i}");
            if (round.ValueKind != JsonValueKind.Object || !round.TryGetProperty("response", out var response))
                throw fields.Bad($"\"round_{i}\" has no \"response\"");
            try
            {
                using var reply = JsonDocument.Parse(fields.AsText(response, "response"));
                turns.Add(new Turn(Role.User, reply.RootElement.GetProperty("Q").GetString()!));
                turns.Add(new Turn(Role.Assistant, reply.RootElement.GetProperty("A").GetString()!));
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                throw fields.Bad($"the \"response\" of \"round_{i}\" is not a JSON object with \"Q\" and \"A\"");
            }
        }
        return fields.Conversation(turns);
    }
}
