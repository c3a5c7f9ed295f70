using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using AlpacaCot.Text.Templates.Jinja;

namespace AlpacaCot.Text.Templates;

/// <summary>The JSON formats of prompt templates.</summary>
internal static class TemplateJson
{
    private const string Jinja = "jinja";

    private static readonly TemplateContext Context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,   // forms that a template does not have
        WriteIndented = true,
        NewLine = "\n",
    });

    public static string Write(PromptTemplate template) => JsonSerializer.Serialize(template, Context.PromptTemplate);

    /// <summary>Writes a Jinja template with the texts of BOS and EOS.</summary>
    public static string Write(string name, string source, string bos, string eos) => JsonSerializer.Serialize(
        new StoredChatTemplate { Kind = Jinja, Name = name, BosToken = bos, EosToken = eos, Source = source },
        Context.StoredChatTemplate);

    /// <summary>Whether the text is a JSON object that contains a model's chat template, such as tokenizer_config.json.</summary>
    public static bool HasChatTemplate(string json) => Peek(json, "chat_template");

    /// <summary>Reads a template of any kind.</summary>
    /// <param name="json">The text.</param>
    /// <param name="where">The name in messages, usually a path.</param>
    /// <param name="name">The name of a template whose format has none.</param>
    public static IChatFormat ReadFormat(string json, string where, string name)
    {
        if (!Peek(json, "kind")) return Read(json, where, name);
        using var document = JsonDocument.Parse(json);
        CheckKeys(document.RootElement, Context.StoredChatTemplate.Properties, where, mayHaveOthers: false);
        var stored = document.RootElement.Deserialize(Context.StoredChatTemplate)!;
        if (stored.Kind != Jinja)
            throw new InputException($"{where}: the template has the kind \"{stored.Kind}\"; allowed is \"{Jinja}\".");
        return new ChatTemplate(JinjaTemplate.Parse(stored.Source, where), stored.Name, stored.BosToken, stored.EosToken);
    }

    /// <summary>Whether the text is a JSON object with that member; false for text that is not JSON.</summary>
    private static bool Peek(string json, string member)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(member, out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Reads this project's format or alpaca-lora's.</summary>
    /// <param name="json">The text.</param>
    /// <param name="where">The name in messages, usually a path.</param>
    /// <param name="name">The name of a template whose format has none.</param>
    public static PromptTemplate Read(string json, string where, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) throw new InputException($"{where}: expected a JSON object.");
            var isAlpacaLora = root.TryGetProperty("prompt_no_input", out _) || root.TryGetProperty("prompt_input", out _);
            if (!isAlpacaLora) CheckKeys(root, Context.PromptTemplate.Properties, where, mayHaveOthers: false);
            else CheckKeys(root, Context.AlpacaLoraTemplate.Properties, where, mayHaveOthers: true);
            var template = isAlpacaLora
                ? FromAlpacaLora(root.Deserialize(Context.AlpacaLoraTemplate)!, name)
                : WithDefaults(root).Deserialize(Context.PromptTemplate)!;
            return template.Problem() is { } problem ? throw new InputException($"{where}: {problem}.") : template;
        }
        catch (JsonException broken)
        {
            var line = broken.LineNumber is { } number ? $", line {number + 1}" : "";
            var message = JsonMessages.WithoutPosition(broken);
            throw new InputException($"{where}{line}: this is not valid JSON: {message}", broken);
        }
    }

    // The generated reader sets absent members to null instead of the property's default.
    private static JsonObject WithDefaults(JsonElement root)
    {
        var whole = JsonNode.Parse(Write(new PromptTemplate { Name = "", User = "", UserWithInput = "" }))!.AsObject();
        foreach (var member in root.EnumerateObject()) whole[member.Name] = JsonNode.Parse(member.Value.GetRawText());
        return whole;
    }

    /// <summary>Checks keys and values before deserialization, whose messages name .NET types.</summary>
    private static void CheckKeys(JsonElement root, IList<JsonPropertyInfo> known, string where, bool mayHaveOthers)
    {
        foreach (var member in root.EnumerateObject())
        {
            if (known.FirstOrDefault(key => key.Name == member.Name) is not { } key)
            {
                if (mayHaveOthers) continue;
                throw new InputException($"{where}: a template has no key \"{member.Name}\". "
                    + Spelling.Suggestion(member.Name, [.. known.Select(key => key.Name)]));
            }
            var isText = key.PropertyType == typeof(string);
            var fits = isText ? member.Value.ValueKind == JsonValueKind.String : member.Value.ValueKind == JsonValueKind.Array
                && member.Value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String);
            if (fits) continue;
            throw new InputException($"{where}: \"{member.Name}\" must be {(isText ? "a string" : "a list of strings")}.");
        }
        if (known.FirstOrDefault(key => key.IsRequired && !root.TryGetProperty(key.Name, out _)) is { } missing)
            throw new InputException($"{where}: the key \"{missing.Name}\" is missing.");
    }

    /// <summary>
    /// Splits the two complete prompts: the user section begins at the paragraph of the first placeholder, and the common end of
    /// both prompts is the response header. Rendering them again gives identical text.
    /// </summary>
    private static PromptTemplate FromAlpacaLora(AlpacaLoraTemplate from, string name)
    {
        // alpaca-lora applies Python's str.format, where a doubled brace is one brace.
        var (plain, withInput) = (Unescape(from.PromptNoInput), Unescape(from.PromptInput));
        var (plainAt, withInputAt) = (SectionStart(plain), SectionStart(withInput));
        var common = Math.Min(TailLength(plain), TailLength(withInput));
        var tail = 0;
        while (tail < common && plain[^(tail + 1)] == withInput[^(tail + 1)]) tail++;
        var heading = plain[plainAt..Math.Max(plainAt, plain.IndexOf("{instruction}", StringComparison.Ordinal))].Trim();
        return new PromptTemplate
        {
            Name = name,
            Description = from.Description ?? "",
            Preamble = plain[..Math.Max(0, plainAt - 2)],
            PreambleWithInput = withInput[..Math.Max(0, withInputAt - 2)],
            User = plain[plainAt..^tail],
            UserWithInput = withInput[withInputAt..^tail],
            Response = plain[^tail..],
            Stop = heading.Length > 0 ? [heading] : [],
        };
    }

    private static string Unescape(string format) => format.Replace("{{", "{").Replace("}}", "}");

    /// <summary>The start of the paragraph with the first placeholder; 0 where no paragraph precedes it.</summary>
    private static int SectionStart(string prompt)
    {
        string[] placeholders = ["{instruction}", "{input}"];
        var mark = placeholders.Select(placeholder => prompt.IndexOf(placeholder, StringComparison.Ordinal))
            .Where(at => at >= 0).DefaultIfEmpty().Min();
        return prompt.LastIndexOf("\n\n", mark, StringComparison.Ordinal) is > 0 and var at ? at + 2 : 0;
    }

    private static int TailLength(string prompt) => prompt.Length - (prompt.LastIndexOf('}') + 1);
}

/// <summary>A template file of alpaca-lora, without its separator for finding the answer, which segments replace.</summary>
internal sealed record AlpacaLoraTemplate
{
    public string? Description { get; init; }
    public required string PromptInput { get; init; }
    public required string PromptNoInput { get; init; }
}

/// <summary>A Jinja chat template as stored with an adapter or model.</summary>
internal sealed record StoredChatTemplate
{
    public required string Kind { get; init; }
    public required string Name { get; init; }
    public required string BosToken { get; init; }
    public required string EosToken { get; init; }
    public required string Source { get; init; }
}

[JsonSerializable(typeof(PromptTemplate))]
[JsonSerializable(typeof(StoredChatTemplate))]
[JsonSerializable(typeof(AlpacaLoraTemplate))]
internal sealed partial class TemplateContext : JsonSerializerContext;
