using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>What a model is asked: an instruction with its input, a text to continue, or token ids.</summary>
/// <param name="Instruction">The instruction; the prompt template goes around it.</param>
/// <param name="Input">The material that the instruction works on.</param>
/// <param name="Text">A text to continue as it stands.</param>
/// <param name="Ids">Token ids to continue.</param>
/// <param name="Source">Where it comes from, for messages.</param>
internal sealed record PromptRequest(string? Instruction, string Input, string? Text, int[]? Ids, string Source)
{
    private const string Allowed =
        "allowed is a JSON string, or an object with \"instruction\" and perhaps \"input\", with \"text\", " +
        "or with \"ids\"";

    /// <summary>
    /// Reads a file of prompts: one instruction a line; in a <c>.jsonl</c> file a line is a string or an object.
    /// </summary>
    /// <exception cref="InputException">There is no such file, it holds no prompts, or a line is something else.</exception>
    public static IReadOnlyList<PromptRequest> ReadFile(string path)
    {
        var isJson = path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);
        var lines = isJson ? File.Exists(path) ? File.ReadLines(path) : throw new InputException($"there is no file {path}")
            : TextLines.Read(path);
        var prompts = lines.Index().Where(line => !string.IsNullOrWhiteSpace(line.Item)).Select(line =>
        {
            var place = $"{path}:{line.Index + 1}";
            return isJson ? Parse(line.Item, place) : new PromptRequest(line.Item.Trim(), "", null, null, place);
        }).ToList();
        return prompts.Count > 0 ? prompts : throw new InputException($"{path}: the file holds no prompts");
    }

    /// <summary>The token ids that the model reads.</summary>
    /// <exception cref="InputException">They leave no room for an answer.</exception>
    public int[] Encode(LanguageModel model)
    {
        var ids = Ids ?? (Text is not null ? model.Tokenizer.Encode(Text)
            : model.EncodePrompt(new Conversation([new Turn(Role.User, Instruction!, Input)])));
        if (Source.Length > 0 && ids.Length >= model.Model.Shape.MaxPositions)
            throw new InputException($"{Source}: the prompt has {ids.Length} tokens; the model takes at most " +
                $"{model.Model.Shape.MaxPositions}, answer included");
        return ids;
    }

    /// <summary>Writes what was asked into a JSON object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        if (Instruction is not null) json.WriteString("instruction", Instruction);
        if (Input.Length > 0) json.WriteString("input", Input);
        if (Text is not null) json.WriteString("text", Text);
        if (Ids is not null) json.Ids("ids", Ids);
    }

    private static PromptRequest Parse(string line, string place)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            if (root.ValueKind == JsonValueKind.String) return new PromptRequest(root.GetString(), "", null, null, place);
            if (root.ValueKind != JsonValueKind.Object) throw new InputException($"{place}: {Allowed}");
            var (instruction, text) = (String("instruction"), String("text"));
            int[]? ids = root.TryGetProperty("ids", out var array) ? [.. array.EnumerateArray().Select(e => e.GetInt32())] : null;
            if (new object?[] { instruction, text, ids }.Count(v => v is not null) != 1)
                throw new InputException($"{place}: {Allowed}");
            return new PromptRequest(instruction, String("input") ?? "", text, ids, place);

            string? String(string name) => root.TryGetProperty(name, out var value) ? value.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new InputException($"{place}: {Allowed}", e);
        }
    }
}
