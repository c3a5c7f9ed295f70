using System.Globalization;
using System.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>
/// A prompt template as data, so that it can be stored with an adapter and prompts are the same in generation as in
/// training. The text is, in order: the preamble and a separator; the user section; the response
/// header, the answer and EOS; each further round is preceded by a separator. Only answers are supervised.
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

    /// <summary>
    /// The complete training text: every answer is supervised and followed by EOS. A conversation that starts with an assistant
    /// turn is plain text: that turn gets no preamble, header, prefix or suffix. The encoder adds BOS.
    /// </summary>
    /// <exception cref="InputException">The template does not support a turn of the conversation.</exception>
    public IReadOnlyList<Segment> Render(Conversation conversation)
    {
        var segments = new List<Segment>();
        var rest = Render(conversation, conversation.Turns.Count, segments);
        AddText(segments, rest.ToString(), supervised: false);
        return segments;
    }

    /// <summary>
    /// The text up to the model's answer. A last assistant turn is omitted: it is the answer to be generated.
    /// </summary>
    /// <exception cref="InputException">The template does not support a turn of the conversation.</exception>
    public IReadOnlyList<Segment> RenderPrompt(Conversation conversation)
    {
        var turns = conversation.Turns;
        var count = turns.Count > 0 && turns[^1].Role == Role.Assistant ? turns.Count - 1 : turns.Count;
        var segments = new List<Segment>();
        if (count == 0) return segments;
        var rest = Render(conversation, count, segments).Append(Response);
        AddText(segments, rest.ToString(), supervised: false);
        return segments;
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
        return SpecialTokens is "parsed" or "text" ? null : $"special_tokens is \"{SpecialTokens}\"; allowed are parsed and text";
    }

    /// <summary>Adds the segments of the first turns and returns the unsupervised text after the last answer.</summary>
    private StringBuilder Render(Conversation conversation, int count, List<Segment> segments)
    {
        var text = new StringBuilder();
        var (system, round) = ("", 0);
        for (var i = 0; i < count; i++)
        {
            var turn = conversation.Turns[i];
            switch (turn.Role)
            {
                case Role.System when i == 0 && UserWithSystem.Length > 0 && count > 1 && conversation.Turns[1].Role == Role.User:
                    system = turn.Text;
                    break;
                case Role.System when i == 0:
                    FillIn(text, System, turn, turn.Text, round);
                    break;
                case Role.User:
                    if (i == 0) text.Append(turn.Input.Length > 0 ? PreambleWithInput : Preamble);
                    if (text.Length > 0 || segments.Count > 0) text.Append(Separator);
                    if (system.Length > 0)
                    {
                        var whole = turn.Input.Length > 0 ? turn with { Text = $"{turn.Text}\n{turn.Input}" } : turn;
                        FillIn(text, UserWithSystem, whole, system, round);
                    }
                    else FillIn(text, turn.Input.Length > 0 ? UserWithInput : User, turn, system, round);
                    (system, round) = ("", round + 1);
                    break;
                case Role.Assistant:
                    if (i > 0) text.Append(Response);
                    AddText(segments, text.ToString(), supervised: false);
                    text.Clear();
                    AddText(segments, i > 0 ? AnswerPrefix + turn.Text + AnswerSuffix : turn.Text, supervised: true);
                    if (i == 0 || Eos == "every" || (Eos == "last" && i == conversation.Turns.Count - 1))
                        segments.Add(new Segment("", Supervised: true, SpecialToken.Eos));
                    break;
                default:
                    throw new InputException((conversation.Origin.Length > 0 ? conversation.Origin + ": " : "")
                        + $"turn {i + 1} is a {turn.Role.ToString().ToLowerInvariant()} turn, "
                        + $"which the template {Name} does not support"
                        + (turn.Role == Role.System ? " after the first turn." : "."));
            }
        }
        return text;
    }

    /// <summary>Replaces placeholders in one pass over the format, never in inserted text: braces in a user's text are
    /// kept.</summary>
    private static void FillIn(StringBuilder text, string format, Turn turn, string system, int round)
    {
        (string Mark, string Value)[] placeholders =
        [
            (InstructionMark, turn.Text), (InputMark, turn.Input), (SystemMark, system),
            ("{round}", (round + 1).ToString(CultureInfo.InvariantCulture)),
            ("{round0}", round.ToString(CultureInfo.InvariantCulture)), ("{", "{"),
        ];
        ReadOnlySpan<char> rest = format;
        while (rest.IndexOf('{') is >= 0 and var at)
        {
            text.Append(rest[..at]);
            rest = rest[at..];
            var from = 0;
            while (!rest.StartsWith(placeholders[from].Mark)) from++;
            text.Append(placeholders[from].Value);
            rest = rest[placeholders[from].Mark.Length..];
        }
        text.Append(rest);
    }

    private void AddText(List<Segment> segments, string text, bool supervised)
    {
        if (text.Length > 0) segments.Add(new Segment(text, supervised) { ParsesSpecial = SpecialTokens == "parsed" });
    }
}
