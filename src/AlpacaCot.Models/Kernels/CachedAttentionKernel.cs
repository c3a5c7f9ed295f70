using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Kernels.Decode;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Attention of single tokens over caches of different lengths: each sees exactly its own keys, so there is neither padding nor a
/// mask. Softmax in two passes over one row of scores.
/// </summary>
internal static unsafe class CachedAttentionKernel
{
    private readonly record struct Shape(int Heads, int KeyValueHeads, int Width, float Scale, float Cap);

    /// <summary>Copies the new keys and values <c>[1, kv heads, n, d]</c> of one sequence to their places in its cache.</summary>
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

    /// <summary>Mixes the values that each token sees into its row of <paramref name="result"/>, <c>[1, n, heads ·
    /// d]</c>.</summary>
    public static void Attend(
        int layer, Tensor query, IReadOnlyList<CachedQuery> queries, double? softCap, float[]? slopes, Tensor result)
    {
        if (queries.Count == 0) return;
        var (heads, tokens, width) = ((int)query.shape[1], query.shape[2], (int)query.shape[3]);
        var keyValueHeads = (int)queries[0].Store.Heads;
        var shape = new Shape(heads, keyValueHeads, width, 1 / MathF.Sqrt(width), (float)(softCap ?? 0));
        float* q = TensorMemory.Floats(query), o = TensorMemory.Floats(result);
        var longest = queries.Max(at => at.To - at.From);
        var rows = queries.Count * heads;
        // Beside products of a few rows their crew is awake, and the thread pool would have to be woken for each layer; larger
        // ones are libtorch's, whose own threads want the cores.
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
                var (at, head) = (queries[row / heads], row % heads);
                Locate(at.Store, layer, out var keys, out var values, out var headStride);
                var offset = head / (heads / keyValueHeads) * headStride + (long)at.From * width;
                One(shape, q + (head * tokens + at.Row) * width, keys + offset, values + offset, at.To - at.From,
                    slopes?[head] ?? 0, at.Position - at.From, weights, o + ((long)at.Row * heads + head) * width);
            }
            ArrayPool<float>.Shared.Return(scores);
        }
    }

    // The first key and the first value of a layer; the next token's follow after d, the next head's after the stride.
    private static void Locate(CacheStore store, int layer, out float* keys, out float* values, out long headStride)
    {
        headStride = store.Capacity * store.Width;
        keys = TensorMemory.Floats(store.Tensor) + 2 * layer * store.Heads * headStride;
        values = keys + store.Heads * headStride;
    }

    // One head of one token. Its own place among the count keys tells the distance that linear biases fall by.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(
        in Shape shape, float* q, float* keys, float* values, int count, float slope, int place, float* weights, float* o)
    {
        var max = float.NegativeInfinity;
        for (var i = 0; i < count; i++)
        {
            var score = Dot(q, keys + (long)i * shape.Width, shape.Width) * shape.Scale;
            if (shape.Cap > 0) score = shape.Cap * MathF.Tanh(score / shape.Cap);
            weights[i] = score += slope * (i - place);
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
            (a * norm).Store(o + column);
            (b * norm).Store(o + column + 8);
            (c * norm).Store(o + column + 16);
            (d * norm).Store(o + column + 24);
        }
        for (; column + Vector256<float>.Count <= shape.Width; column += Vector256<float>.Count)
        {
            Vector256<float> a = default;
            for (var i = 0; i < count; i++)
                a = Vector256.FusedMultiplyAdd(Vector256.Create(weights[i]),
                    Vector256.Load(values + (long)i * shape.Width + column), a);
            (a * norm).Store(o + column);
        }
        for (; column < shape.Width; column++)
        {
            var sum = 0f;
            for (var i = 0; i < count; i++) sum += weights[i] * values[(long)i * shape.Width + column];
            o[column] = sum * norm;
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

    // e^(w - max) in place of each w; gives their sum.
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
