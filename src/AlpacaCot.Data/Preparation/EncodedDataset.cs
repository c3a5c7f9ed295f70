using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// The tokenized examples of a data set, four bytes per token, in memory or in a file; ids and the supervision mask share one
/// pool. Immutable; subsets from <see cref="Select"/> share the pool.
/// </summary>
public sealed class EncodedDataset
{
    private readonly ITokenPool _pool;
    private readonly TokenPlace[] _places;

    internal EncodedDataset(ITokenPool pool, TokenPlace[] places) => (_pool, _places) = (pool, places);

    /// <summary>Number of examples.</summary>
    public int Count => _places.Length;

    /// <summary>Number of tokens in all examples.</summary>
    public long TokenCount => _places.Sum(place => (long)place.Length);

    /// <summary>Number of supervised tokens in all examples.</summary>
    public long SupervisedTokenCount => _places.Sum(place => (long)place.Supervised);

    /// <summary>Returns an example as new arrays.</summary>
    public TokenizedExample this[int index]
    {
        get
        {
            var example = new TokenizedExample(new int[Length(index)], new int[Length(index)]);
            CopyTo(index, example.Ids, example.Labels);
            return example;
        }
    }

    /// <summary>Stores examples in memory; each label must equal its id or <see cref="TokenizedExample.Ignored"/>.</summary>
    public static EncodedDataset From(IEnumerable<TokenizedExample> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var pool = new MemoryPool();
        var places = new List<TokenPlace>();
        var tokens = new int[1024];
        foreach (var example in examples)
        {
            var length = example.Ids.Length;
            if (tokens.Length < length) tokens = new int[2 * length];
            var supervised = PooledTokens.From(example, tokens);
            places.Add(new(pool.Add(tokens.AsSpan(0, length)), length, supervised, example.Continues));
        }
        pool.Trim();
        return new(pool, [.. places]);
    }

    /// <summary>Number of tokens of an example.</summary>
    public int Length(int index) => _places[index].Length;

    /// <summary>Number of supervised tokens of an example.</summary>
    public int SupervisedTokens(int index) => _places[index].Supervised;

    /// <summary>Copies an example to the start of two rows of a batch.</summary>
    /// <param name="index">Number of the example.</param>
    /// <param name="ids">Receives the ids; at least <see cref="Length"/> long.</param>
    /// <param name="labels">Receives the labels; at least <see cref="Length"/> long.</param>
    public void CopyTo(int index, Span<int> ids, Span<int> labels)
    {
        var tokens = ids[..Length(index)];
        _pool.Read(_places[index].Start, tokens);
        PooledTokens.Open(tokens, labels);
    }

    /// <summary>Returns the examples with these indices, in this order.</summary>
    public EncodedDataset Select(IEnumerable<int> indices) => new(_pool, [.. indices.Select(index => _places[index])]);

    /// <summary>
    /// The numbers of the examples of a random validation part and of the others, in ascending order. Repetitions of an example
    /// are on one side: the split chooses among different examples, validation has each of its examples once, and training has
    /// the others as often as they occur. So are the parts of a long text: a text is chosen if all its parts still fit. Where no
    /// text fits, validation is the end of one text and training has the parts before.
    /// </summary>
    /// <param name="validationSize">Number of validation examples; 0 for none.</param>
    /// <param name="seed">Seed of the random selection.</param>
    /// <param name="group">Consecutive entries that form one example, such as the two answers of a pair.</param>
    /// <exception cref="InputException">The validation part would leave no training examples.</exception>
    public (IReadOnlyList<int> Train, IReadOnlyList<int> Validation) SplitExamples(int validationSize, long seed, int group = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(validationSize);
        var texts = Texts(group);
        var first = new List<(int First, int Count)>(); // the first text of each content
        var content = new int[texts.Count];             // the content of each text
        var known = new Dictionary<UInt128, int>();
        for (var text = 0; text < texts.Count; text++)
        {
            var mark = Mark(texts[text].First * group, texts[text].Count * group);
            if (known.TryAdd(mark, first.Count)) first.Add(texts[text]);
            content[text] = known[mark];
        }
        var different = first.Sum(text => text.Count);
        if (validationSize > 0 && validationSize >= different)
            throw new InputException($"validation_size {validationSize} leaves no training examples: the data has "
                + (first.Count == texts.Count ? $"{Count / group} examples."
                    : $"{different} different examples ({Count / group} with repetitions, which are all on one side)."));
        var order = new DeterministicRandom(seed).Fork("validation split").Permutation(first.Count);
        var (chosen, left) = (new HashSet<int>(), validationSize);
        foreach (var text in order)
        {
            if (left == 0) break;
            if (first[text].Count > left) continue;
            chosen.Add(text);
            left -= first[text].Count;
        }
        // No text is short enough: the end of one.
        var cut = validationSize > 0 && chosen.Count == 0 ? order[0] : -1;
        return ([.. texts.Index().Where(t => !chosen.Contains(content[t.Index])).SelectMany(t =>
                Enumerable.Range(t.Item.First, t.Item.Count - (content[t.Index] == cut ? validationSize : 0)))],
            [.. first.Index().Where(t => chosen.Contains(t.Index)).SelectMany(t =>
                Enumerable.Range(t.Item.First, t.Item.Count)),
                .. cut < 0 ? [] : Enumerable.Range(first[cut].First + first[cut].Count - validationSize, validationSize)]);
    }

    // The examples that are parts of one text: the number of the first one and their count.
    private List<(int First, int Count)> Texts(int group)
    {
        var texts = new List<(int First, int Count)>();
        for (var example = 0; example < Count / group; example++)
            if (texts.Count > 0 && _places[example * group].Continues) texts[^1] = (texts[^1].First, texts[^1].Count + 1);
            else texts.Add((example, 1));
        return texts;
    }

    // 128 bits of SHA-256 over the lengths and tokens of an example's entries.
    private UInt128 Mark(int entry, int entries)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, entry, entries);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return MemoryMarshal.Read<UInt128>(digest);
    }

    /// <summary>
    /// Fingerprint of the content: lower-case hexadecimal SHA-256 over length, ids and supervision of each example in order, as
    /// 32-bit little-endian integers (an unsupervised id as its complement).
    /// </summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, 0, Count);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // The length and the tokens of each example.
    private void Append(IncrementalHash hash, int first, int count)
    {
        var tokens = ArrayPool<int>.Shared.Rent(4096);
        for (var index = first; index < first + count; index++)
        {
            var (start, length, _, _) = _places[index];
            if (tokens.Length < length + 1)
            {
                ArrayPool<int>.Shared.Return(tokens);
                tokens = ArrayPool<int>.Shared.Rent(length + 1);
            }
            tokens[0] = length;
            _pool.Read(start, tokens.AsSpan(1, length));
            hash.AppendData(MemoryMarshal.AsBytes(tokens.AsSpan(0, length + 1)));
        }
        ArrayPool<int>.Shared.Return(tokens);
    }
}
