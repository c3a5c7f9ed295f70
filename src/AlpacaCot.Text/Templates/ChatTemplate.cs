using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Templates.Jinja;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Templates;

/// <summary>The input of a chat template.</summary>
public sealed record ChatInput
{
    /// <summary>A list of objects with <c>role</c> and <c>content</c> and the other members that the template uses.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>A list of tool definitions; null for none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Whether the text ends with the header of the assistant's answer.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Further variables; <c>bos_token</c> and <c>eos_token</c> here take precedence over the model's.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The time of <c>strftime_now</c>.</summary>
    public DateTime Now { get; init; } = DateTime.Now;
}

/// <summary>A model's Jinja chat template, with its supervised spans.</summary>
/// <param name="template">The Jinja template.</param>
/// <param name="name">The name in messages, usually a path.</param>
/// <param name="bos">The text of BOS.</param>
/// <param name="eos">The text of EOS.</param>
public sealed class ChatTemplate(JinjaTemplate template, string name, string bos = "", string eos = "") : IChatFormat
{
    /// <summary>
    /// The date of <c>strftime_now</c> in training and generation. It is constant, so that a run can be resumed on another
    /// day and prompts are the same as in training; <c>render</c> accepts another. Llama 3's templates use the same date where
    /// the function is missing.
    /// </summary>
    public static DateTime Day { get; } = new(2024, 7, 26);

    /// <inheritdoc/>
    public string Name => Path.GetFileName(name);

    /// <summary>The text that the template writes after an answer, up to the first space; empty where that is shorter than three
    /// characters.</summary>
    public IReadOnlyList<string> Stop => field ??= StopStrings();

    /// <summary>True: a chat template writes BOS and EOS as text.</summary>
    public bool WritesSpecialTokens => true;

    /// <summary>
    /// Loads from a Jinja file, from a JSON file with the member <c>chat_template</c>, from a GGUF file, or from the model folder
    /// that contains one of these.
    /// </summary>
    /// <exception cref="InputException">The template is missing or invalid.</exception>
    public static ChatTemplate Load(string path) => Load(path, null);

    internal static ChatTemplate Load(string path, RoleTokens? tokens)
    {
        if (!Directory.Exists(path) && !File.Exists(path)) throw new InputException($"{path}: the chat template does not exist.");
        var inFile = File.Exists(path) && !GgufHeader.Looks(path);
        var found = (inFile ? ModelChatTemplate.Read(path) : ModelChatTemplate.In(path))
            ?? throw new InputException(inFile ? $"{path}: it contains no \"chat_template\"."
                : $"{path}: it contains no chat template ({string.Join(", ", ModelChatTemplate.FileNames)}).");
        return Of(found, tokens ?? RoleTokens.Of(path));
    }

    internal static ChatTemplate Of(ModelChatTemplate found, RoleTokens tokens) =>
        new(JinjaTemplate.Parse(found.Source, found.File), found.File, tokens.Bos, tokens.Eos);

    /// <summary>Renders the whole text.</summary>
    /// <exception cref="InputException">The template rejects the messages or fails on them.</exception>
    public RenderedText Render(ChatInput input) => Render(input, Messages(input), input.AddGenerationPrompt);

    /// <summary>
    /// Renders and returns the spans that the model is trained to write: the output of generation blocks, where the template has
    /// them; else, for each assistant turn, the text from the end of its prompt to the end of its rendering. Nothing is searched
    /// for.
    /// </summary>
    /// <exception cref="InputException">
    /// The template rejects the messages, or it has no generation blocks and a turn changes the text before it, so that its span
    /// is unknown.
    /// </exception>
    public (string Text, IReadOnlyList<Range> Supervised) RenderSupervised(ChatInput input)
    {
        var messages = Messages(input);
        var spans = Spans(input, messages);
        var found = spans.Find(new bool?[messages.Count], out var problem);
        return problem is null ? (spans.Text, [.. found.Select(span => span.Part)])
            : throw new InputException(Unstable(problem.Value));
    }

    /// <inheritdoc/>
    public IReadOnlyList<Segment> Render(Conversation conversation)
    {
        MediaCheck.Require(conversation);
        if (conversation.IsPlainText)
        {
            var (plain, learn) = (conversation.Turns[0], conversation.Turns[0].Learn ?? true);
            return [Bos, new Segment(plain.Text, learn) { Masked = !learn },
                new Segment("", learn, SpecialToken.Eos) { Masked = !learn }];
        }
        return For(conversation, () =>
        {
            var (spans, found, problem) = SpansOf(conversation, addPrompt: false);
            if (problem is { } unknown) throw new InputException(Unstable(unknown));
            foreach (var (i, turn) in conversation.Turns.Index())
                if (turn.MasksReasoning) spans.MaskReasoning(i, found);
            return Split(spans.Text, found);
        });
    }

