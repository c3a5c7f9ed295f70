using System.Buffers;
using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>
/// The task kind of a record: from a field of the record, or one of eleven kinds determined by cue words in the first
/// instruction (the ten classes of the Belle evaluation set, and translation). A keyword heuristic, not a trained classifier.
/// </summary>
public static class TaskKind
{
    /// <summary>Fields that name a task, in order of precedence.</summary>
    private static readonly string[] Fields = ["category", "task", "task_type", "task_name", "class", "kind", "type"];

    private const int Looked = 400, LongestName = 60;   // characters

    // The order matters: "write a function that classifies" is code, "rewrite" is not "write".
    private static readonly (string Kind, SearchValues<string> Cues)[] Kinds =
    [.. new (string Kind, string[] Cues)[]
    {
        ("translation", ["translat", "翻译", "译成", "译为"]),
        ("summary", ["summar", "tl;dr", "总结", "概括", "摘要", "归纳", "概述"]),
        ("code", ["code", "python", "javascript", "java", "sql", "html", "css", "c++", "function", "algorithm", "program",
            "regex", "代码", "编程", "程序", "函数", "算法"]),
        ("classification", ["classif", "categoriz", "categoris", "sentiment", "分类", "归类", "情感", "属于哪"]),
        ("rewrite", ["rewrite", "rephrase", "paraphrase", "reword", "edit", "correct", "改写", "重写", "润色", "修改", "改成", "纠正"]),
        ("extract", ["extract", "identify", "find the", "提取", "抽取", "找出", "识别"]),
        ("math", ["calculate", "compute", "solve", "equation", "how many", "how much", "计算", "方程", "求解", "多少", "数学"]),
        ("brainstorm", ["list", "suggest", "brainstorm", "ideas", "name", "come up with", "列出", "列举", "建议", "想出", "头脑风暴"]),
        ("generation", ["write", "generate", "create", "compose", "design", "develop", "draft", "写", "生成", "创作", "设计", "编一",
            "撰"]),
    }.Select(kind => (kind.Kind, SearchValues.Create(kind.Cues, StringComparison.Ordinal)))];

    private static readonly string[] QuestionWords = ["what", "who", "when", "where", "why", "how", "which", "explain",
        "describe", "tell"];

    private static readonly SearchValues<string> ChineseQuestions = SearchValues.Create(
        ["什么", "谁", "为什么", "怎么", "如何", "解释", "介绍", "描述", "说明"], StringComparison.Ordinal);

    /// <summary>Determines the task kind of a record.</summary>
    public static string Of(Conversation conversation)
    {
        foreach (var field in Fields)
            if (conversation.Metadata.TryGetValue(field, out var value) && value.ValueKind == JsonValueKind.String
                && value.GetString() is { Length: > 0 and <= LongestName } named) return named;
        if (conversation.Turns.FirstOrDefault(turn => turn.Role == Role.User) is not { } asked) return "text";
        Span<char> small = stackalloc char[Looked];
        ReadOnlySpan<char> text = small[..asked.Text.AsSpan(0, Math.Min(asked.Text.Length, Looked)).ToLowerInvariant(small)];
        foreach (var (kind, cues) in Kinds)
            if (Has(text, cues)) return kind;
        if (asked.Input.Length > 0) return "closed question";
        return text.ContainsAny('?', '？') || Asks(text) ? "open question" : "other";
    }

    private static bool Asks(ReadOnlySpan<char> text)
    {
        foreach (var word in QuestionWords)
            if (text.StartsWith(word, StringComparison.Ordinal)) return true;
        return text.ContainsAny(ChineseQuestions);
    }

    // A Latin cue must start a word; a Chinese one may occur anywhere, because there are no spaces.
    private static bool Has(ReadOnlySpan<char> text, SearchValues<string> cues)
    {
        for (var from = 0; from < text.Length; from++)
        {
            var at = text[from..].IndexOfAny(cues);
            if (at < 0) return false;
            from += at;
            if (text[from] >= 0x80 || from == 0 || !char.IsAsciiLetter(text[from - 1])) return true;
        }
        return false;
    }
}
