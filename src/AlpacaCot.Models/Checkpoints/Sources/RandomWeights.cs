using System.Text;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>
/// Initial fp32 weights for training from scratch: matrices from a normal distribution with mean 0 and the model's
/// <c>initializer_range</c> as standard deviation, ones for norms (the other one-dimensional weights), zeros for biases.
/// <para>A tensor depends only on the seed, its name and its shape, not on order, threads or libtorch.</para>
/// </summary>
/// <param name="seed">The same seed gives the same weights.</param>
/// <param name="deviation">Standard deviation of the matrices, 0.02 in most configurations.</param>
public sealed class RandomWeights(long seed, double deviation = 0.02) : IWeightSource
{
    /// <inheritdoc/>
    public IEnumerable<string> Names => [];

    /// <inheritdoc/>
    public bool Contains(string name) => true;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape)
    {
        if (name.EndsWith("bias", StringComparison.Ordinal)) return Tensors.Zeros(shape, ScalarType.Float32, CPU);
        if (name.EndsWith("norm.weight", StringComparison.Ordinal) || shape.Length < 2)
            return Tensors.Ones(shape, ScalarType.Float32, CPU);
        var tensor = Tensors.Empty(shape, ScalarType.Float32, CPU);
        Fill(tensor, StartState(name));
        return tensor;
    }

    // Box-Muller: two uniform numbers give two normal ones.
    private unsafe void Fill(Tensor tensor, ulong state)
    {
        var values = (float*)TensorMemory.Bytes(tensor);
        var count = tensor.numel();
        for (long i = 0; i < count; i += 2)
        {
            var radius = deviation * Math.Sqrt(-2 * Math.Log(1 - Uniform(ref state))); // 1 - u is in (0, 1]
            var (sine, cosine) = Math.SinCos(2 * Math.PI * Uniform(ref state));
            values[i] = (float)(radius * cosine);
            if (i + 1 < count) values[i + 1] = (float)(radius * sine);
        }
    }

    // FNV-1a over the name, seeded with the mixed seed.
    private ulong StartState(string name)
    {
        var state = (ulong)seed;
        var hash = Next(ref state);
        foreach (var b in Encoding.UTF8.GetBytes(name)) hash = (hash ^ b) * 0x100000001b3;
        return hash;
    }

    private static double Uniform(ref ulong state) => (Next(ref state) >> 11) * (1.0 / (1L << 53)); // 53 bits, in [0, 1)

    // SplitMix64 (Steele, Lea and Flood 2014).
    private static ulong Next(ref ulong state)
    {
        var mixed = state += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
}
