using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads records with an instruction and an answer: Stanford Alpaca, also with renamed fields, with <c>system</c> and
/// <c>history</c> as in LLaMA-Factory and ms-swift, or <c>{text}</c>. All other fields become metadata. This is the hot path
/// of reading: one pass over the bytes, without a JSON document.
/// </summary>
internal sealed class FlatRecord : IRecordFormat
{
    private const int Instruction = 0, Input = 1, Output = 2, Text = 3, System = 4, Rejected = 5, History = 6, Turns = 7,
        Fields = 8;

    /// <summary>Standard field names, indexed by the constants above.</summary>
    public static readonly string[] Names = ["instruction", "input", "output", "text", "system", "rejected", "history"];

    /// <summary>Metadata keys for the last question and answer, and for fields whose names are reserved.</summary>
    public const string TurnsField = "_turns", OtherFields = "_fields";

    private readonly byte[]?[] _keys = new byte[]?[Fields + 1];
    private readonly string?[] _names = new string?[Fields + 1];
    private readonly bool _isTable;

    /// <summary>Creates a format with renamed fields.</summary>
    /// <param name="name">Name of the format.</param>
    /// <param name="columns">The file's names for <see cref="Names"/>; missing keys keep the standard name.</param>
    /// <param name="isTable">Whether a missing field may be read as empty.</param>
    public FlatRecord(string name, IReadOnlyDictionary<string, string?> columns, bool isTable)
    {
        (Name, _isTable) = (name, isTable);
        foreach (var (field, own) in Names.Append(TurnsField).Append(OtherFields).Index())
        {
            _names[field] = columns.TryGetValue(own, out var given) ? given : columns.Values.Contains(own) ? null : own;
            _keys[field] = _names[field] is { } key ? Encoding.UTF8.GetBytes(key) : null;
        }
    }

    public string Name { get; }

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
        var seen = 0;
        var (textKind, textAt) = (JsonTokenType.None, 0);
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
                if (field == Text) (textKind, textAt) = (JsonTokenType.String, metadata?.Count ?? 0);
            }
            else if (field is Input or System or Rejected or History && reader.TokenType == JsonTokenType.Null) continue;
            else if (field is >= 0 and <= Rejected and not Text) return WrongType(field, reader.TokenType);
            else
            {
                var value = JsonElement.ParseValue(ref reader);
                if (field == History) history = IsNoHistory(value) ? default : Decoded(value);
                else if (field == Turns) turns = Decoded(value);
                else if (field == Fields && value.ValueKind == JsonValueKind.Object)
                {
                    foreach (var hidden in value.EnumerateObject()) (metadata ??= [])[hidden.Name] = hidden.Value;
                }
                else
                {
                    // Next to an instruction, "text" is metadata; its type is only checked if it is used.
                    if (field == Text) textKind = KindOf(value);
                    if (!(metadata ??= []).TryAdd(name ?? _names[field]!, value)) return $"its \"{name}\" occurs twice";
                }
            }
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
        if (_isTable && (instruction is not null || output is not null))
            (instruction, output) = (instruction ?? "", output ?? "");
        if (instruction is null && output is null)
        {
            if (texts[Text] is null)
                return textKind != JsonTokenType.None ? WrongType(Text, textKind)
                    : metadata?.ContainsKey("message_tree_id") == true
                    ? "it is a message tree with several dialogues; convert it with data convert --source oasst1"
                    : $"it has neither \"{_names[Instruction] ?? "instruction"}\" and \"{_names[Output]}\" nor \"text\"; "
                        + FieldsOf(json);
            conversation = Conversation.PlainText(texts[Text]!);
        }
        else
        {
            if (instruction is null && _names[Instruction] is { } missing) return $"it has no \"{missing}\"; {FieldsOf(json)}";
            if (output is null) return $"it has no \"{_names[Output]}\"; {FieldsOf(json)}";
            if (texts[Text] is { } text)
                (metadata ??= []).Insert(Math.Min(textAt, metadata.Count), _names[Text]!,
                    JsonSerializer.SerializeToElement(text));
            conversation = instruction is null ? Conversation.PlainText(output)
                : Conversation.Instruction(instruction, texts[Input] ?? "", output);
        }
        if (texts[Rejected] is { } rejected) conversation = conversation with { Rejected = rejected };
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

    private int FieldOf(ref Utf8JsonReader reader)
    {
        for (var field = 0; field < _keys.Length; field++)
            if (_keys[field] is { } key && reader.ValueTextEquals(key)) return field;
        return -1;
    }

    private string WrongType(int field, JsonTokenType found) =>
        $"its \"{_names[field]}\" is {JsonText.Kind(found)}, expected a string";

    /// <summary>Parses a list in text form, as in table cells.</summary>
    public static JsonElement Decoded(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not ['[' or '{', ..] text) return value;
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return value;
        }
    }

    /// <summary>Whether a history is empty in any of the ways that files have: <c>[]</c>, <c>""</c>, <c>{}</c>, as text too.</summary>
    private static bool IsNoHistory(JsonElement value) => Decoded(value) is var history && history.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.Array => history.GetArrayLength() == 0,
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
}
