using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace AlpacaCot.Text;

/// <summary>
/// A generator with identical sequences for a seed on every platform and .NET version, which <see cref="Random"/> does not
/// guarantee: xoshiro256** seeded by splitmix64 (Blackman and Vigna, 2018). Not cryptographically secure; not thread-safe.
/// </summary>
public sealed class DeterministicRandom
{
    private readonly ulong _seed;
    private ulong _s0, _s1, _s2, _s3;

    /// <summary>Starts a sequence.</summary>
    /// <param name="seed">Any number; the same one gives the same sequence.</param>
    public DeterministicRandom(long seed) : this(unchecked((ulong)seed)) { }

    private DeterministicRandom(ulong seed)
    {
        _seed = seed;
        var state = seed;
        (_s0, _s1, _s2, _s3) = (SplitMix(ref state), SplitMix(ref state), SplitMix(ref state), SplitMix(ref state));
    }

    /// <summary>
    /// An independent sequence for one purpose. It depends only on the seed and the label, not on the numbers already
    /// drawn, so an additional draw in one component does not affect another.
    /// </summary>
    /// <param name="label">Names the purpose, for example <c>epoch 3</c>.</param>
    public DeterministicRandom Fork(string label)
    {
        var text = Encoding.UTF8.GetBytes(label);
        var message = new byte[8 + text.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(message, _seed);
        text.CopyTo(message, 8);
        return new(BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(message)));
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A uniform integer from 0 to <paramref name="count"/> - 1.</summary>
    /// <param name="count">At least 1.</param>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        // The high word of a product maps 64 bits to the range; rejection removes the bias (Lemire, 2019).
        var reject = unchecked(0UL - (ulong)count) % (ulong)count;
        while (true)
        {
            var high = Math.BigMul(NextUInt64(), (ulong)count, out var low);
            if (low >= reject) return (int)high;
        }
    }

    /// <summary>A uniform integer from <paramref name="low"/> to <paramref name="high"/> - 1.</summary>
    public int NextInt(int low, int high) => low + NextInt(checked(high - low));

    /// <summary>A uniform number in [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>One of the items, each equally likely.</summary>
    public T Choose<T>(IReadOnlyList<T> items) => items[NextInt(items.Count)];

    /// <summary>Shuffles items in place, with uniform probability of every order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>The integers from 0 to <paramref name="count"/> - 1 in random order.</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++) order[i] = i;
        Shuffle(order.AsSpan());
        return order;
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
