using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>A prompt: an instruction with its input, a text to continue, or token ids.</summary>
/// <param name="Instruction">The instruction, which the prompt template wraps.</param>
/// <param name="Input">The input of the instruction.</param>
/// <param name="Text">A text to continue without a template.</param>
/// <param name="Ids">Token ids to continue.</param>
/// <param name="Source">File and line, for messages.</param>
internal sealed record PromptRequest(string? Instruction, string Input, string? Text, int[]? Ids, string Source)
{
    private const string Allowed =
        "allowed is a JSON string, or an object with \"instruction\" and optionally \"input\", with \"text\", " +
        "or with \"ids\"";

    /// <summary>
    /// Reads a file of prompts: one instruction a line; in a <c>.jsonl</c> file a line is a string or an object.
    /// </summary>
    /// <exception cref="InputException">The file is missing, contains no prompts, or a line has another form.</exception>
    public static IReadOnlyList<PromptRequest> ReadFile(string path)
    {
        var isJson = path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);
        var lines = isJson ? File.Exists(path) ? File.ReadLines(path) : throw new InputException($"{path}: file not found")
            : TextLines.Read(path);
        var prompts = lines.Index().Where(line => !string.IsNullOrWhiteSpace(line.Item)).Select(line =>
        {
            var source = $"{path}:{line.Index + 1}";
            return isJson ? Parse(line.Item, source) : new PromptRequest(line.Item.Trim(), "", null, null, source);
        }).ToList();
        return prompts.Count > 0 ? prompts : throw new InputException($"{path}: the file contains no prompts");
    }

    /// <summary>The token ids that the model reads.</summary>
    /// <exception cref="InputException">The prompt fills the whole context of the model.</exception>
    public int[] Encode(LanguageModel model)
    {
        var ids = Ids ?? (Text is not null ? model.Tokenizer.Encode(Text)
            : model.EncodePrompt(new Conversation([new Turn(Role.User, Instruction!, Input)])));
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
    }

    private static PromptRequest Parse(string line, string source)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            if (root.ValueKind == JsonValueKind.String) return new PromptRequest(root.GetString(), "", null, null, source);
            if (root.ValueKind != JsonValueKind.Object) throw new InputException($"{source}: {Allowed}");
            var (instruction, text) = (String("instruction"), String("text"));
            int[]? ids = root.TryGetProperty("ids", out var array) ? [.. array.EnumerateArray().Select(e => e.GetInt32())] : null;
            if (new object?[] { instruction, text, ids }.Count(v => v is not null) != 1)
                throw new InputException($"{source}: {Allowed}");
            return new PromptRequest(instruction, String("input") ?? "", text, ids, source);

            string? String(string name) => root.TryGetProperty(name, out var value) ? value.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new InputException($"{source}: {Allowed}", e);
        }
    }
}
