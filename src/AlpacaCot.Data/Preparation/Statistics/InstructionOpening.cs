using System.Collections.Frozen;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>
/// Rule-based root verb and object of an instruction. In scripts with spaces the root is the first word after words of courtesy
/// ("please", "can you", "I want you to"), usually a verb or question word; the object is the first word after it
/// that is not an article, pronoun, preposition or number. In Chinese the root, after words of courtesy (请, 帮我, 能否), is one
/// character if that is a common verb (写, 给, 将) and the next word cannot belong to it, else two characters.
/// </summary>
/// <param name="Root">Verb or question word in lower case; empty if not found.</param>
/// <param name="Object">Its object in lower case; empty if not found, and in Chinese.</param>
public readonly record struct InstructionOpening(string Root, string Object)
{
    private const int LongestWord = 24, WordsLooked = 12;

    private static readonly FrozenSet<string> Courtesy = Set("please kindly can could would will you u i want need like to help "
        + "me us let let's hi hello hey ok okay now so and then also");

    private static readonly FrozenSet<string> Small =
        Set("a an the this that these those following given some any all each every "
        + "my your his her its our their me us you him them it i we he she they of in on at to for from with by about as into "
        + "over and or is are was were be been do does did can could would will should has have had if whether "
        + "one two three four five six seven eight nine ten new each both no not there here more most");

    private static readonly string[] ChineseCourtesy = ["请你帮我", "请帮我", "请您", "请你", "请问", "请", "帮我", "帮忙", "麻烦你", "麻烦", "你能否",
        "你能", "你可以", "能不能", "能否", "可以", "可否", "我想让你", "我希望你", "我想要", "我想", "我需要", "现在", "给我", "为我", "你好", "您好"];

    private const string VerbsAlone = "写给将把用为从让说讲列做画找选对在按编译算答改造起填求如",
        NotPartOfVerb = "一二三四五六七八九十两几某这那此该每以下所各个出我你他她它其首篇段句份0123456789";

    /// <summary>Analyses the beginning of an instruction.</summary>
    public static InstructionOpening Of(string instruction)
    {
        var text = instruction.AsSpan(0, Math.Min(instruction.Length, 400)).TrimStart();
        var chinese = text.TrimStart("“\"'《【（(*#：: ，,。.!！、-");
        return chinese.Length > 0 && IsHan(chinese[0]) ? new(Chinese(chinese), "") : Words(text);
    }

    private static string Chinese(ReadOnlySpan<char> text)
    {
        for (var again = true; again;)
        {
            again = false;
            foreach (var courtesy in ChineseCourtesy)
            {
                if (!text.StartsWith(courtesy, StringComparison.Ordinal)) continue;
                var rest = text[courtesy.Length..].TrimStart("，,。.!！、：: \n");
                if (rest.Length == 0 || !IsHan(rest[0])) continue;
                text = rest;
                again = true;
                break;
            }
        }
        var alone = text.Length < 2 || !IsHan(text[1]) || (VerbsAlone.Contains(text[0]) && NotPartOfVerb.Contains(text[1]));
        return text[..(alone ? 1 : 2)].ToString();
    }

    private static InstructionOpening Words(ReadOnlySpan<char> text)
    {
        var root = "";
        for (var words = 0; words < WordsLooked && !text.IsEmpty; words++)
        {
            var start = 0;
            while (start < text.Length && !char.IsLetter(text[start]))
            {
                // The object is searched for only within the clause of the verb.
                if (root.Length > 0 && text[start] is '.' or ',' or ':' or ';' or '?' or '!' or '\n') return new(root, "");
                start++;
            }
            var end = start;
            while (end < text.Length && (char.IsLetter(text[end]) || text[end] is '\'' or '’' or '-')) end++;
            if (start == end || IsHan(text[start])) break;
            var word = end - start <= LongestWord ? text[start..end].ToString().ToLowerInvariant().TrimEnd('\'', '’', '-') : "";
            text = text[end..];
            if (word.Length == 0) continue;
            if (root.Length == 0)
            {
                if (!Courtesy.Contains(word)) root = word;
            }
            else if (!Small.Contains(word)) return new(root, word);
        }
        return new(root, "");
    }

    private static bool IsHan(char c) => c is >= '\u4E00' and <= '\u9FFF' or >= '\u3400' and <= '\u4DBF';

    private static FrozenSet<string> Set(string words) => words.Split(' ').ToFrozenSet(StringComparer.Ordinal);
}
