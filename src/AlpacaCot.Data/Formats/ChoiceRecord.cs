using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads questions of multiple choice as MMLU, ARC, CommonsenseQA, AQuA, MedQA and C-Eval publish them: the options become lines
/// of the question, and the answer, an index from 0, a letter or an option's text, becomes the letter with the text. All other
/// fields become metadata.
/// </summary>
internal sealed partial class ChoiceRecord(IReadOnlyDictionary<string, string> columns) : IRecordFormat
{
    private static readonly string[] Questions =
        ["question", "Question", "question_stem", "query", "problem", "instruction", "prompt"];

    private static readonly string[] Contexts = ["input", "context", "passage", "article"];

    private static readonly string[] Options = ["choices", "options"];

    private static readonly string[] Answers = ["answer", "Answer", "answerKey", "answer_key", "answer_idx", "answer_index",
        "correct_answer", "correct_option", "correct", "cop", "label", "target", "output"];

    private static readonly string[][] Letters =
        [.. new[] { "{0}", "option_{0}", "option{0}", "choice_{0}", "op{0}" }.SelectMany(form => new[] { "ABCDEFGH", "abcdefgh" }
            .Select(letters => letters.Select(letter => string.Format(CultureInfo.InvariantCulture, form, letter)).ToArray()))];

    [GeneratedRegex(@"^\s*\(?([A-Za-z])\s*[).:、．]\s*", RegexOptions.NonBacktracking)]
    private static partial Regex OwnLetter();

    public string Name => "choices";

    /// <summary>Whether a record is a question with options and an answer.</summary>
    public static bool Fits(RecordFields fields)
    {
        if (!Array.Exists(Questions, name => fields.Has(name) && fields.IsText(name))
            || !Array.Exists(Answers, name => name != "output" && fields.Has(name)))
            return false;
        var list = Array.Find(Options, fields.Has) is { } key ? FlatRecord.Decoded(fields.Value(key)) : default;
        return list.ValueKind switch
        {
            JsonValueKind.Array => list.GetArrayLength() > 0 && list.EnumerateArray().All(option =>
                option.ValueKind is JsonValueKind.String or JsonValueKind.Number || OptionText(option) is not null),
            JsonValueKind.Object => list.EnumerateObject().All(option => option.Value.ValueKind is JsonValueKind.String
                or JsonValueKind.Array) && list.EnumerateObject().Any(),
            _ => Array.Exists(Letters, names => fields.Has(names[0]) && fields.Has(names[1])),
        };
    }

    public string? Parse(ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        if (JsonText.Read(json, out var record) is { } broken) return broken;
        if (record.ValueKind != JsonValueKind.Object) return $"it is {JsonText.Kind(record)}, expected an object";
        var fields = DialogueTurns.Fields(record, []);
        var questionField = Field("instruction", Questions);
        if (questionField is null || Text(fields[questionField]) is not { } question)
            return $"it has no question (allowed: {string.Join(", ", Questions)}); {FlatRecord.FieldsOf(json)}";
        if (ReadOptions(fields, out var labels, out var texts, out var used) is { } problem) return problem;
        var answerField = Field("output", Answers);
        if (answerField is null || fields[answerField] is not { ValueKind: not JsonValueKind.Null } answer
            || (answer.ValueKind == JsonValueKind.String && string.IsNullOrWhiteSpace(answer.GetString())))
            return $"its answer \"{answerField ?? "answer"}\" has no value; write the answer, or skip such records";
        var right = Find(answer, labels, texts);
        if (right < 0)
            return $"its \"{answerField}\" is {answer.GetRawText()}, which is none of its {texts.Count} options: allowed is an "
                + "index "
                + $"from 0 to {texts.Count - 1}, a letter ({string.Join(", ", labels)}), or the text of an option; "
                + "format: pairs reads such records without their options";
        var context = Field("input", Contexts) is { } found && Text(fields[found]) is { } material ? (found, material) : default;
        foreach (var name in used.Append(questionField).Append(answerField).Append(context.found).OfType<string>())
            fields.Remove(name);
        var turns = new List<Turn>();
        if (fields.TryGetValue("system", out var system) && Text(system) is { } rule)
        {
            fields.Remove("system");
            if (rule.Length > 0) turns.Add(new Turn(Role.System, rule));
        }
        turns.Add(new Turn(Role.User, question.TrimEnd() + "\n"
            + string.Join('\n', labels.Zip(texts, (label, text) => $"{label}. {text}")), context.material ?? ""));
        turns.Add(new Turn(Role.Assistant, $"{labels[right]}. {texts[right]}"));
        conversation = fields.Count == 0 ? new Conversation(turns) : new Conversation(turns) { Metadata = fields };
        return null;

        string? Field(string role, string[] names) => columns.TryGetValue(role, out var given)
            ? fields.ContainsKey(given) ? given : null : Array.Find(names, fields.ContainsKey);
    }

