using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Writes a conversation as a record of a format such that it reads back equal. Metadata whose name is reserved is written
/// into <c>_fields</c>.
/// </summary>
internal static class RecordWriter
{
    public static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly HashSet<string> Reserved =
    [
        .. FlatRecord.Names, FlatRecord.TurnsField, FlatRecord.OtherFields, "system_prompt", .. DialogueRecord.Lists,
        .. DialogueRecord.Answers.SelectMany(answer => new[] { answer.Theirs, answer.Ours }), "prompt", "completion", "instances",
    ];

    // Next to a dialogue or an instruction, "text" is metadata: some data sets store the formatted training text there.
    private static readonly HashSet<string> ReservedBesideText = [.. Reserved.Except(["text"])];

    /// <summary>Why a format cannot represent a conversation; null if it can.</summary>
    public static string? Problem(Conversation conversation, string format)
    {
        var turns = conversation.Turns;
        if (turns.Count == 0) return "it has no turns";
        if (conversation.Rejected is { } lost && format != "preference"
            && (lost.Replaces != 1 || lost.Turns.Count != 1 || (format == "alpaca" && !lost.Turns[0].IsPlain)))
            return $"its rejected answer is more than one text, which {format} cannot represent; use preference";
        if (format == "preference")
            return conversation.Rejected is null ? "it has no rejected answer, so it is not a preference pair"
                : turns[^1].Role != Role.Assistant ? "it does not end with an answer" : null;
        if (format == "alpaca" && turns[^1].Role != Role.Assistant)
            return "it does not end with an answer, which alpaca cannot represent; use sharegpt or openai";
        return null;
    }

    /// <summary>Writes one JSON object.</summary>
    public static void Write(Utf8JsonWriter json, Conversation conversation, string format)
    {
        json.WriteStartObject();
        switch (format)
        {
            case "alpaca": WriteAlpaca(json, conversation); break;
            case "preference": WritePreference(json, conversation); break;
            default:
                var openAi = format == "openai";
                WriteTurns(json, openAi ? "messages" : "conversations", conversation.Turns, openAi);
                if (conversation.Rejected is { } rejected)
                {
                    json.WritePropertyName("rejected");
                    DialogueTurns.Write(json, rejected.Turns[0], openAi);
                }
                WriteFields(json, conversation.Metadata, ReservedBesideText);
                break;
        }
        if (conversation.Tools.Count > 0)
        {
            json.WriteStartArray("tools");
            foreach (var tool in conversation.Tools) tool.WriteTo(json);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WritePreference(Utf8JsonWriter json, Conversation conversation)
    {
        var rejected = conversation.Rejected!;
        WriteTurns(json, "prompt", conversation.Turns.SkipLast(rejected.Replaces), openAi: true);
        WriteTurns(json, "chosen", conversation.Turns.TakeLast(rejected.Replaces), openAi: true);
        WriteTurns(json, "rejected", rejected.Turns, openAi: true);
        WriteFields(json, conversation.Metadata, ReservedBesideText);
    }

    private static void WriteTurns(Utf8JsonWriter json, string name, IEnumerable<Turn> turns, bool openAi)
    {
        json.WriteStartArray(name);
        foreach (var turn in turns) DialogueTurns.Write(json, turn, openAi);
        json.WriteEndArray();
    }

    private static void WriteAlpaca(Utf8JsonWriter json, Conversation conversation)
    {
        var (turns, first) = (conversation.Turns, 0);
        var answer = turns[^1];
        if (turns.Count > 1 && turns[0] is { Role: Role.System, Input: "", IsPlain: true, Text.Length: > 0 })
        {
            json.WriteString("system", turns[0].Text);
            first = 1;
        }
        if (turns.Count == first + 1 && answer.Input.Length == 0)
        {
            json.WriteString("text", answer.Text);
            WriteLast(json, [answer]);
            WriteEnd(json, conversation, Reserved);
            return;
        }
        // The last question is written next to its answer, if it directly precedes it.
        var beforeAnswer = turns.Count - 2;
        var question = beforeAnswer >= first && turns[beforeAnswer] is { Role: Role.User } asked
            && (asked.Text.Length > 0 || asked.Input.Length > 0) && answer.Input.Length == 0 ? asked : null;
        json.WriteString("instruction", question?.Text ?? "");
        json.WriteString("input", question?.Input ?? "");
        json.WriteString("output", answer.Text);
        var history = turns.Take(first..(question is null ? beforeAnswer + 1 : beforeAnswer)).ToList();
        if (history.Count > 0) WriteHistory(json, history, asObjects: question is null);
        WriteLast(json, question is null ? [new Turn(Role.User, ""), answer] : [question, answer]);
        WriteEnd(json, conversation, ReservedBesideText);
    }

    private static void WriteHistory(Utf8JsonWriter json, List<Turn> turns, bool asObjects)
    {
        json.WriteStartArray("history");
        for (var i = 0; i < turns.Count; i++)
        {
            // The reader interprets a final object as "no question follows".
            if (!asObjects && i + 1 < turns.Count && turns[i] is { Role: Role.User, Input: "", IsPlain: true }
                && turns[i + 1] is { Role: Role.Assistant, Input: "", IsPlain: true })
            {
                json.WriteStartArray();
                json.WriteStringValue(turns[i].Text);
                json.WriteStringValue(turns[++i].Text);
                json.WriteEndArray();
            }
            else DialogueTurns.Write(json, turns[i], openAi: true);
        }
        json.WriteEndArray();
    }

    private static void WriteLast(Utf8JsonWriter json, Turn[] turns)
    {
        if (turns.All(turn => turn.IsPlain)) return;
        json.WriteStartArray(FlatRecord.TurnsField);
        foreach (var turn in turns) DialogueTurns.WriteFieldsOnly(json, turn);
        json.WriteEndArray();
    }

    private static void WriteEnd(Utf8JsonWriter json, Conversation conversation, HashSet<string> reserved)
    {
        if (conversation.Rejected is { } rejected) json.WriteString("rejected", rejected.Text);
        WriteFields(json, conversation.Metadata, reserved);
    }

    /// <summary>Writes metadata as fields; those with reserved names go into one separate field.</summary>
    public static void WriteFields(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, JsonElement>> fields,
        HashSet<string> reserved)
    {
        List<KeyValuePair<string, JsonElement>>? hidden = null;
        foreach (var field in fields)
        {
            if (reserved.Contains(field.Key)) (hidden ??= []).Add(field);
            else WriteField(json, field);
        }
        if (hidden is null) return;
        json.WriteStartObject(FlatRecord.OtherFields);
        foreach (var field in hidden) WriteField(json, field);
        json.WriteEndObject();

        static void WriteField(Utf8JsonWriter json, KeyValuePair<string, JsonElement> field)
        {
            json.WritePropertyName(field.Key);
            field.Value.WriteTo(json);
        }
    }
}
