using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Kernels.Decode;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Attention of single queries over caches of different lengths: each query processes exactly its own keys, without padding or
/// mask. The softmax takes two passes over one row of scores.
/// </summary>
internal static unsafe class CachedAttentionKernel
{
    private readonly record struct Shape(int Heads, int KeyValueHeads, int Width, float Scale, float Cap);

    /// <summary>
    /// Copies the new keys and values <c>[1, kv heads, n, d]</c> of one sequence to their positions in its cache.
    /// </summary>
    public static void Store(CacheStore store, int layer, Tensor key, Tensor value, int first, int start, int count)
    {
        var (heads, tokens, width) = (key.shape[1], key.shape[2], key.shape[3]);
        Locate(store, layer, out var keys, out var values, out var headStride);
        float* newKeys = TensorMemory.Floats(key), newValues = TensorMemory.Floats(value);
        for (var head = 0L; head < heads; head++)
        {
            var (from, to, size) =
                ((head * tokens + first) * width, head * headStride + start * width, count * width * sizeof(float));
            Buffer.MemoryCopy(newKeys + from, keys + to, size, size);
            Buffer.MemoryCopy(newValues + from, values + to, size, size);
        }
    }

    /// <summary>
    /// Computes attention of each query and writes it to the query's row of <paramref name="result"/>, <c>[1, n, heads · d]</c>.
    /// </summary>
    public static void Attend(
        int layer, Tensor query, IReadOnlyList<CachedQuery> queries, double? softCap, float[]? slopes, Tensor result)
    {
        if (queries.Count == 0) return;
        var (heads, tokens, width) = ((int)query.shape[1], query.shape[2], (int)query.shape[3]);
        var keyValueHeads = (int)queries[0].Store.Heads;
        var shape = new Shape(heads, keyValueHeads, width, 1 / MathF.Sqrt(width), (float)(softCap ?? 0));
        float* q = TensorMemory.Floats(query), output = TensorMemory.Floats(result);
        var longest = queries.Max(cached => cached.To - cached.From);
        var rows = queries.Count * heads;
        // With few rows the matrix products run on the spinning thread pool, which is awake, while the .NET pool would have to be
        // woken for each layer. Larger products run on libtorch's own threads, which need the cores.
        if (queries.Count > FloatDot.MostRows)
            Rows.Split(rows, 2L * longest * width, (first, end) =>
            {
                for (var row = first; row < end; row++) Mix((int)row);
            });
        else SpinThreadPool.Shared.Run(rows, 2L * longest * width * rows < Rows.SmallestShare ? 1 : get_num_threads(), Mix);

        void Mix(int row)
        {
            var scores = ArrayPool<float>.Shared.Rent(longest);
            fixed (float* weights = scores)
            {
                var (cached, head) = (queries[row / heads], row % heads);
                Locate(cached.Store, layer, out var keys, out var values, out var headStride);
                var offset = head / (heads / keyValueHeads) * headStride + (long)cached.From * width;
                AttendHead(shape, q + (head * tokens + cached.Row) * width, keys + offset, values + offset,
                    cached.To - cached.From, slopes?[head] ?? 0, cached.Position - cached.From, weights,
                    output + ((long)cached.Row * heads + head) * width);
            }
            ArrayPool<float>.Shared.Return(scores);
        }
    }

    // The first key and the first value of a layer. Consecutive tokens are d apart, consecutive heads the stride.
    private static void Locate(CacheStore store, int layer, out float* keys, out float* values, out long headStride)
    {
        headStride = store.Capacity * store.Width;
        keys = TensorMemory.Floats(store.Tensor) + 2 * layer * store.Heads * headStride;
        values = keys + store.Heads * headStride;
    }

    // Attention of one head of one query. Its position among the count keys determines the distances for the linear biases.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AttendHead(
        in Shape shape, float* q, float* keys, float* values, int count, float slope, int position, float* weights, float* output)
    {
        var max = float.NegativeInfinity;
        for (var i = 0; i < count; i++)
        {
            var score = Dot(q, keys + (long)i * shape.Width, shape.Width) * shape.Scale;
            if (shape.Cap > 0) score = shape.Cap * MathF.Tanh(score / shape.Cap);
            weights[i] = score += slope * (i - position);
            max = MathF.Max(max, score);
        }
        var norm = 1 / Exponentials(weights, count, max);
        var column = 0;
        for (; column + 4 * Vector256<float>.Count <= shape.Width; column += 4 * Vector256<float>.Count)
        {
            Vector256<float> a = default, b = default, c = default, d = default;
            var v = values + column;
            for (var i = 0; i < count; i++, v += shape.Width)
            {
                var w = Vector256.Create(weights[i]);
                a = Vector256.FusedMultiplyAdd(w, Vector256.Load(v), a);
                b = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 8), b);
                c = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 16), c);
                d = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 24), d);
            }
            (a * norm).Store(output + column);
            (b * norm).Store(output + column + 8);
            (c * norm).Store(output + column + 16);
            (d * norm).Store(output + column + 24);
        }
        for (; column + Vector256<float>.Count <= shape.Width; column += Vector256<float>.Count)
        {
            Vector256<float> a = default;
            for (var i = 0; i < count; i++)
                a = Vector256.FusedMultiplyAdd(Vector256.Create(weights[i]),
                    Vector256.Load(values + (long)i * shape.Width + column), a);
            (a * norm).Store(output + column);
        }
        for (; column < shape.Width; column++)
        {
            var sum = 0f;
            for (var i = 0; i < count; i++) sum += weights[i] * values[(long)i * shape.Width + column];
            output[column] = sum * norm;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot(float* x, float* y, int width)
    {
        Vector256<float> a = default, b = default;
        var i = 0;
        for (; i + 2 * Vector256<float>.Count <= width; i += 2 * Vector256<float>.Count)
        {
            a = Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Load(y + i), a);
            b = Vector256.FusedMultiplyAdd(Vector256.Load(x + i + 8), Vector256.Load(y + i + 8), b);
        }
        var sum = Vector256.Sum(a + b);
        for (; i < width; i++) sum += x[i] * y[i];
        return sum;
    }

    // Replaces each w by e^(w - max) and returns the sum.
    private static float Exponentials(float* weights, int count, float max)
    {
        var (sums, i) = (Vector256<float>.Zero, 0);
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            var e = Vector256.Exp(Vector256.Load(weights + i) - Vector256.Create(max));
            e.Store(weights + i);
            sums += e;
        }
        var sum = Vector256.Sum(sums);
        for (; i < count; i++) sum += weights[i] = MathF.Exp(weights[i] - max);
        return sum;
    }
}
