using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>The record formats and their detection.</summary>
public static class RecordFormats
{
    /// <summary>
    /// Names of the input formats: <c>alpaca</c> (also <c>{text}</c>), <c>pairs</c> (alpaca with other field names),
    /// <c>sharegpt</c>, <c>belle</c> (either sharegpt or alpaca), <c>openai</c>, <c>preference</c>, <c>questions</c> (MT-bench),
    /// <c>self-instruct</c> (seed tasks) and <c>text</c> (a plain text file, one record per line).
    /// </summary>
    public static IReadOnlyList<string> Names { get; } =
        ["alpaca", "pairs", "sharegpt", "belle", "openai", "preference", "questions", "self-instruct", "text"];

    /// <summary>Fields that can be renamed: the keys of <see cref="ReadOptions.Columns"/>.</summary>
    public static IReadOnlyList<string> Fields { get; } =
        [.. FlatRecord.Names, "conversations", "messages", "prompt", "chosen"];

    private static readonly string[] Instructions =
        ["instruction", "question", "query", "prompt", "problem", "task", "human", "user", "inputs", "source", "input"];

    private static readonly string[] Inputs = ["input", "context"];

    private static readonly string[] Outputs =
        ["output", "response", "answer", "completion", "solution", "assistant", "targets", "target", "bot"];

    /// <summary>Validates format and column names.</summary>
    /// <exception cref="InputException">An unknown format or field.</exception>
    internal static void Check(ReadOptions options)
    {
        if (options.Format is { } format && !Names.Contains(format))
            throw new InputException($"Unknown format \"{format}\". {Spelling.Suggestion(format, [.. Names])}");
        foreach (var field in options.Columns.Keys)
            if (!Fields.Contains(field))
                throw new InputException($"Unknown field \"{field}\" in the column mapping. "
                    + $"{Spelling.Suggestion(field, [.. Fields])}");
    }

    /// <summary>
    /// The format for a record: the one in the options, else the detected one; null if none matches.
    /// </summary>
    internal static IRecordFormat? Of(ReadOnlySpan<byte> json, ReadOptions options, bool isTable)
    {
        if (JsonText.Read(json, out var record) is not null || record.ValueKind != JsonValueKind.Object) return null;
        var names = record.EnumerateObject().Select(field => field.Name).ToHashSet();
        var columns = options.Columns;
        foreach (var (own, given) in columns)
            if (names.Remove(given)) names.Add(own);
        var isList = (string name) => columns.GetValueOrDefault(name, name) is var key
            && record.TryGetProperty(key, out var value)
            && FlatRecord.Decoded(value).ValueKind == JsonValueKind.Array;
        var format = options.Format ?? Recognise(names, isList);
        return format switch
        {
            null => columns.Count > 0 ? Flat("pairs", names, columns, isTable) : null,
            "belle" => isList("conversations") ? new DialogueRecord("sharegpt", columns) : Flat("alpaca", [], columns, isTable),
            "alpaca" or "text" => Flat("alpaca", [], columns, isTable),
            "pairs" => Flat("pairs", names, columns, isTable),
            _ => new DialogueRecord(format, columns),
        };
    }

    private static string? Recognise(HashSet<string> names, Func<string, bool> isList)
    {
        if ((names.Contains("chosen") && names.Contains("rejected"))
            || (names.Contains("preferred_output") && names.Contains("non_preferred_output")))
            return "preference";
        if (isList("messages")) return "openai";
        if (isList("conversations") || isList("conversation") || isList("dialog") || isList("dialogue")) return "sharegpt";
        if (names.Contains("instruction") && isList("instances")) return "self-instruct";
        if (names.Contains("instruction") && names.Contains("output")) return "alpaca";
        if (isList("turns") || isList("choices")) return "questions";
        if (Array.Find(Outputs, names.Contains) is { } output && (output != "output"
            || Array.Exists(Instructions, names.Contains)))
            return "pairs";
        return names.Contains("text") ? "alpaca" : null;
    }

    private static FlatRecord Flat(string name, HashSet<string> names, IReadOnlyDictionary<string, string> columns, bool isTable)
    {
        var own = columns.ToDictionary(c => c.Key, string? (c) => c.Value);
        if (name != "pairs") return new FlatRecord(name, own, isTable);
        if (!own.ContainsKey("output")) own["output"] = Array.Find(Outputs, names.Contains);
        if (!own.ContainsKey("instruction"))
            own["instruction"] = Array.Find(Instructions, candidate => names.Contains(candidate)
                && !own.ContainsValue(candidate));
        if (!own.ContainsKey("input"))
            own["input"] = Array.Find(Inputs, candidate => names.Contains(candidate) && !own.ContainsValue(candidate));
        return new FlatRecord(name, own, isTable);
    }
}
