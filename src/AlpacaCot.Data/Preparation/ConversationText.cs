using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation;

/// <summary>Plain-text views of a conversation.</summary>
public static class ConversationText
{
    /// <summary>All turns with their inputs and the rejected answer, separated by line feeds.</summary>
    public static string Of(Conversation conversation) => conversation.Rejected is { } rejected
        ? $"{Join(conversation.Turns)}\n{rejected}" : Join(conversation.Turns);

    /// <summary>All turns except the assistant's.</summary>
    public static string Prompt(Conversation conversation) => Join(conversation.Turns.Where(turn => turn.Role != Role.Assistant));

    /// <summary>The last assistant turn; empty if there is none.</summary>
    public static string Answer(Conversation conversation) =>
        conversation.Turns.LastOrDefault(turn => turn.Role == Role.Assistant)?.Text ?? "";

    /// <summary>The first characters of a text on one line, for reports.</summary>
    public static string Excerpt(string text, int length = 80)
    {
        var line = text.AsSpan(0, Math.Min(text.Length, 4 * length)).Trim().ToString().ReplaceLineEndings(" ").Replace('\t', ' ');
        if (line.Length <= length) return line;
        return line[..(length - (char.IsHighSurrogate(line[length - 1]) ? 1 : 0))] + "…";
    }

    private static string Join(IEnumerable<Turn> turns) =>
        string.Join('\n', turns.SelectMany(turn => turn.Input.Length > 0 ? (string[])[turn.Text, turn.Input] : [turn.Text]));
}
