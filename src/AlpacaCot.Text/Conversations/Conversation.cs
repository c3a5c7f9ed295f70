using System.Collections.ObjectModel;
using System.Text.Json;

namespace AlpacaCot.Text.Conversations;

/// <summary>Who speaks in a turn.</summary>
public enum Role
{
    /// <summary>Standing instructions for the whole conversation.</summary>
    System,

    /// <summary>The person who asks.</summary>
    User,

    /// <summary>The model, whose words are what training teaches.</summary>
    Assistant,

    /// <summary>The result of a tool the model called.</summary>
    Tool,
}

/// <summary>One contribution to a conversation.</summary>
/// <param name="Role">Who speaks.</param>
/// <param name="Text">What is said.</param>
/// <param name="Input">The material an instruction works on, as Alpaca's <c>input</c>; empty where there is none.</param>
public sealed record Turn(Role Role, string Text, string Input = "")
{
    /// <summary>What the record says of this turn beside its text, in the record's order: <c>tool_calls</c>, <c>name</c>,
    /// <c>weight</c>, ...</summary>
    public IReadOnlyDictionary<string, JsonElement> Metadata { get; init; } = ReadOnlyDictionary<string, JsonElement>.Empty;
}

/// <summary>
/// The one internal form of instruction data: whatever file a record came from, it becomes a conversation. A piece of plain
/// text is a conversation of one assistant turn.
/// </summary>
/// <param name="Turns">The turns in order.</param>
public sealed record Conversation(IReadOnlyList<Turn> Turns)
{
    /// <summary>Where the record was read, for messages: <c>file.json, record 17</c> (1-based); else empty.</summary>
    public string Origin { get; init; } = "";

    /// <summary>Of preference data, the answer that lost against the last assistant turn; else null.</summary>
    public string? Rejected { get; init; }

    /// <summary>The fields of the record that are not part of the dialogue, in the record's order.</summary>
    public IReadOnlyDictionary<string, JsonElement> Metadata { get; init; } = ReadOnlyDictionary<string, JsonElement>.Empty;

    /// <summary>An instruction with its answer: a user turn and an assistant turn.</summary>
    /// <param name="instruction">What is asked.</param>
    /// <param name="input">The material the instruction works on, or empty.</param>
    /// <param name="output">The answer.</param>
    public static Conversation Instruction(string instruction, string input, string output) =>
        new([new Turn(Role.User, instruction, input), new Turn(Role.Assistant, output)]);

    /// <summary>A piece of plain text, as used for pre-training: one assistant turn.</summary>
    public static Conversation PlainText(string text) => new([new Turn(Role.Assistant, text)]);
}
