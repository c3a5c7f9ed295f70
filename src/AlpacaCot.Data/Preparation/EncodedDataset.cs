using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// The tokenized examples of a data set in memory, four bytes per token; ids and the supervision mask share one pool of large
/// blocks. Immutable; subsets from <see cref="Split"/> and <see cref="Select"/> share the pool.
/// </summary>
public sealed class EncodedDataset
{
    private const int BlockSize = 1 << 22;

    private readonly List<int[]> _blocks;   // an id, or its complement if the token is not supervised
    private readonly Slice[] _places;

    private readonly record struct Slice(int Block, int Start, int Length, int Supervised);

    private EncodedDataset(List<int[]> blocks, Slice[] places) => (_blocks, _places) = (blocks, places);

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

    /// <summary>Stores examples; each label must equal its id or <see cref="TokenizedExample.Ignored"/>.</summary>
    public static EncodedDataset From(IEnumerable<TokenizedExample> examples)
    {
        var blocks = new List<int[]>();
        var places = new List<Slice>();
        var used = 0;   // used entries of the last block
        foreach (var (ids, labels) in examples)
        {
            if (labels.Length != ids.Length) throw new ArgumentException("labels and ids differ in length", nameof(examples));
            if (blocks.Count == 0 || blocks[^1].Length - used < ids.Length)
            {
                if (blocks.Count > 0) blocks[^1] = blocks[^1][..used];
                blocks.Add(new int[Math.Max(BlockSize, ids.Length)]);
                used = 0;
            }
            var supervised = 0;
            for (var i = 0; i < ids.Length; i++)
            {
                var isSupervised = labels[i] == ids[i];
                if (!isSupervised && labels[i] != TokenizedExample.Ignored)
                    throw new ArgumentException($"label {labels[i]} belongs to id {ids[i]}", nameof(examples));
                blocks[^1][used + i] = isSupervised ? ids[i] : ~ids[i];
                if (isSupervised) supervised++;
            }
            places.Add(new(blocks.Count - 1, used, ids.Length, supervised));
            used += ids.Length;
        }
        if (blocks.Count > 0) blocks[^1] = blocks[^1][..used];
        return new(blocks, [.. places]);
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
        var pooled = Pooled(index);
        for (var i = 0; i < pooled.Length; i++)
        {
            var token = pooled[i];
            ids[i] = token >= 0 ? token : ~token;
            labels[i] = token >= 0 ? token : TokenizedExample.Ignored;
        }
    }

    /// <summary>Returns the examples with these indices, in this order.</summary>
    public EncodedDataset Select(IEnumerable<int> indices) => new(_blocks, [.. indices.Select(index => _places[index])]);

    /// <summary>
    /// Splits off a random validation part. Both parts keep the order. Repetitions of an example are on one side: the split chooses
    /// among different examples, validation has each of its examples once, and training has the others as often as they occur.
    /// </summary>
    /// <param name="validationSize">Number of validation examples; 0 for none.</param>
    /// <param name="seed">Seed of the random selection.</param>
    /// <param name="group">Consecutive entries that form one example, such as the two answers of a pair.</param>
    /// <exception cref="InputException">The validation part would leave no training examples.</exception>
    public (EncodedDataset Train, EncodedDataset Validation) Split(int validationSize, long seed, int group = 1)
    {
        var (train, validation) = SplitExamples(validationSize, seed, group);
        IEnumerable<int> Rows(IEnumerable<int> examples) => examples.SelectMany(e => Enumerable.Range(e * group, group));
        return (Select(Rows(train)), Select(Rows(validation)));
    }

    /// <summary>The numbers of the training and validation examples of <see cref="Split"/>, in ascending order.</summary>
    /// <param name="validationSize">Number of validation examples; 0 for none.</param>
    /// <param name="seed">Seed of the random selection.</param>
    /// <param name="group">Consecutive entries that form one example, such as the two answers of a pair.</param>
    /// <exception cref="InputException">The validation part would leave no training examples.</exception>
    public (IReadOnlyList<int> Train, IReadOnlyList<int> Validation) SplitExamples(int validationSize, long seed, int group = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(validationSize);
        var first = new List<int>();                  // the first example of each content
        var content = new int[Count / group];         // the content of each example
        var known = new Dictionary<UInt128, int>();
        for (var example = 0; example < content.Length; example++)
        {
            var mark = Mark(example * group, group);
            if (known.TryAdd(mark, first.Count)) first.Add(example);
            content[example] = known[mark];
        }
        if (validationSize > 0 && validationSize >= first.Count)
            throw new InputException($"validation_size {validationSize} leaves no training examples: the data has "
                + (first.Count == content.Length ? $"{content.Length} examples."
                    : $"{first.Count} different examples ({content.Length} with repetitions, which are all on one side)."));
        var chosen = new DeterministicRandom(seed).Fork("validation split").Permutation(first.Count)[..validationSize]
            .ToHashSet();
        return ([.. Enumerable.Range(0, content.Length).Where(example => !chosen.Contains(content[example]))],
            [.. first.Where(example => chosen.Contains(content[example]))]);
    }

    // 128 bits of SHA-256 over the lengths and tokens of an example's entries.
    private UInt128 Mark(int entry, int entries)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<int> length = stackalloc int[1];
        for (var index = entry; index < entry + entries; index++)
        {
            length[0] = Length(index);
            hash.AppendData(MemoryMarshal.AsBytes(length));
            hash.AppendData(MemoryMarshal.AsBytes(Pooled(index)));
        }
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
        Span<int> length = stackalloc int[1];
        for (var index = 0; index < Count; index++)
        {
            length[0] = Length(index);
            hash.AppendData(MemoryMarshal.AsBytes(length));
            hash.AppendData(MemoryMarshal.AsBytes(Pooled(index)));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private ReadOnlySpan<int> Pooled(int index) =>
        _blocks[_places[index].Block].AsSpan(_places[index].Start, _places[index].Length);
}
