using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>Finds answers without any content, which would teach a model to say nothing.</summary>
public static class EmptyAnswer
{
    private static readonly string[] Contents =
        ["tool_calls", "function_call", "content", "reasoning", "reasoning_content", "thinking"];

    /// <summary>The number of the first turn of the assistant that has no content, from 1; 0: there is none.</summary>
    public static int TurnOf(Conversation conversation)
    {
        for (var i = 0; i < conversation.Turns.Count; i++)
            if (conversation.Turns[i] is { Role: Role.Assistant } turn && string.IsNullOrWhiteSpace(turn.Text)
                && string.IsNullOrWhiteSpace(turn.Input) && !Array.Exists(Contents, turn.Metadata.ContainsKey))
                return i + 1;
        return 0;
    }
}
