using System.Numerics;
using System.Runtime.InteropServices;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// MinHash signatures split into bands for locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998). Two sets with
/// Jaccard similarity s agree in a band of r rows with probability s^r, and in at least one of b bands with 1 - (1 - s^r)^b.
/// </summary>
internal sealed class MinHash
{
    private const int Permutations = 128;
    private const double WantedRecall = 0.985;   // for pairs exactly at the threshold; higher above it

    private static readonly uint[] Factors = Draw("factors", odd: 1), Terms = Draw("terms", odd: 0);

    /// <summary>
    /// Selects the number of bands for a threshold: as many rows as the recall permits, to minimize the number of candidates.
    /// </summary>
    /// <param name="threshold">Minimum similarity to detect, above 0 and at most 1.</param>
    public MinHash(double threshold)
    {
        Rows = Enumerable.Range(1, 16).LastOrDefault(rows => Recall(threshold, rows) >= WantedRecall, 1);
        Bands = Permutations / Rows;
    }

    /// <summary>Number of bands.</summary>
    public int Bands { get; }

    /// <summary>Number of minima per band.</summary>
    public int Rows { get; }

    /// <summary>One key per band for a set; empty for an empty set.</summary>
    public uint[] Keys(ReadOnlySpan<ulong> shingles)
    {
        if (shingles.IsEmpty) return [];
        Span<uint> minima = stackalloc uint[Permutations];
        Minima(shingles, minima);
        var keys = new uint[Bands];
        for (var band = 0; band < keys.Length; band++)
        {
            var key = (ulong)band;
            foreach (var minimum in minima.Slice(band * Rows, Rows)) key = TextUnits.Mix(key ^ minimum);
            keys[band] = (uint)key;
        }
        return keys;
    }

    private static double Recall(double threshold, int rows) =>
        1 - Math.Pow(1 - Math.Pow(threshold, rows), Permutations / rows);

    // Four vectors of minima stay in registers while iterating over the shingles.
    private static void Minima(ReadOnlySpan<ulong> shingles, Span<uint> minima)
    {
        var factors = MemoryMarshal.Cast<uint, Vector<uint>>(Factors);
        var terms = MemoryMarshal.Cast<uint, Vector<uint>>(Terms);
        var results = MemoryMarshal.Cast<uint, Vector<uint>>(minima);
        for (var v = 0; v < results.Length; v += 4)
        {
            var (f0, f1, f2, f3) = (factors[v], factors[v + 1], factors[v + 2], factors[v + 3]);
            var (t0, t1, t2, t3) = (terms[v], terms[v + 1], terms[v + 2], terms[v + 3]);
            var m0 = Vector<uint>.AllBitsSet;
            var (m1, m2, m3) = (m0, m0, m0);
            foreach (var shingle in shingles)
            {
                var x = new Vector<uint>((uint)(shingle >> 32));
                m0 = Vector.Min(m0, x * f0 + t0);
                m1 = Vector.Min(m1, x * f1 + t1);
                m2 = Vector.Min(m2, x * f2 + t2);
                m3 = Vector.Min(m3, x * f3 + t3);
            }
            (results[v], results[v + 1], results[v + 2], results[v + 3]) = (m0, m1, m2, m3);
        }
    }

    private static uint[] Draw(string purpose, uint odd)
    {
        var random = new DeterministicRandom(0).Fork($"minhash {purpose}");
        return [.. Enumerable.Range(0, Permutations).Select(_ => (uint)random.NextUInt64() | odd)];
    }
}
