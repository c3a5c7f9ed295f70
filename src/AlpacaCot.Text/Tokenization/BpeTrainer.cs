using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Trains a byte-level BPE vocabulary (Sennrich et al. 2016, over bytes as in GPT-2): starting from the 256 bytes, the
/// most frequent adjacent pair is merged until the vocabulary is full. Ties go to the pair with the smaller ids, so the
/// result is deterministic.
/// </summary>
/// <remarks>
/// Text is first split into words, and no token crosses a boundary: at every match of the <c>isolate</c> expression, then by
/// GPT-2's word pattern, which attaches a preceding space to the word.
/// </remarks>
public sealed class BpeTrainer
{
    private readonly int _vocabularySize;
    private readonly IReadOnlyList<string> _specialTokens;
    private readonly string? _isolate;
    private readonly PatternSplit[] _cuts;
    private readonly Dictionary<string, long> _words = new(StringComparer.Ordinal);

    /// <summary>Creates a trainer.</summary>
    /// <param name="vocabularySize">Number of ids: special tokens, 256 bytes and merges. The result is smaller if no adjacent
    /// pair in the text occurs twice.</param>
    /// <param name="specialTokens">Special tokens; they get the first ids, in this order.</param>
    /// <param name="isolate">Regular expression for text that is always a separate word, such as <c>\p{N}</c> for single digits;
    /// null for none.</param>
    /// <exception cref="ArgumentException">The size is below the number of bytes and special tokens.</exception>
    public BpeTrainer(int vocabularySize, IReadOnlyList<string> specialTokens, string? isolate = null)
    {
        if (vocabularySize < specialTokens.Count + 256)
            throw new ArgumentException(
                $"a vocabulary of {vocabularySize} is too small for 256 bytes and {specialTokens.Count} special tokens",
                nameof(vocabularySize));
        this._vocabularySize = vocabularySize;
        this._specialTokens = specialTokens;
        this._isolate = isolate;
        var words = new PatternSplit(WordPattern.Gpt2, SplitBehavior.Isolated);
        _cuts = isolate is null ? [words] : [new PatternSplit(new RegexPattern(isolate), SplitBehavior.Isolated), words];
    }

    /// <summary>Adds the word counts of a text.</summary>
    /// <param name="text">Training text.</param>
    /// <param name="weight">Multiplier of the counts.</param>
    public void Add(string text, int weight = 1)
    {
        foreach (var word in Split(text))
            _words[word] = _words.GetValueOrDefault(word) + weight;
    }

    /// <summary>Learns the merges from all added texts.</summary>
    public ByteLevelBpe Train()
    {
        var names = new List<string>(_specialTokens);
        var idOfByte = new int[256];
        foreach (var b in Enumerable.Range(0, 256).OrderBy(b => ByteAlphabet.CharacterOf((byte)b)))
        {
            idOfByte[b] = names.Count;
            names.Add(ByteAlphabet.CharacterOf((byte)b).ToString());
        }

        // Ordinal order makes the result independent of the order in which texts were added.
        var pieces = _words.OrderBy(w => w.Key, StringComparer.Ordinal)
            .Select(w => (Ids: Encoding.UTF8.GetBytes(w.Key).Select(b => idOfByte[b]).ToList(), Count: w.Value)).ToArray();
        var counts = new Dictionary<(int Left, int Right), long>();
        var places = new Dictionary<(int, int), HashSet<int>>();
        for (var w = 0; w < pieces.Length; w++) Count(w, +1);

        var merges = new List<(string, string)>();
        while (names.Count < _vocabularySize && MostFrequent(counts) is { } best)
        {
            var name = names[best.Left] + names[best.Right];
            if (_specialTokens.Contains(name)) // reserved for the special token
            {
                counts.Remove(best);
                continue;
            }
            var merged = names.IndexOf(name, _specialTokens.Count); // "ab"+"c" after "a"+"bc"
            if (merged < 0)
            {
                merged = names.Count;
                names.Add(name);
            }
            merges.Add((names[best.Left], names[best.Right]));
            foreach (var w in places[best].ToArray())
            {
                Count(w, -1);
                Merge(pieces[w].Ids, best, merged);
                Count(w, +1);
            }
        }
        return new ByteLevelBpe(_specialTokens, merges, _isolate);

        void Count(int word, int sign)
        {
            var (ids, count) = pieces[word];
            for (var i = 0; i + 1 < ids.Count; i++)
            {
                var pair = (ids[i], ids[i + 1]);
                counts[pair] = counts.GetValueOrDefault(pair) + sign * count;
                if (!places.TryGetValue(pair, out var where)) places[pair] = where = [];
                if (sign > 0) where.Add(word); else where.Remove(word);
            }
        }
    }

    private static (int Left, int Right)? MostFrequent(Dictionary<(int Left, int Right), long> counts)
    {
        (int Left, int Right)? best = null;
        var most = 1L;
        foreach (var (pair, count) in counts)
            if (count > most || (count == most && best is { } b && pair.CompareTo(b) < 0))
                (best, most) = (pair, count);
        return best;
    }

    private static void Merge(List<int> ids, (int Left, int Right) pair, int merged)
    {
        var kept = 0;
        for (var i = 0; i < ids.Count; i++)
            if (i + 1 < ids.Count && ids[i] == pair.Left && ids[i + 1] == pair.Right) (ids[kept++], i) = (merged, i + 1);
            else ids[kept++] = ids[i];
        ids.RemoveRange(kept, ids.Count - kept);
    }

    /// <summary>Splits a text into the words that tokens cannot cross.</summary>
    internal IEnumerable<string> Split(string text)
    {
        var pieces = new Pieces(text);
        foreach (var step in _cuts) step.Cut(pieces, TextPlace.Start);
        return pieces.Ranges.Select(r => text[r.Start..r.End]);
    }
}
