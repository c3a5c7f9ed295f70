using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads records with an instruction and an answer: Stanford Alpaca, also with renamed fields, with <c>system</c> and
/// <c>history</c> as in LLaMA-Factory and ms-swift, or <c>{text}</c>. All other fields become metadata. Names are looked up in
/// every record: Dolly's <c>context</c> is the input and OpenOrca's <c>system_prompt</c> the system text of each record that has
/// one. This is the hot path of reading: one pass over the bytes, without a JSON document.
/// </summary>
internal sealed class FlatRecord : IRecordFormat
{
    private const int Instruction = 0, Input = 1, Output = 2, Text = 3, System = 4, Rejected = 5, History = 6, Turns = 7,
        Fields = 8, Context = 9, SystemPrompt = 10;

    /// <summary>Standard field names, indexed by the constants above.</summary>
    public static readonly string[] Names = ["instruction", "input", "output", "text", "system", "rejected", "history"];

    /// <summary>Metadata keys for the last question and answer, and for fields whose names are reserved.</summary>
    public const string TurnsField = "_turns", OtherFields = "_fields";

    private readonly byte[]?[] _keys = new byte[]?[SystemPrompt + 1];
    private readonly string?[] _names = new string?[SystemPrompt + 1];
    private readonly bool _isTable;
    private readonly AnswerRule _answers;
    private readonly IReadOnlyDictionary<string, JsonValueKind>? _table;

    /// <summary>Creates a format with renamed fields.</summary>
    /// <param name="name">Name of the format.</param>
    /// <param name="columns">The file's names for <see cref="Names"/>; missing keys keep the standard name.</param>
    /// <param name="isTable">Whether a missing question may be read as empty.</param>
    /// <param name="table">The columns of a table; null for other files.</param>
    /// <param name="answers">What is read of a record without an answer.</param>
    public FlatRecord(string name, IReadOnlyDictionary<string, string?> columns, bool isTable,
        IReadOnlyDictionary<string, JsonValueKind>? table = null, AnswerRule answers = AnswerRule.Stated)
    {
        (Name, _isTable, _table, _answers) = (name, isTable, table, answers);
        foreach (var (field, own) in Names.Append(TurnsField).Append(OtherFields).Index())
            _names[field] = columns.TryGetValue(own, out var given) ? given : columns.Values.Contains(own) ? null : own;
        // Another name for the same field holds where the file has no field of the standard name and the user names none.
        foreach (var (field, standard, other) in new[] { (Context, "input", "context"),
            (SystemPrompt, "system", "system_prompt") })
            if (!columns.ContainsKey(standard) && !columns.Values.Contains(other) && table?.ContainsKey(standard) != true)
                _names[field] = other;
        for (var field = 0; field < _keys.Length; field++)
            _keys[field] = _names[field] is { } key ? Encoding.UTF8.GetBytes(key) : null;
    }

    public string Name { get; }

    /// <summary>Which of the other names, for the input and the system text, records had so far.</summary>
    public int OtherNamesUsed { get; private set; }

    /// <summary>Whether another format takes the instruction and the answer from the same fields.</summary>
    public bool HasRolesOf(FlatRecord other) => _names[Instruction] == other._names[Instruction]
        && _names[Output] == other._names[Output] && _names[Text] == other._names[Text];

    /// <summary>Whether a field of this name has a role.</summary>
    public bool Uses(string name) => Array.IndexOf(_names, name) >= 0;

    /// <summary>The file's name of plain text.</summary>
    public string? TextField => _names[Text];

    /// <summary>Whether a field is part of the prompt: not the answer, the rejected one, or plain text.</summary>
    public bool IsOfPrompt(string name) => Array.IndexOf(_names, name) is Instruction or Input or System or History or Context
        or SystemPrompt;

    /// <summary>The file's name of the answer.</summary>
    public string? AnswerField => _names[Output];

    /// <summary>The file's names of the fields in which an empty cell, NA or null is no text.</summary>
    public IEnumerable<string> TextFields =>
        new[] { Instruction, Input, Output, Text, System, Rejected, Context, SystemPrompt }.Select(one => _names[one])
            .OfType<string>();

    /// <summary>The renamed fields that a record or table has: the file's name and the standard one.</summary>
    public IEnumerable<(string Theirs, string Role)> Renamed(Func<string, bool> has) =>
        new[] { Instruction, Input, Context, Output, Text, System, SystemPrompt, Rejected, History }
            .Select(field => (Theirs: _names[field]!, Role: field switch
            {
                Context => Names[Input], SystemPrompt => Names[System], _ => Names[field],
            }))
            .Where(pair => pair.Theirs is not null && pair.Theirs != pair.Role && has(pair.Theirs)
                && !(pair.Theirs == _names[Context] && _names[Input] is { } input && has(input))
                && !(pair.Theirs == _names[SystemPrompt] && _names[System] is { } system && has(system)));

    public string? Parse(ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        if (!Utf8.IsValid(json)) return "it contains invalid UTF-8";
        try
        {
            return ParseText(json, out conversation);
        }
        catch (InvalidOperationException)   // thrown by the reader for an unpaired surrogate
        {
            return JsonText.HalfCharacter;
        }
    }

