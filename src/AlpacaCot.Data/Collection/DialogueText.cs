using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Parser for dialogues in one text, in which a marker such as <c>Human:</c> starts each turn.</summary>
/// <param name="Before">
/// Text required directly before a marker: a newline if markers count only at the start of a line (the start of the text
/// included), or empty.
/// </param>
/// <param name="Markers">The markers with the role of the turn that each starts.</param>
internal sealed record DialogueText(string Before, params (string Marker, Role Role)[] Markers)
{
    /// <summary><c>Human: ... Assistant: ...</c>, each at the start of a line.</summary>
    public static readonly DialogueText HumanAssistant = new("\n", ("Human:", Role.User), ("Assistant:", Role.Assistant));

    /// <summary>
    /// Splits a text into trimmed turns; text before the first marker becomes a system turn. Returns an empty list unless both
    /// roles occur, so that a text that only quotes a marker is not treated as a dialogue.
    /// </summary>
    public IReadOnlyList<Turn> Parse(string text)
    {
        var whole = Before + text;
        var places = new int[Markers.Length];   // next occurrence of each marker; updated after it is passed
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