    /// <summary>The roles of the fields, for the log.</summary>
    public string Roles(HashSet<string> names)
    {
        var options = Array.Find(Options, names.Contains)
            ?? (Array.Find(Letters, letters => names.Contains(letters[0]) && names.Contains(letters[1])) is { } found
                ? string.Join(", ", found.TakeWhile(names.Contains)) : "options");
        var (question, answer) = (columns.GetValueOrDefault("instruction") ?? Array.Find(Questions, names.Contains),
            columns.GetValueOrDefault("output") ?? Array.Find(Answers, names.Contains));
        return $"{question} with {options} -> instruction, {answer} -> output";
    }

    private static string? ReadOptions(OrderedDictionary<string, JsonElement> fields, out List<string> labels,
        out List<string> texts, out List<string> used)
    {
        (labels, texts, used) = ([], [], []);
        if (Array.Find(Options, fields.ContainsKey) is { } key)
        {
            used.Add(key);
            var list = FlatRecord.Decoded(fields[key]);
            if (list.ValueKind == JsonValueKind.Object && list.TryGetProperty("text", out var inner)
                && inner.ValueKind == JsonValueKind.Array)
            {
                if (list.TryGetProperty("label", out var names) && names.ValueKind == JsonValueKind.Array)
                    labels.AddRange(names.EnumerateArray().Select(name => Text(name) ?? ""));
                list = inner;
            }
            if (list.ValueKind == JsonValueKind.Object)
                foreach (var option in list.EnumerateObject())
                {
                    labels.Add(option.Name);
                    texts.Add(Text(option.Value) ?? "");
                }
            else if (list.ValueKind == JsonValueKind.Array)
                foreach (var option in list.EnumerateArray())
                {
                    if (option.ValueKind == JsonValueKind.Object && Label(option) is { } label) labels.Add(label);
                    texts.Add((option.ValueKind == JsonValueKind.Object ? OptionText(option) : Text(option)) ?? "");
                }
            else return $"its \"{key}\" is {JsonText.Kind(list)}, expected a list of options";
        }
        else if (Array.Find(Letters, names => fields.ContainsKey(names[0]) && fields.ContainsKey(names[1])) is { } names)
            foreach (var name in names.TakeWhile(fields.ContainsKey))
            {
                used.Add(name);
                if (Text(fields[name]) is { Length: > 0 } text) texts.Add(text);
            }
        if (texts.Count is < 2 or > 26) return $"it has {texts.Count} options, expected 2 to 26";
        if (labels.Count != texts.Count) labels = [.. Enumerable.Range(0, texts.Count).Select(i => ((char)('A' + i)).ToString())];
        if (texts.Exists(string.IsNullOrWhiteSpace)) return "one of its options is empty";
        // Options that begin with their own letters, "A) 12", would have them twice.
        if (texts.Zip(labels).All(pair => OwnLetter().Match(pair.First) is { Success: true } own
            && own.Groups[1].Value.Equals(pair.Second, StringComparison.OrdinalIgnoreCase)))
            texts = texts.ConvertAll(text => OwnLetter().Replace(text, ""));
        return null;
    }

    private static int Find(JsonElement answer, List<string> labels, List<string> texts)
    {
        if (answer.ValueKind == JsonValueKind.Number)
            return answer.TryGetInt32(out var index) && index >= 0 && index < texts.Count ? index : -1;
        if (Text(answer)?.Trim() is not { } said) return -1;
        if (labels.IndexOf(said) is >= 0 and var label) return label;
        if (texts.FindIndex(text => text.Trim() == said) is >= 0 and var whole) return whole;
        var letter = OwnLetter().Match(said) is { Success: true } own ? own.Groups[1].Value : said.Trim('(', ')', '.', ' ');
        if (labels.FindIndex(name => name.Equals(letter, StringComparison.OrdinalIgnoreCase)) is >= 0 and var named)
            return named;
        return int.TryParse(said, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < texts.Count
            ? number : -1;
    }

    private static string? Label(JsonElement option) =>
        option.TryGetProperty("label", out var label) || option.TryGetProperty("key", out label) ? Text(label) : null;

    private static string? OptionText(JsonElement option) => option.ValueKind == JsonValueKind.Object
        && (option.TryGetProperty("text", out var text) || option.TryGetProperty("value", out text)) ? Text(text) : null;

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    };
}
