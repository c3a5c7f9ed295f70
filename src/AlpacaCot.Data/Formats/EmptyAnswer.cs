using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>Finds answers without any content, which would teach a model to say nothing.</summary>
public static class EmptyAnswer
{
    /// <summary>The number of the first turn of the assistant that has no content, from 1; 0: there is none.</summary>
    public static int TurnOf(Conversation conversation)
    {
        for (var i = 0; i < conversation.Turns.Count; i++)
            if (conversation.Turns[i] is { Role: Role.Assistant, IsEmpty: true }) return i + 1;
        return 0;
    }
}
