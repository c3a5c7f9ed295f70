using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Dialogues written as one text, in which a marker such as <c>Human:</c> begins each turn.</summary>
/// <param name="Before">
/// What stands directly before a marker: a newline where one only counts at the start of a line (the start of the text counts as
/// one), or nothing.
/// </param>
/// <param name="Markers">The markers and whose turn each begins.</param>
internal sealed record DialogueText(string Before, params (string Marker, Role Role)[] Markers)
{
    /// <summary><c>Human: ... Assistant: ...</c> at the starts of lines.</summary>
    public static readonly DialogueText HumanAssistant = new("\n", ("Human:", Role.User), ("Assistant:", Role.Assistant));

    /// <summary>
    /// The turns of a text, trimmed; text before the first marker becomes a system turn. None where the text does not begin a
    /// turn of each side, so that a sentence that happens to hold a marker is not taken for a dialogue.
    /// </summary>
    public IReadOnlyList<Turn> Parse(string text)
    {
        var whole = Before + text;
        var places = new int[Markers.Length];   // of each marker's next occurrence; searched on only when it is passed
        for (var i = 0; i < places.Length; i++) places[i] = Find(i, 0);
        var turns = new List<Turn>();
        var (role, start) = (Role.System, 0);
        while (true)
        {
            var next = -1;
            for (var i = 0; i < places.Length; i++)
            {
                if (places[i] >= 0 && places[i] < start) places[i] = Find(i, start);
                if (places[i] >= 0 && (next < 0 || places[i] < places[next])) next = i;
            }
            var said = whole[start..(next < 0 ? whole.Length : places[next])].Trim();
            if (turns.Count > 0 || role != Role.System || said.Length > 0) turns.Add(new Turn(role, said));
            if (next < 0) break;
            (role, start) = (Markers[next].Role, places[next] + Before.Length + Markers[next].Marker.Length);
        }
        return turns.Any(t => t.Role == Role.User) && turns.Any(t => t.Role == Role.Assistant) ? turns : [];

        int Find(int marker, int from) => whole.IndexOf(Before + Markers[marker].Marker, from, StringComparison.Ordinal);
    }
}
