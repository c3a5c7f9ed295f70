using System.Text;

namespace AlpacaCot.Cli.Output;

/// <summary>An answer while it is generated: text that may turn out to be a stop string waits until that is decided.</summary>
internal sealed class AnswerText(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _all = new();
    private int _shown;
    private bool _stopped;

    /// <summary>Takes in a piece of text and gives what can be shown now.</summary>
    public string Add(string piece)
    {
        if (_stopped) return "";
        _all.Append(piece);
        var text = _all.ToString(_shown, _all.Length - _shown);
        if (_shown == 0 && (text = text.TrimStart()).Length == 0) return "";
        var stop = stops.Select(s => text.IndexOf(s, StringComparison.Ordinal)).Where(i => i >= 0).DefaultIfEmpty(-1).Min();
        _stopped = stop >= 0;
        var end = _stopped ? stop : text.Length - Waiting(text);
        var ready = text[..end];
        _shown = _all.Length - (text.Length - end);
        return ready;
    }

    /// <summary>Gives what was still waiting, when no more comes.</summary>
    public string Finish()
    {
        if (_stopped) return "";
        var rest = _all.ToString(_shown, _all.Length - _shown);
        _shown = _all.Length;
        return rest.TrimEnd();
    }

    // The longest end of the text that a stop string may begin with, or white space that may be the answer's end.
    private int Waiting(string text)
    {
        var blank = text.Length - text.TrimEnd().Length;
        return stops.SelectMany(s => Enumerable.Range(1, s.Length - 1).Where(n => n <= text.Length
            && text.AsSpan(text.Length - n).SequenceEqual(s.AsSpan(0, n)))).Append(blank).Max();
    }
}
