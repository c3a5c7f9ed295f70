using System.Runtime.InteropServices;

namespace AlpacaCot.Data.Preparation.Contamination;

/// <summary>
/// Index of evaluation texts' n-grams, searched in one pass over a text: a rolling polynomial hash yields the hash of any
/// substring in constant time.
/// </summary>
internal sealed class NgramIndex
{
    private const ulong Base = 0x9FB21C651E98DF25;
    private const int FilterBits = 24;   // a 2 MB bit array, cache-resident, rejects almost all candidates

    private readonly Dictionary<ulong, List<int>> _texts = [];   // by n-gram hash: the texts that contain it
    private readonly HashSet<int> _lengths = [];
    private readonly ulong[] _filter = new ulong[1 << (FilterBits - 6)];
    private readonly List<int> _gramCounts = [];

    /// <summary>A sequence of units in the scanned text that also occurs in an indexed text.</summary>
    /// <param name="Text">Number of the indexed text.</param>
    /// <param name="Gram">Hash of the sequence.</param>
    /// <param name="Start">Index of the first unit.</param>
    /// <param name="Length">Number of units.</param>
    public readonly record struct Match(int Text, ulong Gram, int Start, int Length);

    /// <summary>Number of texts with at least one n-gram.</summary>
    public int SearchableTexts => _gramCounts.Count(count => count > 0);

    /// <summary>Number of distinct n-grams of a text.</summary>
    public int GramCount(int text) => _gramCounts[text];

    /// <summary>Adds the next text: all its n-grams, or the whole text if shorter but not below the minimum.</summary>
    public void Add(List<TextUnit> units, int length, int least)
    {
        var text = _gramCounts.Count;
        _gramCounts.Add(0);
        length = Math.Min(length, units.Count);
        if (length < least) return;   // too short to prove copying
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
    /// Removes n-grams that occur in more texts than the limit: boilerplate such as task descriptions and examples, not the
    /// content of a question.
    /// </summary>
    /// <returns>Number of n-grams removed.</returns>
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

    /// <summary>Finds all sequences of units that also occur in an indexed text.</summary>
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
