using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>
/// A prompt template as data, so that it can be stored with an adapter and prompts are the same in generation as in
/// training. The text is, in order: the preamble and a separator; the user section; the response
/// header, the answer and EOS; each further round is preceded by a separator. Only answers are supervised, except where a turn
/// says
/// otherwise (<see cref="Turn.Learn"/>).
/// </summary>
public sealed record PromptTemplate : IChatFormat
{
    private const string InstructionMark = "{instruction}", InputMark = "{input}", SystemMark = "{system}";

    /// <summary>The name in recipes.</summary>
    public required string Name { get; init; }

    /// <summary>The origin or purpose of the template, in a sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>The start of the text where the first user turn has no input; replaced by a system turn.</summary>
    public string Preamble { get; init; } = "";

    /// <summary>The start of the text where the first user turn has an input; replaced by a system turn.</summary>
    public string PreambleWithInput { get; init; } = "";

    /// <summary>The format of a system turn, with the placeholder <c>{system}</c>.</summary>
    public string System { get; init; } = SystemMark;

    /// <summary>
    /// The format of a first user turn that includes the system turn, with <c>{system}</c> and <c>{instruction}</c>, after
    /// which an input follows on its own line. Empty where <see cref="System"/> is used.
    /// </summary>
    public string UserWithSystem { get; init; } = "";

    /// <summary>The format of a user turn without input, with the placeholder <c>{instruction}</c> and optionally the number of
    /// the round:
    /// <c>{round}</c> from 1, <c>{round0}</c> from 0.</summary>
    public required string User { get; init; }

    /// <summary>The format of a user turn with input, with the placeholders <c>{instruction}</c> and <c>{input}</c>.</summary>
    public required string UserWithInput { get; init; }

    /// <summary>The header of the answer, at the end of the prompt.</summary>
    public string Response { get; init; } = "";

    /// <summary>Text before every answer, supervised: the model generates it.</summary>
    public string AnswerPrefix { get; init; } = "";

    /// <summary>Text after every answer, before EOS, supervised.</summary>
    public string AnswerSuffix { get; init; } = "";

    /// <summary>Which answers end with EOS: <c>every</c>, only a <c>last</c> turn, or <c>none</c> (the suffix ends
    /// the answer).</summary>
    public string Eos { get; init; } = "every";

    /// <summary>
    /// Whether special tokens spelled in the rendered text become tokens (<c>parsed</c>) or remain text (<c>text</c>). Templates
    /// with such tokens, such as ChatML, need <c>parsed</c>; special tokens in a user's text are then parsed too, as in the
    /// models' own code.
    /// </summary>
    public string SpecialTokens { get; init; } = "text";

    /// <summary>The text between the preamble and the first user turn, and between an answer and the next user turn.</summary>
    public string Separator { get; init; } = "\n\n";

    /// <summary>Strings that end an answer in generation, such as the header of the next turn.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Which turn may begin a dialogue: null: a system or user turn; <c>any</c>: also an assistant turn.</summary>
    public string? Opening { get; init; }

    /// <summary>The tool definitions at the end of the system turn, with the placeholder <c>{tools}</c> (one line of JSON for
    /// each); null for no such form.</summary>
    public string? ToolsInSystem { get; init; }

    /// <summary>The tool definitions at the start of the first user turn, with the placeholder <c>{indented_tools}</c>;
    /// null for no such form.</summary>
    public string? ToolsInUser { get; init; }

    /// <summary>The tool definitions before the last user turn, with the placeholder <c>{tools_list}</c> (a JSON list in one
    /// line); null for no such form.</summary>
    public string? ToolsBeforeUser { get; init; }

    /// <summary>The user turn that <see cref="UserWithSystem"/> is used for: null: the first; <c>last</c>: the last
    /// one.</summary>
    public string? SystemInTurn { get; init; }

    /// <summary>A tool call of an assistant turn, with the placeholders <c>{name}</c>, <c>{arguments}</c> (JSON) and optionally
    /// <c>{id}</c> (nine letters and digits: the record's identifier, or a number where it has another form). It begins on a line
    /// of its own. Null: the template cannot represent calls.</summary>
    public string? CallForm { get; init; }

    /// <summary>All calls of an assistant turn, with the placeholder <c>{calls}</c> (separated by a comma and a space), without
    /// <see cref="AnswerPrefix"/>; null: each call on a line of its own.</summary>
    public string? CallsForm { get; init; }

    /// <summary>What an assistant turn with calls may contain: null: text and any number of calls; <c>one</c>: one call and no
    /// text; <c>only</c>: calls and no text.</summary>
    public string? CallsInTurn { get; init; }

    /// <summary>Consecutive results of tools, with the placeholder <c>{results}</c>; null: the template has no tool
    /// turns.</summary>
    public string? ResultsForm { get; init; }

