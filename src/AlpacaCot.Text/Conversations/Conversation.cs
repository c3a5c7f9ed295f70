using System.Collections.ObjectModel;
using System.Text.Json;

namespace AlpacaCot.Text.Conversations;

/// <summary>The speaker of a turn.</summary>
public enum Role
{
    /// <summary>Instructions for the whole conversation.</summary>
    System,

    /// <summary>The user.</summary>
    User,

    /// <summary>The model; its turns are the training targets.</summary>
    Assistant,

    /// <summary>The result of a tool call.</summary>
    Tool,
}

/// <summary>One message of a conversation.</summary>
/// <param name="Role">The speaker.</param>
/// <param name="Text">The content.</param>
/// <param name="Input">Additional material for an instruction (Alpaca's <c>input</c>); default: empty.</param>
public sealed record Turn(Role Role, string Text, string Input = "")
{
    /// <summary>The reasoning before the text; empty for none. A <c>&lt;think&gt;</c> inside the text is text.</summary>
    public string Reasoning { get; init; } = "";

    /// <summary>The tool calls after the text.</summary>
    public IReadOnlyList<ToolCall> Calls { get; init; } = [];

    /// <summary>The parts of the content that are not text, such as images; a template refuses them.</summary>
    public IReadOnlyList<MediaPart> Media { get; init; } = [];

    /// <summary>The tool whose result a tool turn is; empty where the record does not say.</summary>
    public string ToolName { get; init; } = "";

    /// <summary>The <see cref="ToolCall.Id"/> that a tool turn answers; empty where the record does not say.</summary>
    public string ToolCallId { get; init; } = "";

    /// <summary>
    /// Whether the record itself says that the model is trained to write this turn (<c>weight</c>, <c>train</c>, <c>mask</c>,
    /// ...);
    /// null: the role decides.
    /// </summary>
    public bool? Learn { get; init; }

    /// <summary>Whether the reasoning is rendered but not trained on.</summary>
    internal bool MasksReasoning { get; init; }

    /// <summary>Whether the turn has neither text nor a tool call, reasoning or another part.</summary>
    public bool IsEmpty => Calls.Count == 0 && Media.Count == 0 && string.IsNullOrWhiteSpace(Text)
        && string.IsNullOrWhiteSpace(Input) && string.IsNullOrWhiteSpace(Reasoning);

    /// <summary>Whether the turn is text and nothing else, so that any format can represent it.</summary>
    public bool IsPlain => Calls.Count == 0 && Media.Count == 0 && Reasoning.Length == 0 && ToolName.Length == 0
        && ToolCallId.Length == 0 && Learn is null && Metadata.Count == 0;

    /// <summary>Further fields of the turn, in the record's order.</summary>
    public IReadOnlyDictionary<string, JsonElement> Metadata { get; init; } = ReadOnlyDictionary<string, JsonElement>.Empty;
}

/// <summary>
/// The internal form of all instruction data, independent of the file format. Plain text is a conversation with one assistant
/// turn.
/// </summary>
/// <param name="Turns">The turns in order.</param>
public sealed record Conversation(IReadOnlyList<Turn> Turns)
{
    /// <summary>Source of the record, for messages: <c>file.json, record 17</c> (1-based); empty if not from a file.</summary>
    public string Origin { get; init; } = "";

    /// <summary>For preference data, the rejected alternative to the last turns; else null.</summary>
    public RejectedAnswer? Rejected { get; init; }

    /// <summary>The definitions of the tools that the model may call, as JSON objects.</summary>
    public IReadOnlyList<JsonElement> Tools { get; init; } = [];

    /// <summary>Fields of the record outside the dialogue, in the record's order.</summary>
    public IReadOnlyDictionary<string, JsonElement> Metadata { get; init; } = ReadOnlyDictionary<string, JsonElement>.Empty;

    /// <summary>Whether the conversation is one assistant turn of text, as used for pre-training.</summary>
    public bool IsPlainText => Turns is [{ Role: Role.Assistant, Calls.Count: 0, Reasoning: "" }];

    /// <summary>Creates a conversation of one user turn and one assistant turn.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="input">Additional material for the instruction; may be empty.</param>
    /// <param name="output">The answer.</param>
    public static Conversation Instruction(string instruction, string input, string output) =>
        new([new Turn(Role.User, instruction, input), new Turn(Role.Assistant, output)]);

    /// <summary>Creates a conversation of one assistant turn, as used for pre-training on plain text.</summary>
    public static Conversation PlainText(string text) => new([new Turn(Role.Assistant, text)]);
}
