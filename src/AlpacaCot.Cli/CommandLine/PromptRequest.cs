using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Models;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>A prompt: an instruction with its input, a text to continue, or token ids.</summary>
/// <param name="Instruction">The instruction, which the prompt template wraps.</param>
/// <param name="Input">The input of the instruction.</param>
/// <param name="Text">A text to continue without a template.</param>
/// <param name="Ids">Token ids to continue.</param>
/// <param name="Source">File, record and line, for messages.</param>
internal sealed record PromptRequest(string? Instruction, string Input, string? Text, int[]? Ids, string Source)
{
    /// <summary>A conversation of several turns; null for a single instruction and others.</summary>
    public Conversation? Chat { get; init; }

    /// <summary>The fields of a record that are no part of the prompt, written beside the answer.</summary>
    public IReadOnlyDictionary<string, JsonElement> Others { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Whether the prompt template is used.</summary>
    public bool HasTemplate => Instruction is not null || Chat is not null;

    /// <summary>Reads a file of prompts.</summary>
    /// <exception cref="InputException">The file is missing, contains no prompts, or a record is none.</exception>
    public static IReadOnlyList<PromptRequest> ReadFile(string path, ReadOptions reading) =>
        [.. PromptFile.Read(path, reading).Select(Of)];

    private static PromptRequest Of(PromptRecord record)
    {
        var (ids, origin) = (record.Ids?.ToArray(), record.Origin);
        return record.Conversation is not { } asked ? new(null, "", record.Text, ids, origin) { Others = record.Others }
            : asked.Turns is [{ Role: Role.User } turn]
                ? new(turn.Text, turn.Input, null, null, origin) { Others = record.Others }
                : new(null, "", null, null, origin) { Chat = asked, Others = record.Others };
    }

    /// <summary>The token ids that the model reads.</summary>
    /// <exception cref="InputException">The prompt fills the whole context of the model.</exception>
    public int[] Encode(LanguageModel model)
    {
        var ids = Ids ?? (Text is not null ? model.Tokenizer.Encode(Text)
            : model.EncodePrompt(Chat ?? new Conversation([new Turn(Role.User, Instruction!, Input)])));
        if (Source.Length > 0 && ids.Length >= model.Model.Shape.MaxPositions)
            throw new InputException($"{Source}: the prompt has {ids.Length} tokens; the model takes at most " +
                $"{model.Model.Shape.MaxPositions}, answer included");
        return ids;
    }

    /// <summary>Writes the prompt into a JSON object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        if (Instruction is not null) json.WriteString("instruction", Instruction);
        if (Input.Length > 0) json.WriteString("input", Input);
        if (Text is not null) json.WriteString("text", Text);
        if (Ids is not null) json.Ids("ids", Ids);
        if (Chat is null) return;
        json.WriteStartArray("messages");
        foreach (var turn in Chat.Turns)
            json.Object(message =>
            {
                message.WriteString("role", turn.Role.ToString().ToLowerInvariant());
                message.WriteString("content", turn.Input.Length > 0 ? $"{turn.Text}\n{turn.Input}" : turn.Text);
            });
        json.WriteEndArray();
    }

    /// <summary>Writes the record's other fields; those named like a field of the answer go into <c>_fields</c>.</summary>
    public void WriteOthers(Utf8JsonWriter json)
    {
        string[] taken = ["prompt", "ids", "text", "cut_at_positions"];
        foreach (var field in Others.Where(field => !taken.Contains(field.Key))) Write(json, field);
        if (!Others.Keys.Any(taken.Contains)) return;
        json.WriteStartObject("_fields");
        foreach (var field in Others.Where(field => taken.Contains(field.Key))) Write(json, field);
        json.WriteEndObject();

        static void Write(Utf8JsonWriter json, KeyValuePair<string, JsonElement> field)
        {
            json.WritePropertyName(field.Key);
            field.Value.WriteTo(json);
        }
    }
}
