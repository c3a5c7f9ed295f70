using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Gguf;
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
/// <param name="name">What messages call it: a path, if there is one.</param>
/// <param name="bos">The text of the begin token.</param>
/// <param name="eos">The text of the end token.</param>
public sealed class ChatTemplate(JinjaTemplate template, string name, string bos = "", string eos = "") : IChatFormat
{
    /// <summary>
    /// The day that <c>strftime_now</c> tells in training and generation. It is fixed, so that a run can be resumed on another
    /// day and the model is asked as it was trained; <c>render</c> takes another. Llama 3's templates name the same day where
    /// the function is missing.
    /// </summary>
    public static DateTime Day { get; } = new(2024, 7, 26);

    /// <inheritdoc/>
    public string Name => Path.GetFileName(name);

    /// <summary>What the template writes behind an answer, up to the first space; none where it writes nothing of three
    /// characters or more.</summary>
    public IReadOnlyList<string> Stop => field ??= Ends();

    /// <summary>True: a chat template spells BOS and EOS in its text.</summary>
    public bool WritesSpecialTokens => true;

    /// <summary>
    /// Loads from a Jinja file, from a JSON file with the member <c>chat_template</c>, from a GGUF file, or from the model folder
    /// that contains one of these.
    /// </summary>
    /// <exception cref="InputException">There is no template, or it is not well-formed.</exception>
    public static ChatTemplate Load(string path) => Load(path, null);

    internal static ChatTemplate Load(string path, RoleTokens? tokens)
    {
        if (!Directory.Exists(path) && !File.Exists(path)) throw new InputException($"{path}: there is no such chat template.");
        var inFile = File.Exists(path) && !GgufHeader.Looks(path);
        var found = (inFile ? ModelChatTemplate.Read(path) : ModelChatTemplate.In(path))
            ?? throw new InputException(inFile ? $"{path}: it holds no \"chat_template\"."
                : $"{path}: it holds no chat template ({string.Join(", ", ModelChatTemplate.FileNames)}).");
        return Of(found, tokens ?? RoleTokens.Of(path));
    }

    internal static ChatTemplate Of(ModelChatTemplate found, RoleTokens tokens) =>
        new(JinjaTemplate.Parse(found.Source, found.File), found.File, tokens.Bos, tokens.Eos);

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
        var (text, supervised, problem) = Places(input);
        return problem is null ? (text, supervised) : throw new InputException(problem);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Segment> Render(Conversation conversation)
    {
        if (conversation.Turns is [{ Role: Role.Assistant } plain])
            return [Bos, new Segment(plain.Text, Supervised: true), new Segment("", Supervised: true, SpecialToken.Eos)];
        return For(conversation, () =>
        {
            var (text, supervised) = RenderSupervised(InputOf(conversation) with { Now = Day });
            return Split(text, supervised);
        });
    }

    /// <inheritdoc/>
    public IReadOnlyList<Segment> RenderPrompt(Conversation conversation)
    {
        var turns = conversation.Turns;
        if (turns.Count > 0 && turns[^1].Role == Role.Assistant)
            conversation = conversation with { Turns = [.. turns.SkipLast(1)] };
        if (conversation.Turns.Count == 0) return [Bos];
        return For(conversation, () =>
        {
            // Earlier answers are pieces of their own, as in training, so that both give the same tokens.
            var (text, supervised, _) = Places(InputOf(conversation) with { AddGenerationPrompt = true, Now = Day });
            return Split(text, supervised);
        });
    }

    /// <inheritdoc/>
    public string ToJson() => TemplateJson.Write(Name, template.Source, bos, eos);

    private static Segment Bos => new("", Supervised: false, SpecialToken.Bos);

    private static IReadOnlyList<Segment> For(Conversation conversation, Func<IReadOnlyList<Segment>> render)
    {
        try
        {
            return render();
        }
        catch (InputException wrong) when (conversation.Origin.Length > 0)
        {
            throw new InputException($"{conversation.Origin}: {wrong.Message}", wrong);
        }
    }

    private static List<Segment> Split(string text, IReadOnlyList<Range> supervised)
    {
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

    /// <summary>The text and the places that are known in it; a problem where one is not.</summary>
    private (string Text, IReadOnlyList<Range> Supervised, string? Problem) Places(ChatInput input)
    {
        var messages = Messages(input);
        var whole = Render(input, messages, input.AddGenerationPrompt);
        if (whole.Generated is { } marked) return (whole.Text, marked, null);
        var supervised = new List<Range>();
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not Dict message || message.GetValueOrDefault("role") is not "assistant") continue;
            var prompt = i == 0 ? "" : Render(input, messages[..i], addPrompt: true).Text;
            var through = i == messages.Count - 1 && !input.AddGenerationPrompt ? whole.Text
                : Render(input, messages[..(i + 1)], addPrompt: false).Text;
            if (!through.StartsWith(prompt, StringComparison.Ordinal))
                return (whole.Text, [], Unstable(i, "its prompt is not how the rendered turn begins"));
            if (!whole.Text.StartsWith(through, StringComparison.Ordinal))
                return (whole.Text, [], Unstable(i, "it is rendered otherwise once further turns follow"));
            supervised.Add(prompt.Length..through.Length);
        }
        return (whole.Text, supervised, null);
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

    private string Unstable(int turn, string why) =>
        $"{name}: the place of turn {turn + 1} in the text is not known: {why}. The template cannot be trained with on this "
        + "conversation. Put {% generation %} and {% endgeneration %} around what the template writes for the assistant, or "
        + "choose a named template, as template: alpaca.";

    private IReadOnlyList<string> Ends()
    {
        const string answer = "answer-7f3a";
        try
        {
            var input = InputOf(new Conversation([new(Role.User, "question"), new(Role.Assistant, answer)])) with { Now = Day };
            var text = Render(input).Text;
            var at = text.LastIndexOf(answer, StringComparison.Ordinal);
            var end = at < 0 ? "" : text[(at + answer.Length)..].Trim().Split(' ', '\n')[0];
            return end.Length >= 3 ? [end] : [];
        }
        catch (InputException)
        {
            return [];   // a template that refuses this conversation tells nothing of its end
        }
    }

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
