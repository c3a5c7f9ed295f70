using System.Globalization;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Removes degenerate repetitive answers: a large share of the n-grams are repetitions (after Rae et al. 2021,
/// arXiv:2112.11446, table A1), or one letter occurs many times in a row.
/// </summary>
internal sealed class RepetitionFilter : ICleaningFilter
{
    private const int Gram = 8;              // words, or characters of unspaced scripts
    private const int LeastUnits = 32;       // shorter texts are not checked
    private const double MostRepeated = 0.4;  // songs have refrains
    private const double MostSigns = 0.03;    // tables, markup and code legitimately repeat symbols
    private const int LongestRun = 24;       // of one letter

    public string Name => "repetition";

    public string Description => "an answer that repeats itself: 40 % of its 8-grams, or one letter 24 times in a row";

    public FilterVerdict Check(Conversation record)
    {
        foreach (var turn in record.Turns)
        {
            if (turn.Role != Role.Assistant) continue;
            if (LetterRun(turn.Text) is >= 0 and var at)
                return FilterVerdict.Remove($"\"{turn.Text[at]}\" occurs {LongestRun} times in a row", turn.Text[at..]);
            if (RepeatedShare(turn.Text) is var share && share >= MostRepeated)
                return FilterVerdict.Remove(string.Create(CultureInfo.InvariantCulture,
                    $"{share:0%} of its 8-grams are repetitions"),
                    turn.Text);
        }
        return FilterVerdict.Keep;
    }

    private static int LetterRun(string text)
    {
        for (int i = 1, run = 1; i < text.Length; i++)
        {
            run = text[i] == text[i - 1] && char.IsLetter(text[i]) ? run + 1 : 1;
            if (run == LongestRun) return i - run + 1;
        }
        return -1;
    }

    private static double RepeatedShare(string text)
    {
        if (text.Count("<>{}|=*/\\".Contains) > MostSigns * text.Length) return 0;
        var units = new List<TextUnit>(text.Length / 4);
        TextUnits.Scan(text, units);
        if (units.Count < LeastUnits) return 0;
        var seen = new HashSet<ulong>();
        var repeated = 0;
        for (var i = 0; i + Gram <= units.Count; i++)
        {
            var hash = 0UL;
            for (var j = i; j < i + Gram; j++) hash = TextUnits.Mix(hash ^ units[j].Hash);
            if (!seen.Add(hash)) repeated++;
        }
        return repeated / (double)(units.Count - Gram + 1);
    }
}