    /// <inheritdoc/>
    public IReadOnlyList<Segment> RenderPrompt(Conversation conversation)
    {
        var turns = conversation.Turns;
        if (turns.Count > 0 && turns[^1].Role == Role.Assistant)
            conversation = conversation with { Turns = [.. turns.SkipLast(1)] };
        MediaCheck.Require(conversation);
        if (conversation.Turns.Count == 0) return [Bos];
        return For(conversation, () =>
        {
            // Earlier answers are separate segments, as in training, so that both give the same tokens.
            var (spans, found, _) = SpansOf(conversation, addPrompt: true);
            return Split(spans.Text, found);
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

    private static List<Segment> Split(string text, IReadOnlyList<ChatSpan> spans)
    {
        var (segments, at) = (new List<Segment>(), 0);
        foreach (var (part, learn) in spans)
        {
            Add(text[at..part.Start.Value], null);
            Add(text[part], learn);
            at = part.End.Value;
        }
        Add(text[at..], null);
        return segments;

        void Add(string part, bool? learn)
        {
            if (part.Length > 0) segments.Add(new Segment(part, learn == true) { ParsesSpecial = true, Masked = learn == false });
        }
    }

    /// <summary>The rendered conversation and its spans; the problem where one is unknown.</summary>
    private (ChatSpans Spans, List<ChatSpan> Found, (int, string)? Problem) SpansOf(Conversation conversation, bool addPrompt)
    {
        var input = InputOf(conversation) with { AddGenerationPrompt = addPrompt, Now = Day };
        var spans = Spans(input, Messages(input));
        if (RenderedContent.Probe(conversation) is { } probe)
        {
            string? shown;
            try
            {
                shown = Render(InputOf(probe.Conversation) with { AddGenerationPrompt = addPrompt, Now = Day }).Text;
            }
            catch (InputException)
            {
                shown = null;   // the template checks names or results, so it reads them
            }
            if (shown is not null && probe.Missing(shown, mayDropReasoning: addPrompt) is { } missing)
                throw new InputException($"{missing} is not rendered by the template {Name}. Use a template that renders it, "
                    + "such as chatml" + (probe.IsReasoning(missing) ? ", or leave it out with reasoning: drop." : "."));
        }
        return (spans, spans.Find([.. conversation.Turns.Select(turn => turn.Learn)], out var problem), problem);
    }

    private ChatSpans Spans(ChatInput input, List<object?> messages) =>
        new(messages, input.AddGenerationPrompt, (some, addPrompt) => Render(input, some, addPrompt));

    /// <summary>Converts a conversation to messages as transformers passes them, with its tool definitions.</summary>
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
                WriteContent(json, turn);
                foreach (var (key, value) in turn.Metadata.Where(item => !OwnMembers.Contains(item.Key)))
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
            Tools = conversation.Tools.Count == 0 ? null : JsonSerializer.SerializeToElement(conversation.Tools),
        };
    }

    // The members' names are those of transformers; arguments are objects there, not text.
    private static readonly string[] OwnMembers = ["role", "content", "reasoning_content", "tool_calls", "name", "tool_call_id"];

    private static void WriteContent(Utf8JsonWriter json, Turn turn)
    {
        if (turn.Reasoning.Length > 0) json.WriteString("reasoning_content", turn.Reasoning);
        if (turn.Calls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (var call in turn.Calls) call.Write(json, asText: false);
            json.WriteEndArray();
        }
        if (turn.ToolName.Length > 0) json.WriteString("name", turn.ToolName);
        else if (turn.Metadata.TryGetValue("name", out var name))
        {
            json.WritePropertyName("name");
            name.WriteTo(json);
        }
        if (turn.ToolCallId.Length > 0) json.WriteString("tool_call_id", turn.ToolCallId);
    }

    private string Unstable((int Turn, string Why) unknown) =>
        $"{name}: the span of turn {unknown.Turn + 1} in the text is unknown: {unknown.Why}. The template cannot be used for "
            + "training on this "
        + "conversation. Put {% generation %} and {% endgeneration %} around the assistant's text in the template, or "
        + "choose a built-in template, such as template: alpaca.";

    private IReadOnlyList<string> StopStrings()
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
            return [];   // the stop string is unknown where the template rejects this conversation
        }
    }

    private List<object?> Messages(ChatInput input)
    {
        if (input.Messages.ValueKind != JsonValueKind.Array)
            throw new InputException($"{name}: the messages are not a JSON list.");
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
        catch (Exception damaged) when (InputBoundary.IsOfContent(damaged))
        {
            throw new InputException($"{name}: the messages cannot be read: {InputBoundary.Reason(damaged)}.", damaged);
        }
    }

    private RenderedText Render(ChatInput input, List<object?> messages, bool addPrompt)
    {
        var variables = new Dictionary<string, object?> { ["bos_token"] = bos, ["eos_token"] = eos };
        foreach (var (key, value) in input.Variables) variables[key] = Value(value);
        variables["messages"] = messages;
        // As in transformers: without tools the name is defined as none.
        if (input.Tools is { } tools) variables["tools"] = Value(tools);
        else variables.TryAdd("tools", null);
        variables.TryAdd("documents", null);
        variables["add_generation_prompt"] = addPrompt;
        return template.Render(variables, input.Now);
    }
}
