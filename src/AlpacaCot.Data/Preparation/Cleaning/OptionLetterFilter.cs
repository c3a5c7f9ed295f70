using System.Text.RegularExpressions;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Removes multiple-choice records whose answer names a letter that is not an option, or a letter with the text of another
/// option.
/// </summary>
internal sealed partial class OptionLetterFilter : ICleaningFilter
{
    public string Name => "options";

    public string Description => "a multiple-choice answer whose letter is not an option, or belongs to another option's text";

    public FilterVerdict Check(Conversation record)
    {
        for (var i = 1; i < record.Turns.Count; i++)
        {
            var (question, answer) = (record.Turns[i - 1], record.Turns[i]);
            if (answer.Role != Role.Assistant || question.Role != Role.User) continue;
            var options = Options($"{question.Text}\n{question.Input}");
            if (options.Count < 2 || !Chooses(question)) continue;
            if (Named(answer.Text) is not { } named) continue;
            var last = (char)('A' + options.Count - 1);
            if (named.Letter > last)
                return FilterVerdict.Remove($"the answer is {named.Letter}, but the options are A to {last}", answer.Text);
            var other = options.FindIndex(option => option.Length > 0 && option == named.Text);
            if (other >= 0 && options[named.Letter - 'A'] != named.Text)
                return FilterVerdict.Remove($"the answer is {named.Letter} with the text of {(char)('A' + other)}", answer.Text);
        }
        return FilterVerdict.Keep;
    }

    // "Add an option" and "put them in order" list options but do not ask to choose one.
    private static bool Chooses(Turn question) => !NotAChoice().IsMatch(question.Text);

    /// <summary>The texts of the options A, B, ... in order, up to the first missing letter.</summary>
    private static List<string> Options(string question)
    {
        var marks = new List<Match>();
        foreach (Match mark in OptionMark().Matches(question))
            if (LetterOf(mark) == 'A' + marks.Count) marks.Add(mark);
        return [.. marks.Select((mark, i) =>
            Plain(question[(mark.Index + mark.Length)..(i + 1 < marks.Count ? marks[i + 1].Index : question.Length)]))];
    }

    private static (char Letter, string Text)? Named(string answer)
    {
        if (Alone().Match(answer) is { Success: true } alone)
            return (LetterOf(alone), Plain(answer[(alone.Index + alone.Length)..]));
        return Stated().Matches(answer).LastOrDefault() is { } stated ? (LetterOf(stated), "") : null;
    }

    private static char LetterOf(Match match)
    {
        var letter = match.Groups["letter"].ValueSpan[0];
        return char.ToUpperInvariant(letter >= '\uFF21' ? (char)(letter - 0xFEE0) : letter);
    }

    // The first line without surrounding punctuation; some data sets contain line feeds as the two characters \n.
    private static string Plain(string text) =>
        text.Split(["\n", @"\n"], 2, StringSplitOptions.TrimEntries)[0]
            .Trim(' ', '.', '。', ',', '，', ';', '；', ':', '-').ToLowerInvariant();

    [GeneratedRegex(@"(?:[(（](?<letter>[A-Ja-jＡ-Ｊ])[)）]|(?<![\p{L}\p{N}.'])(?<letter>[A-JＡ-Ｊ])[)）.．、:：](?!\p{L}[.）)]))")]
    private static partial Regex OptionMark();

    [GeneratedRegex(@"^\s*(?:[(（](?<letter>[A-JＡ-Ｊ])[)）]|(?<letter>[A-JＡ-Ｊ])(?:[)）.．、:：]|\s*$))")]
    private static partial Regex Alone();

    [GeneratedRegex(@"(?:(?:answer|option|choice)(?:\s+is)?|答案(?:是|为|选)?|(?:应|故)?选择?)\s*[:：]?\s*"
        + @"(?:[(（](?<letter>[A-JＡ-Ｊ])[)）]|(?<letter>[A-JＡ-Ｊ])(?![\p{L}\p{N}']))",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Stated();

    [GeneratedRegex(@"\b(?:add|create|generate|write|rank|order|arrange|rearrange|sort|insert|"
        + @"another|additional|new option)\b|添加|新增|生成|编写|排序|排列|顺序",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NotAChoice();
}