    private string? ParseText(ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return $"it is {JsonText.Kind(reader.TokenType)}, expected an object with \"instruction\" and \"output\"";

        var texts = new FieldTexts();
        var (seen, valued) = (0, 0);
        var (textKind, textAt) = (JsonTokenType.None, 0);
        var (others, othersAt, wrongContext) = (new OtherTexts(), new OtherPlaces(), JsonTokenType.None);
        JsonElement history = default, turns = default;
        OrderedDictionary<string, JsonElement>? metadata = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader);
            var name = field < 0 ? reader.GetString()! : null;
            if (field >= 0 && (seen & (1 << field)) != 0) return $"its \"{_names[field]}\" occurs twice";
            if (field >= 0) seen |= 1 << field;
            reader.Read();
            if (field is >= 0 and <= Rejected && reader.TokenType == JsonTokenType.String)
            {
                texts[field] = reader.GetString();
                valued |= 1 << field;
                if (field == Text) (textKind, textAt) = (JsonTokenType.String, metadata?.Count ?? 0);
            }
            else if (field is Input or System or Rejected or History or Context or SystemPrompt
                && reader.TokenType == JsonTokenType.Null) continue;
            else if (field is Output or Instruction && reader.TokenType == JsonTokenType.Null
                && _answers == AnswerRule.Optional) continue;
            else if (field is Context or SystemPrompt && reader.TokenType == JsonTokenType.String)
                (others[field - Context], othersAt[field - Context]) = (reader.GetString(), metadata?.Count ?? 0);
            else if (field == Output && reader.TokenType == JsonTokenType.Null) return NoAnswer();
            else if (field is >= 0 and <= Rejected and not Text) return WrongType(field, reader.TokenType);
            else
            {
                if (field == Context) wrongContext = reader.TokenType;
                var value = JsonElement.ParseValue(ref reader);
                if (field == History) history = Decoded(value);
                else if (field == Turns) turns = Decoded(value);
                else if (field == Fields && Decoded(value) is { ValueKind: JsonValueKind.Object } hidden)
                {
                    foreach (var one in hidden.EnumerateObject()) (metadata ??= [])[one.Name] = one.Value;
                }
                else
                {
                    // Next to an instruction, "text" is metadata; its type is only checked if it is used.
                    if (field == Text) textKind = KindOf(value);
                    if (!(metadata ??= []).TryAdd(name ?? _names[field]!, value)) return $"its \"{name}\" occurs twice";
                }
            }
        }

        var isText = texts[Instruction] is null && texts[Output] is null;
        if (wrongContext != JsonTokenType.None && !isText && (valued & (1 << Input)) == 0)
            return WrongType(Context, wrongContext) + "; name another field as the input with columns: { input: NAME }";
        for (var other = 0; other <= SystemPrompt - Context; other++)
            if (others[other] is { } text)
            {
                var standard = other == 0 ? Input : System;
                if ((valued & (1 << standard)) == 0 && !(isText && standard == Input))
                {
                    texts[standard] = text;
                    OtherNamesUsed |= 1 << other;
                }
                else
                    (metadata ??= []).Insert(Math.Min(othersAt[other], metadata.Count), _names[Context + other]!,
                        JsonSerializer.SerializeToElement(text));
            }
        if (metadata is not null) JsonText.CheckEscapes(json);
        var problem = Build(texts, textKind, textAt, history, turns, ref metadata, json, out conversation);
        if (problem is null && metadata is not null) conversation = conversation! with { Metadata = metadata };
        return problem;
    }

    private string? Build(FieldTexts texts, JsonTokenType textKind, int textAt, JsonElement history, JsonElement turns,
        ref OrderedDictionary<string, JsonElement>? metadata, ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        var (instruction, output) = (texts[Instruction], texts[Output]);
        var isRow = _table is not null && _names[Output] is { } cell && _table.ContainsKey(cell);
        if (_answers == AnswerRule.Optional && (instruction is not null || isRow)) output ??= "";
        if (_isTable && output is not null) instruction ??= _names[Instruction] is null ? null : "";
        if (instruction is null && output is null)
        {
            if (texts[Text] is null)
                return textKind != JsonTokenType.None ? WrongType(Text, textKind)
                    : metadata?.ContainsKey("message_tree_id") == true
                    ? "it is a message tree with several dialogues; convert it with data convert --source oasst1"
                    : isRow ? NoAnswer()
                    : _table is not null && _names[Text] is { } plain && _table.ContainsKey(plain) ? $"its \"{plain}\" is empty"
                    : $"it has neither \"{_names[Instruction] ?? "instruction"}\" and \"{_names[Output]}\" nor \"text\"; "
                        + FieldsOf(json);
            conversation = Conversation.PlainText(texts[Text]!);
        }
        else
        {
            if (instruction is null && _names[Instruction] is { } missing) return $"it has no \"{missing}\"; {FieldsOf(json)}";
            if (output is null) return isRow ? NoAnswer() : $"it has no \"{_names[Output]}\"; {FieldsOf(json)}";
            if (texts[Text] is { } text)
                (metadata ??= []).Insert(Math.Min(textAt, metadata.Count), _names[Text]!,
                    JsonSerializer.SerializeToElement(text));
            conversation = instruction is null ? Conversation.PlainText(output)
                : Conversation.Instruction(instruction, texts[Input] ?? "", output);
        }
        if (texts[Rejected] is { } rejected) conversation = conversation with { Rejected = rejected };
        if (IsNoHistory(history)) history = default;
        if (string.IsNullOrEmpty(texts[System]) && history.ValueKind == JsonValueKind.Undefined
            && turns.ValueKind == JsonValueKind.Undefined)
            return null;
        return WithContext(ref conversation, texts[System], history, turns);
    }

    /// <summary>Prepends the system text and the earlier turns.</summary>
    private static string? WithContext(ref Conversation conversation, string? system, JsonElement history, JsonElement last)
    {
        var all = new List<Turn>();
        if (!string.IsNullOrEmpty(system)) all.Add(new Turn(Role.System, system));
        var historyEndsInObject = false;
        if (history.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Array))
            return $"its \"history\" is {JsonText.Kind(history)}, expected a list of [question, answer] pairs";
        if (history.ValueKind == JsonValueKind.Array)
            foreach (var (i, item) in history.EnumerateArray().Index())
            {
                historyEndsInObject = item.ValueKind == JsonValueKind.Object;
                if (historyEndsInObject)
                {
                    if (DialogueTurns.Read(item, all) is { } problem) return $"its history, entry {i + 1}: {problem}";
                }
                else if (item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2
                    && item.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String))
                {
                    all.Add(new Turn(Role.User, item[0].GetString()!));
                    all.Add(new Turn(Role.Assistant, item[1].GetString()!));
                }
                else return $"its history, entry {i + 1}, is not a pair of two strings";
            }
        var own = conversation.Turns.ToArray();
        if (last.ValueKind == JsonValueKind.Array && last.GetArrayLength() == own.Length)
            for (var i = 0; i < own.Length; i++)
                if (last[i].ValueKind == JsonValueKind.Object)
                    own[i] = DialogueTurns.WithFields(own[i], last[i]);
        // In a dialogue whose answer does not follow a question (but a tool's result), all turns are in the history.
        var noQuestion = historyEndsInObject && own.Length == 2 && own[0] is { Text: "", Input: "", IsPlain: true };
        conversation = conversation with { Turns = [.. all, .. noQuestion ? own[1..] : own] };
        return null;
    }

    private string NoAnswer() => _isTable
        ? $"its \"{_names[Output]}\", the answer, has no value (an empty cell, or NA, null or nan without quotes); write the "
            + "answer, "
            + "or skip such records"
        : $"its \"{_names[Output]}\" is null, which is no answer to learn; write the answer, or skip such records";

    private int FieldOf(ref Utf8JsonReader reader)
    {
        for (var field = 0; field < _keys.Length; field++)
            if (_keys[field] is { } key && reader.ValueTextEquals(key)) return field;
        return -1;
    }

    private string WrongType(int field, JsonTokenType found) =>
        $"its \"{_names[field]}\" is {JsonText.Kind(found)}, expected a string";

    /// <summary>Parses a list or an object in text form, as in table cells: JSON, or as Python prints it.</summary>
    public static JsonElement Decoded(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not ['[' or '{', ..] text) return value;
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return PythonLiteral.TryParse(text, out var literal) ? literal : value;
        }
    }

    /// <summary>Whether a history is empty in any of the forms in use, as text too: <c>[]</c>, <c>""</c>, <c>{}</c>,
    /// <c>[[]]</c>.</summary>
    private static bool IsNoHistory(JsonElement value) => Decoded(value) is var history && history.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.Array => history.EnumerateArray().All(IsNoHistory),
        JsonValueKind.Object => !history.EnumerateObject().Any(),
        JsonValueKind.String => history.GetString()!.Trim() is "" or "null" or "None" or "nan" or "NaN",
        _ => false,
    };

    private static JsonTokenType KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => JsonTokenType.StartArray,
        JsonValueKind.Object => JsonTokenType.StartObject,
        JsonValueKind.Number => JsonTokenType.Number,
        JsonValueKind.Null => JsonTokenType.Null,
        _ => JsonTokenType.True,
    };

    public static string FieldsOf(ReadOnlySpan<byte> json)
    {
        using var record = JsonDocument.Parse(json.ToArray());
        var names = record.RootElement.EnumerateObject().Select(field => field.Name).ToList();
        if (names.Count == 0) return "it is empty";
        return "it has " + string.Join(", ", names.Take(8)) + (names.Count > 8 ? ", ..." : "");
    }

    [global::System.Runtime.CompilerServices.InlineArray(Rejected + 1)]
    private struct FieldTexts
    {
        private string? _first;
    }

    // The texts of Context and SystemPrompt, and where they are among the other fields.
    [global::System.Runtime.CompilerServices.InlineArray(2)]
    private struct OtherTexts
    {
        private string? _first;
    }

    [global::System.Runtime.CompilerServices.InlineArray(2)]
    private struct OtherPlaces
    {
        private int _first;
    }
}
