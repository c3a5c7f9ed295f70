using System.Text.RegularExpressions;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>GSM8K: grade-school math word problems.</summary>
internal static partial class Gsm8k
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("gsm8k", "GSM8K", 7_473)
        {
            Aliases = ["openai/gsm8k", "grade-school-math"], Published = "openai/gsm8k", Files = ["main/train*"],
            RawFormat = "JSON lines of question, answer (steps with <<sum>> marks, last line #### result)", Licence = "MIT",
            Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.HG,
            Type = "word problems with their solution step by step", Tags = ["cot", "math", "reasoning", "human"],
        }, Convert),
    ];

    private static Conversation Convert(RawFields fields)
    {
        var answer = fields.Text("answer");
        if (answer.LastIndexOf("####", StringComparison.Ordinal) is not (>= 0 and var at))
            throw fields.Bad("\"answer\" has no #### line with the result");
        return fields.Instruction(fields.Text("question").Trim(), "",
            $"{Marks().Replace(answer[..at], "").Trim()}\nThe answer is {answer[(at + 4)..].Trim()}.");
    }

    // Calculator annotations: 48/2 = <<48/2=24>>24.
    [GeneratedRegex("<<[^<>]*>>")]
    private static partial Regex Marks();
}
