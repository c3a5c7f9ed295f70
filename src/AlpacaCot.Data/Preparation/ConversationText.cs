using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation;

/// <summary>Plain-text views of a conversation.</summary>
public static class ConversationText
{
    /// <summary>The content of all turns and of the rejected answer, separated by line feeds.</summary>
    public static string Of(Conversation conversation) =>
        Join(conversation.Rejected is { } rejected ? conversation.Turns.Concat(rejected.Turns) : conversation.Turns);

    /// <summary>All turns except the assistant's.</summary>
    public static string Prompt(Conversation conversation) => Join(conversation.Turns.Where(turn => turn.Role != Role.Assistant));

    /// <summary>The content of the last assistant turn; empty if there is none.</summary>
    public static string Answer(Conversation conversation) =>
        conversation.Turns.LastOrDefault(turn => turn.Role == Role.Assistant) is { } answer ? Content(answer) : "";

    /// <summary>The content of a turn, a part on each line: reasoning, text, input, tool calls as <c>name(arguments)</c>, and
    /// images and the like as JSON.</summary>
    public static string Content(Turn turn) => turn is { Reasoning: "", Input: "", Calls.Count: 0, Media.Count: 0 } ? turn.Text
        : string.Join('\n', ((IEnumerable<string>)[turn.Reasoning, turn.Text, turn.Input, .. turn.Calls.Select(Call),
            .. turn.Media.Select(part => part.Content.GetRawText())]).Where(part => part.Length > 0));

    /// <summary>A tool call for people and for comparisons: <c>name(arguments)</c>.</summary>
    public static string Call(ToolCall call) => $"{call.Name}({call.ArgumentText})";

    /// <summary>The first characters of a text on one line, for reports.</summary>
    public static string Excerpt(string text, int length = 80)
    {
        var line = text.AsSpan(0, Math.Min(text.Length, 4 * length)).Trim().ToString().ReplaceLineEndings(" ").Replace('\t', ' ');
        if (line.Length <= length) return line;
        return line[..(length - (char.IsHighSurrogate(line[length - 1]) ? 1 : 0))] + "…";
    }

    private static string Join(IEnumerable<Turn> turns) =>
        string.Join('\n', turns.Select(Content));
}
