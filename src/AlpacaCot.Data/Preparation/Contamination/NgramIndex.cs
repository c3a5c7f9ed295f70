using System.Runtime.InteropServices;

namespace AlpacaCot.Data.Preparation.Contamination;

/// <summary>
/// The n-grams of evaluation texts, to be found in any other text in one pass: a rolling polynomial hash gives every stretch
/// of any length in constant time.
/// </summary>
internal sealed class NgramIndex
{
    private const ulong Base = 0x9FB21C651E98DF25;
    private const int FilterBits = 24;   // a bit array of 2 MB that lies in the cache says no to almost all stretches

    private readonly Dictionary<ulong, List<int>> _texts = [];   // of a gram, the texts that have it
    private readonly HashSet<int> _lengths = [];
    private readonly ulong[] _filter = new ulong[1 << (FilterBits - 6)];
    private readonly List<int> _gramCounts = [];

    /// <summary>A row of units of the scanned text that a text of the index has too.</summary>
    /// <param name="Text">The text of the index.</param>
    /// <param name="Gram">Identifies the row.</param>
    /// <param name="Start">Its first unit.</param>
    /// <param name="Length">Its units.</param>
    public readonly record struct Match(int Text, ulong Gram, int Start, int Length);

    /// <summary>The number of texts with at least one gram.</summary>
    public int SearchableTexts => _gramCounts.Count(count => count > 0);

    /// <summary>The number of different grams of a text.</summary>
    public int GramCount(int text) => _gramCounts[text];

    /// <summary>Adds the text with the next number: all its rows of so many units, or all of it where it is shorter.</summary>
    public void Add(List<TextUnit> units, int length, int least)
    {
        var text = _gramCounts.Count;
        _gramCounts.Add(0);
        length = Math.Min(length, units.Count);
        if (length < least) return;   // too little to say that it was copied
        _lengths.Add(length);
        var prefix = Prefix(units);
        for (var start = 0; start + length <= units.Count; start++)
        {
            var gram = Gram(prefix, start, length, Power(length));
            ref var texts = ref CollectionsMarshal.GetValueRefOrAddDefault(_texts, gram, out _);
            texts ??= [];
            if (texts.Count > 0 && texts[^1] == text) continue;
            texts.Add(text);
            _gramCounts[text]++;
            _filter[(gram >> 6) & (ulong)(_filter.Length - 1)] |= 1UL << (int)(gram & 63);
        }
    }

    /// <summary>
    /// Forgets the grams of more than so many texts, which are the words of the set (its task description, its examples), not
    /// of a question.
    /// </summary>
    /// <returns>How many were forgotten.</returns>
    public int RemoveCommon(int most)
    {
        var common = _texts.Where(gram => gram.Value.Count > most).ToList();
        foreach (var (gram, texts) in common)
        {
            foreach (var text in texts) _gramCounts[text]--;
            _texts.Remove(gram);
        }
        return common.Count;
    }

    /// <summary>Every row of units that a text of the index has too.</summary>
    public List<Match> Find(List<TextUnit> units)
    {
        var matches = new List<Match>();
        var prefix = Prefix(units);
        foreach (var length in _lengths)
        {
            var power = Power(length);
            for (var start = 0; start + length <= units.Count; start++)
            {
                var gram = Gram(prefix, start, length, power);
                if ((_filter[(gram >> 6) & (ulong)(_filter.Length - 1)] >> (int)(gram & 63) & 1) == 0) continue;
                if (!_texts.TryGetValue(gram, out var texts)) continue;
                foreach (var text in texts) matches.Add(new Match(text, gram, start, length));
            }
        }
        return matches;
    }

    private static ulong[] Prefix(List<TextUnit> units)
    {
        var prefix = new ulong[units.Count + 1];
        for (var i = 0; i < units.Count; i++) prefix[i + 1] = prefix[i] * Base + units[i].Hash;
        return prefix;
    }

    private static ulong Gram(ulong[] prefix, int start, int length, ulong power) =>
        TextUnits.Mix(prefix[start + length] - prefix[start] * power + (ulong)length);

    private static ulong Power(int length)
    {
        var power = 1UL;
        for (var i = 0; i < length; i++) power *= Base;
        return power;
    }
}
