using System.Globalization;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Takes answers that go round in circles, as a language model's do when it is stuck: a large part of the n-grams has stood
/// before (after Rae et al. 2021, arXiv:2112.11446, table A1), or one letter stands many times in a row.
/// </summary>
internal sealed class RepetitionFilter : ICleaningFilter
{
    private const int Gram = 8;              // words, or characters of unspaced scripts
    private const int LeastUnits = 32;       // a shorter text cannot go round
    private const double MostRepeated = 0.4;  // songs have refrains
    private const double MostSigns = 0.03;    // tables, markup and code repeat themselves by right
    private const int LongestRun = 24;       // of one letter

    public string Name => "repetition";

    public string Description => "an answer that repeats itself: 40 % of its 8-grams, or one letter 24 times in a row";

    public Verdict Check(Conversation record)
    {
        foreach (var turn in record.Turns)
        {
            if (turn.Role != Role.Assistant) continue;
            if (LetterRun(turn.Text) is >= 0 and var at)
                return Verdict.Remove($"\"{turn.Text[at]}\" stands {LongestRun} times in a row", turn.Text[at..]);
            if (RepeatedShare(turn.Text) is var share && share >= MostRepeated)
                return Verdict.Remove(string.Create(CultureInfo.InvariantCulture, $"{share:0%} of its 8-grams have stood before"),
                    turn.Text);
        }
        return Verdict.Keep;
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
