using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// The first answer of a text. A model that does not stop continues with a question of its own and answers it: what follows
/// is no answer to the question that was asked.
/// </summary>
internal static partial class FirstAnswer
{
    /// <summary>The text before the first continuation, such as a line that begins with <c>Q:</c> or <c>### Instruction</c>, or a
    /// special token of a chat format; the whole text where there is none.</summary>
    public static string Of(string text)
    {
        foreach (var match in Continuation.EnumerateMatches(text))
            if (!text.AsSpan(0, match.Index).IsWhiteSpace()) return text[..match.Index];
        return text;
    }

    [GeneratedRegex("""
        (?: ^ | \n ) [ \t]*
            (?: (?: [\#*>]+ [ \t]* )? (?: Q | Questions? | Problem | Exercise | Instruction | Human | User ) [ \t]* [0-9]* \*{0,2} [ \t]* [:：]
              | \#{2,} [ \t]* (?: Instruction | Input | Response | Question | Problem | Human | User | 指令 | 问题 )
              | (?: [\#*>]+ [ \t]* )? (?: 问题 | 问 | 题目 | 例题 | 用户 | 人类 | 指令 ) [ \t]* [0-9]* \*{0,2} [ \t]* [:：]
              | Below \s is \s an \s instruction )
        | (?<= [.!?。！？)\]}*] ) [ \t]* (?: Human | User ) [ \t]* [:：]
        | <\| [a-z_]+ \|> | </s> | \[/?INST\] | < (?: start | end ) _of_turn>
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Continuation { get; }
}
