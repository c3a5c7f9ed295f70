using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Data.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>Reads one record: <c>{instruction, input?, output}</c> as Stanford Alpaca has it, or <c>{text}</c>.</summary>
internal static class InstructionRecord
{
    private const int Instruction = 0, Input = 1, Output = 2, Text = 3;
    private static readonly string[] Names = ["instruction", "input", "output", "text"];

    /// <summary>Reads a record.</summary>
    /// <param name="json">One JSON value.</param>
    /// <param name="conversation">What it says, where there is no problem.</param>
    /// <returns>What is wrong with it; null where it can be used.</returns>
    public static string? Parse(ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        if (!Utf8.IsValid(json)) return "it holds bytes that are not UTF-8";
        try
        {
            return ParseText(json, out conversation);
        }
        catch (InvalidOperationException)   // what the reader says to an unpaired surrogate
        {
            return "it holds half a character: a \\uD800 to \\uDFFF escape without its partner";
        }
    }

    private static string? ParseText(ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return $"it is {Kind(reader.TokenType)}, expected an object with \"instruction\" and \"output\"";

        var values = new string?[Names.Length];
        var textKind = JsonTokenType.None;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader);
            reader.Read();
            if (field == Text) textKind = reader.TokenType;
            // What "text" means beside an instruction is its author's business, so its type is checked only where it is used.
            if (field < 0 || (field == Text && reader.TokenType != JsonTokenType.String))
            {
                reader.Skip();
                continue;
            }
            if (field == Input && reader.TokenType == JsonTokenType.Null) continue;
            if (reader.TokenType != JsonTokenType.String) return WrongType(field, reader.TokenType);
            values[field] = reader.GetString();
        }

        if (values[Instruction] is null && values[Output] is null)
        {
            if (values[Text] is { } text) conversation = Conversation.PlainText(text);
            else if (textKind != JsonTokenType.None) return WrongType(Text, textKind);
            else return $"it has neither \"instruction\" and \"output\" nor \"text\"; {FieldsOf(json)}";
            return null;
        }
        if (values[Instruction] is null) return $"it has no \"instruction\"; {FieldsOf(json)}";
        if (values[Output] is null) return $"it has no \"output\"; {FieldsOf(json)}";
        conversation = Conversation.Instruction(values[Instruction]!, values[Input] ?? "", values[Output]!);
        return null;
    }

    private static int FieldOf(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("instruction"u8)) return Instruction;
        if (reader.ValueTextEquals("input"u8)) return Input;
        if (reader.ValueTextEquals("output"u8)) return Output;
        return reader.ValueTextEquals("text"u8) ? Text : -1;
    }

    private static string WrongType(int field, JsonTokenType found) =>
        $"its \"{Names[field]}\" is {Kind(found)}, expected a string";

    private static string FieldsOf(ReadOnlySpan<byte> json)
    {
        using var record = JsonDocument.Parse(json.ToArray());
        var names = record.RootElement.EnumerateObject().Select(field => field.Name).ToList();
        if (names.Count == 0) return "it is empty";
        return "it has " + string.Join(", ", names.Take(8)) + (names.Count > 8 ? ", ..." : "");
    }

    private static string Kind(JsonTokenType type) => type switch
    {
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        JsonTokenType.Null => "null",
        JsonTokenType.StartArray => "a list",
        _ => "an object",
    };
}
