using System.Text.RegularExpressions;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Removes truncated answers, such as those cut at a token limit: an open code block, a final symbol or word that requires a
/// continuation, or prose in which only the last sentence lacks a full stop.
/// </summary>
internal sealed partial class TruncationFilter : ICleaningFilter
{
    private const int LongAnswer = 160;   // characters; short answers often lack a full stop

    public string Name => "truncated";

    public string Description => "an answer that stops in the middle of a sentence or a code block";

    public FilterVerdict Check(Conversation record)
    {
        if (record.Turns.LastOrDefault(turn => turn.Role == Role.Assistant) is not { Calls.Count: 0, Text: var said })
            return FilterVerdict.Keep;   // a call is complete, or its JSON would not have been read
        var answer = said.TrimEnd();
        var end = answer[Math.Max(0, answer.Length - 80)..];
        if (CodeFence().Count(answer) % 2 == 1) return FilterVerdict.Remove("a code block is not closed", end);
        if (answer.Length < LongAnswer || answer.Contains("```", StringComparison.Ordinal)) return FilterVerdict.Keep;
        var line = answer[(answer.LastIndexOf('\n') + 1)..];
        if (LooksLikeNoProse().IsMatch(line)) return FilterVerdict.Keep;
        if (answer[^1] is ',' or '，' or '、') return FilterVerdict.Remove($"it ends with \"{answer[^1]}\"", end);
        if (DanglingWord().Match(line) is { Success: true } word)
            return FilterVerdict.Remove($"it ends with \"{word.Groups[1].Value}\"", end);
        if (char.IsLetter(answer[^1]) && SentenceEnd().Count(line) >= 2)
            return FilterVerdict.Remove("its last sentence is incomplete", end);
        return FilterVerdict.Keep;
    }

    [GeneratedRegex(@"^\s*```", RegexOptions.Multiline)]
    private static partial Regex CodeFence();

    [GeneratedRegex(@"[\p{L},]\s+(the|an|of|and|or|to|with|for|from|that|which|is|are|was|were|because|by|as|its|their)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex DanglingWord();

    // A full stop after a word, not after a number or an initial.
    [GeneratedRegex(@"(?:\p{L}{2}[.!?](?=\s)|[。！？])")]
    private static partial Regex SentenceEnd();

    // Lists, tables, code, addresses and tags.
    [GeneratedRegex(@"^\s*(?:[-*•#>|]|\d+[.)、])|https?://|[{};=<>]|#[\p{L}\p{N}_]+$")]
    private static partial Regex LooksLikeNoProse();
}
