using System.Globalization;
using System.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>
/// How a conversation becomes the text a model reads. It is data and no code, so that it can be stored with an adapter and the
/// model is asked later as it was trained. The text is, in order: the preamble and a separator; the user section; the response
/// heading, the answer and EOS; for each further round a separator and the same again. Only answers are supervised.
/// </summary>
public sealed record PromptTemplate : IChatFormat
{
    private const string InstructionMark = "{instruction}", InputMark = "{input}", SystemMark = "{system}";

    /// <summary>The name a recipe calls it by.</summary>
    public required string Name { get; init; }

    /// <summary>Where it comes from or what it is for, in a sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>Opens the text when the first user turn has no input; a system turn stands in its place.</summary>
    public string Preamble { get; init; } = "";

    /// <summary>Opens the text when the first user turn has an input; a system turn stands in its place.</summary>
    public string PreambleWithInput { get; init; } = "";

    /// <summary>A system turn; holds the placeholder <c>{system}</c>.</summary>
    public string System { get; init; } = SystemMark;

    /// <summary>
    /// The first user turn of a model that reads the system turn in it; holds <c>{system}</c> and <c>{instruction}</c>, behind
    /// which an input follows on its own line. Empty where <see cref="System"/> is the form.
    /// </summary>
    public string UserWithSystem { get; init; } = "";

    /// <summary>A user turn without input; holds the placeholder <c>{instruction}</c>. It may hold the number of the round too:
    /// <c>{round}</c> from 1, <c>{round0}</c> from 0.</summary>
    public required string User { get; init; }

    /// <summary>A user turn with input; holds the placeholders <c>{instruction}</c> and <c>{input}</c>.</summary>
    public required string UserWithInput { get; init; }

    /// <summary>What stands between a user turn and the answer: the prompt ends with it.</summary>
    public string Response { get; init; } = "";

    /// <summary>Put before every answer and supervised with it: the model writes it.</summary>
    public string AnswerPrefix { get; init; } = "";

    /// <summary>Put behind every answer, before EOS, and supervised with it.</summary>
    public string AnswerSuffix { get; init; } = "";

    /// <summary>Which answers end with EOS: <c>every</c>, the <c>last</c> turn alone, or <c>none</c> (the suffix says
    /// it).</summary>
    public string Eos { get; init; } = "every";

    /// <summary>
    /// Whether special tokens spelled in the rendered text become tokens (<c>parsed</c>) or stay letters (<c>text</c>). Forms
    /// made of such tokens, as ChatML, need the first; a user's text that spells them then counts too, as in the models' own
    /// code.
    /// </summary>
    public string SpecialTokens { get; init; } = "text";

    /// <summary>What stands between the preamble and the first user turn, and between an answer and the next user turn.</summary>
    public string Separator { get; init; } = "\n\n";

    /// <summary>Strings that end an answer in generation: a model that writes the next heading has said what it had to.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>
    /// The whole training text: every answer supervised and followed by one EOS. A conversation that opens with an assistant turn
    /// is plain text: that turn stands alone, without preamble, heading, prefix or suffix. BOS is the encoder's business.
    /// </summary>
    /// <exception cref="InputException">The conversation has a turn this template has no form for.</exception>
    public IReadOnlyList<Segment> Render(Conversation conversation)
    {
        var segments = new List<Segment>();
        var rest = Render(conversation, conversation.Turns.Count, segments);
        AddText(segments, rest.ToString(), supervised: false);
        return segments;
    }

    /// <summary>
    /// The text up to where the model answers. A last turn that is the assistant's is left out: it is the answer to be written.
    /// </summary>
    /// <exception cref="InputException">The conversation has a turn this template has no form for.</exception>
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

    /// <summary>False: the encoder puts BOS in front, and EOS is a segment of its own.</summary>
    bool IChatFormat.WritesSpecialTokens => false;

    /// <summary>The template as JSON, in the form <see cref="FromJson"/> reads.</summary>
    public string ToJson() => TemplateJson.Write(this);

    /// <summary>
    /// Reads a template from JSON: this project's form, or that of alpaca-lora (<c>prompt_input</c>, <c>prompt_no_input</c>).
    /// </summary>
    /// <exception cref="InputException">The text is not JSON, or not a template that can work.</exception>
    public static PromptTemplate FromJson(string json) => TemplateJson.Read(json, "prompt template", "custom");

    /// <summary>Says what keeps the template from working; null where nothing does.</summary>
    internal string? Problem()
    {
        if (!User.Contains(InstructionMark)) return $"user does not hold {InstructionMark}";
        if (User.Contains(InputMark)) return $"user holds {InputMark}, but is for turns without input";
        if (!UserWithInput.Contains(InstructionMark)) return $"user_with_input does not hold {InstructionMark}";
        if (!UserWithInput.Contains(InputMark)) return $"user_with_input does not hold {InputMark}";
        if (!System.Contains(SystemMark)) return $"system does not hold {SystemMark}";
        if (UserWithSystem.Length > 0 && !(UserWithSystem.Contains(SystemMark) && UserWithSystem.Contains(InstructionMark)))
            return $"user_with_system does not hold {SystemMark} and {InstructionMark}";
        if (Eos is not ("every" or "last" or "none")) return $"eos is \"{Eos}\"; it is every, last or none";
        return SpecialTokens is "parsed" or "text" ? null : $"special_tokens is \"{SpecialTokens}\"; it is parsed or text";
    }

    /// <summary>Adds the segments of the first turns and returns the unsupervised text behind the last answer.</summary>
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
                        + $"which the template {Name} has no form for"
                        + (turn.Role == Role.System ? " behind the first turn." : "."));
            }
        }
        return text;
    }

    /// <summary>One pass over the form, never over what was filled in: braces in the user's text stay.</summary>
    private static void FillIn(StringBuilder text, string form, Turn turn, string system, int round)
    {
        (string Mark, string Value)[] marks =
        [
            (InstructionMark, turn.Text), (InputMark, turn.Input), (SystemMark, system),
            ("{round}", (round + 1).ToString(CultureInfo.InvariantCulture)),
            ("{round0}", round.ToString(CultureInfo.InvariantCulture)), ("{", "{"),
        ];
        ReadOnlySpan<char> rest = form;
        while (rest.IndexOf('{') is >= 0 and var at)
        {
            text.Append(rest[..at]);
            rest = rest[at..];
            var from = 0;
            while (!rest.StartsWith(marks[from].Mark)) from++;
            text.Append(marks[from].Value);
            rest = rest[marks[from].Mark.Length..];
        }
        text.Append(rest);
    }

    private void AddText(List<Segment> segments, string text, bool supervised)
    {
        if (text.Length > 0) segments.Add(new Segment(text, supervised) { ParsesSpecial = SpecialTokens == "parsed" });
    }
}
