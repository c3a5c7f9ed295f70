using System.Text;

namespace AlpacaCot.Cli.Output;

/// <summary>The text of an answer during generation: text that may be the start of a stop string is held back.</summary>
internal sealed class AnswerText(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _all = new();
    private int _shown;
    private bool _stopped;

    /// <summary>Adds text and returns the part that can be shown.</summary>
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

    /// <summary>Returns the text that was held back, at the end of the answer.</summary>
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
