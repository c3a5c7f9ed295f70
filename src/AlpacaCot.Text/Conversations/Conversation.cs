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
    /// <summary>Further fields of the turn, in the record's order: <c>tool_calls</c>, <c>name</c>,
    /// <c>weight</c>, ...</summary>
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

    /// <summary>For preference data, the rejected alternative to the last assistant turn; else null.</summary>
    public string? Rejected { get; init; }

    /// <summary>Fields of the record outside the dialogue, in the record's order.</summary>
    public IReadOnlyDictionary<string, JsonElement> Metadata { get; init; } = ReadOnlyDictionary<string, JsonElement>.Empty;

    /// <summary>Creates a conversation of one user turn and one assistant turn.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="input">Additional material for the instruction; may be empty.</param>
    /// <param name="output">The answer.</param>
    public static Conversation Instruction(string instruction, string input, string output) =>
        new([new Turn(Role.User, instruction, input), new Turn(Role.Assistant, output)]);

    /// <summary>Creates a conversation of one assistant turn, as used for pre-training on plain text.</summary>
    public static Conversation PlainText(string text) => new([new Turn(Role.Assistant, text)]);
}
