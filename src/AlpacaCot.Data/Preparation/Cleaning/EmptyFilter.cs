using System.Collections.Frozen;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>Removes records with an empty question or answer, or with a placeholder as the answer.</summary>
internal sealed class EmptyFilter : ICleaningFilter
{
    private static readonly FrozenSet<string> Placeholders = new[]
    {
        "nan", "null", "undefined", "n/a", "nooutput", "no output", "no output needed", "no output required", "empty", "tbd",
        "无输出", "空输出", "<no output>", "<nooutput>", "<empty>",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public string Name => "empty";

    public string Description => "no question, no answer, or a placeholder such as <nooutput>";

    public FilterVerdict Check(Conversation record)
    {
        var last = record.Turns.LastOrDefault(turn => turn.Role == Role.Assistant);
        var answer = last?.Text ?? "";
        if (last is null or { IsEmpty: true })
            return FilterVerdict.Remove("the answer is empty", ConversationText.Prompt(record));
        if (last is { Calls.Count: 0 } && Placeholders.Contains(answer.Trim(' ', '\t', '\r', '\n', '.', '。', '[', ']', '(', ')')))
            return FilterVerdict.Remove("the answer is a placeholder", answer);
        if (record.Turns.Count > 1 && record.Turns.Where(turn => turn.Role == Role.User)
                .All(turn => turn.IsEmpty))
            return FilterVerdict.Remove("the question is empty", answer);
        return FilterVerdict.Keep;
    }
}
