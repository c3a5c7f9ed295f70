using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates.Jinja;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Templates;

/// <summary>What a chat template renders.</summary>
public sealed record ChatInput
{
    /// <summary>A list of objects with <c>role</c> and <c>content</c>, and what else the template reads.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>A list of tool definitions, if there are any.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Whether the heading of the answer that is to be written follows.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Further variables; <c>bos_token</c> and <c>eos_token</c> here go before those of the model.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>What <c>strftime_now</c> takes for now.</summary>
    public DateTime Now { get; init; } = DateTime.Now;
}

/// <summary>The chat template a model ships, with what it says of supervision.</summary>
/// <param name="template">The Jinja template.</param>
/// <param name="name">What messages call it.</param>
/// <param name="bos">The text of the begin token.</param>
/// <param name="eos">The text of the end token.</param>
public sealed class ChatTemplate(JinjaTemplate template, string name, string bos = "", string eos = "")
{
    /// <summary>
    /// Loads from a Jinja file, from <c>tokenizer_config.json</c> or <c>chat_template.json</c>, or from the model folder they
    /// lie in.
    /// </summary>
    /// <exception cref="InputException">There is no template, or it is not well-formed.</exception>
    public static ChatTemplate Load(string path)
    {
        if (Directory.Exists(path))
        {
            var alone = Path.Combine(path, "chat_template.jinja");
            path = File.Exists(alone) ? alone : Path.Combine(path, "tokenizer_config.json");
        }
        if (!File.Exists(path)) throw new InputException($"{path}: there is no such chat template.");
        var tokens = TokenizerConfig.Beside(Path.GetDirectoryName(Path.GetFullPath(path))!);
        string source;
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            source = FromConfig(JsonFile.Read(path).Member("chat_template"))
                ?? throw new InputException($"{path}: it holds no \"chat_template\".");
        }
        else source = File.ReadAllText(path);
        return new ChatTemplate(JinjaTemplate.Parse(source, path), path, tokens.Bos ?? "", tokens.Eos ?? "");
    }

    /// <summary>A template, or the one named default of several.</summary>
    private static string? FromConfig(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array => value.EnumerateArray().OrderBy(one => one.Text("name") == "default" ? 0 : 1)
            .Select(one => one.Text("template")).FirstOrDefault(),
        _ => null,
    };

    /// <summary>Renders the whole text.</summary>
    /// <exception cref="InputException">The template refuses the messages or cannot work on them.</exception>
    public RenderedText Render(ChatInput input) => Render(input, Messages(input), input.AddGenerationPrompt);

    /// <summary>
    /// Renders and says which parts the model is trained to write: what generation blocks wrote, where the template has them;
    /// else, for each assistant turn, all that follows the prompt for it up to where its rendering ends. Nothing is searched for.
    /// </summary>
    /// <exception cref="InputException">
    /// The template refuses, or it has no marks and a turn changes what was rendered before it, so that its place is not known.
    /// </exception>
    public (string Text, IReadOnlyList<Range> Supervised) RenderSupervised(ChatInput input)
    {
        var messages = Messages(input);
        var whole = Render(input, messages, input.AddGenerationPrompt);
        if (whole.Generated is { } marked) return (whole.Text, marked);
        var supervised = new List<Range>();
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not Dict message || message.GetValueOrDefault("role") is not "assistant") continue;
            var prompt = i == 0 ? "" : Render(input, messages[..i], addPrompt: true).Text;
            var through = i == messages.Count - 1 && !input.AddGenerationPrompt ? whole.Text
                : Render(input, messages[..(i + 1)], addPrompt: false).Text;
            if (!through.StartsWith(prompt, StringComparison.Ordinal))
                throw Unstable(i, "its prompt is not how the rendered turn begins");
            if (!whole.Text.StartsWith(through, StringComparison.Ordinal))
                throw Unstable(i, "it is rendered otherwise once further turns follow");
            supervised.Add(prompt.Length..through.Length);
        }
        return (whole.Text, supervised);
    }

    /// <summary>The training text of a conversation; only what the assistant writes is supervised.</summary>
    /// <exception cref="InputException">As <see cref="RenderSupervised"/>; the message names the record.</exception>
    public IReadOnlyList<Segment> Segments(Conversation conversation)
    {
        try
        {
            var (text, supervised) = RenderSupervised(InputOf(conversation));
            var (segments, at) = (new List<Segment>(), 0);
            foreach (var span in supervised)
            {
                Add(text[at..span.Start.Value], isSupervised: false);
                Add(text[span], isSupervised: true);
                at = span.End.Value;
            }
            Add(text[at..], isSupervised: false);
            return segments;

            void Add(string piece, bool isSupervised)
            {
                if (piece.Length > 0) segments.Add(new Segment(piece, isSupervised) { ParsesSpecial = true });
            }
        }
        catch (InputException wrong) when (conversation.Origin.Length > 0)
        {
            throw new InputException($"{conversation.Origin}: {wrong.Message}", wrong);
        }
    }

    /// <summary>A conversation as messages; what its turns and record carry besides (tool calls, tools) goes with it.</summary>
    public static ChatInput InputOf(Conversation conversation)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var turn in conversation.Turns)
            {
                json.WriteStartObject();
                json.WriteString("role", turn.Role.ToString().ToLowerInvariant());
                json.WriteString("content", turn.Input.Length > 0 ? $"{turn.Text}\n{turn.Input}" : turn.Text);
                foreach (var (key, value) in turn.Metadata.Where(item => item.Key is not ("role" or "content")))
                {
                    json.WritePropertyName(key);
                    value.WriteTo(json);
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        return new ChatInput
        {
            Messages = JsonElement.Parse(buffer.ToArray()),
            Tools = conversation.Metadata.TryGetValue("tools", out var tools) && tools.ValueKind == JsonValueKind.Array
                ? tools : null,
        };
    }

    private InputException Unstable(int turn, string why) =>
        new($"{name}: the place of turn {turn + 1} in the text is not known: {why}. Put {{% generation %}} and "
            + "{% endgeneration %} around what the template writes for the assistant, or use a named template.");

    private List<object?> Messages(ChatInput input)
    {
        if (input.Messages.ValueKind != JsonValueKind.Array) throw new InputException($"{name}: the messages are no JSON list.");
        return (List<object?>)Value(input.Messages)!;
    }

    private object? Value(JsonElement json)
    {
        try
        {
            return PythonJson.Read(json);
        }
        catch (JinjaException wrong)
        {
            throw new InputException($"{name}: {wrong.Message}.", wrong);
        }
    }

    private RenderedText Render(ChatInput input, List<object?> messages, bool addPrompt)
    {
        var variables = new Dictionary<string, object?> { ["bos_token"] = bos, ["eos_token"] = eos };
        foreach (var (key, value) in input.Variables) variables[key] = Value(value);
        variables["messages"] = messages;
        // As transformers does: without tools the name is there and none.
        if (input.Tools is { } tools) variables["tools"] = Value(tools);
        else variables.TryAdd("tools", null);
        variables.TryAdd("documents", null);
        variables["add_generation_prompt"] = addPrompt;
        return template.Render(variables, input.Now);
    }
}