    /// <summary>One result of a tool, with the placeholder <c>{result}</c> (text), <c>{result_json}</c> (a JSON string) or
    /// <c>{result_value}</c> (the text where it is JSON, else a JSON string), and optionally the call's <c>{id}</c>.</summary>
    public string? ResultForm { get; init; }

    /// <summary>The reasoning before an answer, with the placeholder <c>{reasoning}</c>; null: the template has no form for
    /// it.</summary>
    public string? ReasoningForm { get; init; }

    /// <summary>
    /// The complete training text: every answer is supervised and followed by EOS. A conversation of one assistant turn is plain
    /// text: that turn gets no preamble, header, prefix or suffix. The encoder adds BOS.
    /// </summary>
    /// <exception cref="InputException">The template does not support a turn of the conversation.</exception>
    public IReadOnlyList<Segment> Render(Conversation conversation)
    {
        var rendering = new PromptRendering(this, conversation);
        rendering.Write(conversation.Turns.Count);
        return rendering.Finish();
    }

    /// <summary>
    /// The text up to the model's answer. A last assistant turn is omitted: it is the answer to be generated.
    /// </summary>
    /// <exception cref="InputException">The template does not support a turn of the conversation.</exception>
    public IReadOnlyList<Segment> RenderPrompt(Conversation conversation)
    {
        var turns = conversation.Turns;
        var count = turns.Count > 0 && turns[^1].Role == Role.Assistant ? turns.Count - 1 : turns.Count;
        var rendering = new PromptRendering(this, conversation);
        if (count == 0) return [];
        rendering.Write(count);
        return rendering.Finish(Response);
    }

    /// <summary>False: the encoder prepends BOS, and EOS is a separate segment.</summary>
    bool IChatFormat.WritesSpecialTokens => false;

    /// <summary>The template as JSON, in the format of <see cref="FromJson"/>.</summary>
    public string ToJson() => TemplateJson.Write(this);

    /// <summary>
    /// Reads a template from JSON: this project's format, or that of alpaca-lora (<c>prompt_input</c>, <c>prompt_no_input</c>).
    /// </summary>
    /// <exception cref="InputException">The text is not JSON, or not a valid template.</exception>
    public static PromptTemplate FromJson(string json) => TemplateJson.Read(json, "prompt template", "custom");

    /// <summary>The first error of the template; null where it is valid.</summary>
    internal string? Problem()
    {
        if (!User.Contains(InstructionMark)) return $"user does not contain {InstructionMark}";
        if (User.Contains(InputMark)) return $"user contains {InputMark}, but is used for turns without input";
        if (!UserWithInput.Contains(InstructionMark)) return $"user_with_input does not contain {InstructionMark}";
        if (!UserWithInput.Contains(InputMark)) return $"user_with_input does not contain {InputMark}";
        if (!System.Contains(SystemMark)) return $"system does not contain {SystemMark}";
        if (UserWithSystem.Length > 0 && !(UserWithSystem.Contains(SystemMark) && UserWithSystem.Contains(InstructionMark)))
            return $"user_with_system does not contain {SystemMark} and {InstructionMark}";
        if (Eos is not ("every" or "last" or "none")) return $"eos is \"{Eos}\"; allowed are every, last and none";
        if (Opening is not (null or "any")) return $"opening is \"{Opening}\"; allowed is any, or no such key";
        if (CallsInTurn is not (null or "one" or "only"))
            return $"calls_in_turn is \"{CallsInTurn}\"; allowed are one and only, or no such key";
        if (SystemInTurn is not (null or "last")) return $"system_in_turn is \"{SystemInTurn}\"; allowed is last, or no such key";
        if (SystemInTurn is not null
            && UserWithSystem.Length == 0) return "system_in_turn has no effect without user_with_system";
        if (CallsForm is not null && (CallForm is null || !CallsForm.Contains("{calls}")))
            return "calls_form needs call_form and contains {calls}";
        if (ToolsBeforeUser?.Contains("{tools_list}") == false) return "tools_before_user does not contain {tools_list}";
        if (CallForm is not null && !(CallForm.Contains("{name}") && CallForm.Contains("{arguments}")))
            return "call_form does not contain {name} and {arguments}";
        if (ResultsForm is null != ResultForm is null)
            return "results_form and result_form belong together; one of them is missing";
        if (ResultsForm?.Contains("{results}") == false) return "results_form does not contain {results}";
        if (ResultForm is not null && !((string[])["{result}", "{result_json}", "{result_value}"]).Any(ResultForm.Contains))
            return "result_form does not contain {result}, {result_json} or {result_value}";
        if (ReasoningForm?.Contains("{reasoning}") == false) return "reasoning_form does not contain {reasoning}";
        if (ToolsInSystem?.Contains("{tools}") == false) return "tools_in_system does not contain {tools}";
        if (ToolsInUser?.Contains("{indented_tools}") == false) return "tools_in_user does not contain {indented_tools}";
        return SpecialTokens is "parsed" or "text" ? null : $"special_tokens is \"{SpecialTokens}\"; allowed are parsed and text";
    }
}
