using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Causal attention within each of several sequences that are laid end to end, without a matrix of all logits (Dao et al., 2022:
/// FlashAttention): blocks of queries meet blocks of keys, and the softmax is corrected as larger logits appear. The backward
/// pass computes the logits again from the logarithm of each row's sum.
/// </summary>
internal sealed unsafe class PackedAttentionKernel : autograd.SingleTensorFunction<PackedAttentionKernel>
{
    private const int QueryBlock = 64, KeyBlock = 2 * MatrixTile.Width;
    private const int WidestHead = 256;

    private sealed record Sequences(long[] Lengths, int Window);

    // The addresses of a tensor [1, heads, n, d] in any order of heads and tokens.
    private readonly record struct HeadRows(nint Start, nint Head, nint Row)
    {
        public static HeadRows Of(Tensor tensor) =>
            new((nint)TensorMemory.Bytes(tensor), (nint)tensor.stride(1), (nint)tensor.stride(2));

        public float* At(long head, long row) => (float*)Start + head * Head + row * Row;
    }

    public override string Name => nameof(PackedAttentionKernel);

    /// <summary>Whether the kernel computes attention of such tensors on this processor.</summary>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    public static bool Fits(Tensor query) => Avx512F.IsSupported && Compute.UsesSimd(query) && query.dtype == ScalarType.Float32
        && query.shape[0] == 1 && query.shape[3] % MatrixTile.Lanes == 0 && query.shape[3] <= WidestHead;

    /// <summary>Computes attention.</summary>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    /// <param name="key"><c>[1, kv heads, n, d]</c></param>
    /// <param name="value"><c>[1, kv heads, n, d]</c></param>
    /// <param name="lengths">The tokens of each sequence; their sum is n.</param>
    /// <param name="window">The tokens that a query attends to, itself included; null: all earlier ones.</param>
    /// <returns><c>[1, n, heads · d]</c></returns>
    public static Tensor Apply(Tensor query, Tensor key, Tensor value, long[] lengths, int? window)
    {
        var sequences = new Sequences(lengths, window ?? int.MaxValue);
        (query, key, value) = (WithRows(query), WithRows(key), WithRows(value));
        return is_grad_enabled() && (query.requires_grad || key.requires_grad || value.requires_grad)
            ? GraphNode.Of(() => apply(query, key, value, sequences)) : Forward(query, key, value, sequences, null);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (query, key, value, sequences) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Sequences)vars[3]);
        var sums = Tensors.Empty([query.shape[1], query.shape[2]], ScalarType.Float32, CPU);
        var result = Forward(query, key, value, sequences, sums);
        ctx.save_for_backward([query, key, value, result, sums]);
        ctx.save_data(nameof(Sequences), sequences);
        return result;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var saved = ctx.get_saved_variables();
        var (query, key, value, result, sums) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var grad = grad_output.contiguous();
        var (toQuery, toKey, toValue) = (Tensors.Empty(query.shape, ScalarType.Float32, CPU),
            Tensors.Empty(key.shape, ScalarType.Float32, CPU), Tensors.Empty(value.shape, ScalarType.Float32, CPU));
        Backward((Sequences)ctx.get_data(nameof(Sequences)), HeadRows.Of(query), HeadRows.Of(key), HeadRows.Of(value),
            Joined(result, query), (nint)TensorMemory.Floats(sums), Joined(grad, query),
            HeadRows.Of(toQuery), HeadRows.Of(toKey), HeadRows.Of(toValue),
            (int)query.shape[1], (int)key.shape[1], query.shape[2], (int)query.shape[3]);
        return GraphNode.Gradients(toQuery, toKey, toValue, null);
    }

    // The kernel walks over rows of d numbers side by side.
    private static Tensor WithRows(Tensor x) => x.stride(3) == 1 ? x : x.contiguous();

    // [1, n, heads · d] by heads.
    private static HeadRows Joined(Tensor x, Tensor query) =>
        new((nint)TensorMemory.Floats(x), (nint)query.shape[3], (nint)(query.shape[1] * query.shape[3]));

    private static Tensor Forward(Tensor query, Tensor key, Tensor value, Sequences sequences, Tensor? sums)
    {
        var (heads, groups, n, d) = ((int)query.shape[1], (int)key.shape[1], query.shape[2], (int)query.shape[3]);
        var result = Tensors.Empty([1, n, heads * d], ScalarType.Float32, CPU);
        var (q, k, v, o) = (HeadRows.Of(query), HeadRows.Of(key), HeadRows.Of(value), Joined(result, query));
        var logs = sums is null ? 0 : (nint)TensorMemory.Floats(sums);
        ForEach(sequences, groups, (group, first, length) =>
        {
            using var memory = new Scratch();
            var keys = memory.Take(Panels(length) * d); // transposed
            var values = memory.Take((long)length * d);
            var logits = memory.Take(QueryBlock * KeyBlock);
            var sum = memory.Take(QueryBlock * d);
            var state = new Softmax(memory.Take(QueryBlock), memory.Take(QueryBlock), 1 / MathF.Sqrt(d));
            MatrixTile.Transpose(k.At(group, first), k.Row, length, d, keys);
            Copy(v.At(group, first), v.Row, values, d, length, d);
            for (var head = group * (heads / groups); head < (group + 1) * (heads / groups); head++)
                for (var block = 0; block < length; block += QueryBlock)
                {
                    var rows = Math.Min(QueryBlock, length - block);
                    state.Start(rows);
                    NativeMemory.Clear(sum, (nuint)(rows * d * sizeof(float)));
                    foreach (var part in Parts(block, rows, sequences.Window))
                    {
                        Logits(q.At(head, first + block), q.Row, keys, d, part, logits);
                        state.Add(part, logits, sum, d);
                        Mix(logits, values, d, part, sum, d);
                    }
                    state.Finish(rows, sum, d, o.At(head, first + block), o.Row,
                        logs == 0 ? null : (float*)logs + head * n + first + block);
                }
        });
        return result;
    }

    private static void Backward(Sequences sequences, HeadRows q, HeadRows k, HeadRows v, HeadRows o, nint logs,
        HeadRows grad, HeadRows toQ, HeadRows toK, HeadRows toV, int heads, int groups, long n, int d) =>
        ForEach(sequences, groups, (group, first, length) =>
        {
            using var memory = new Scratch();
            float* keys = memory.Take(Panels(length) * d), values = memory.Take(Panels(length) * d), // transposed
                plainKeys = memory.Take((long)length * d),
                weights = memory.Take(QueryBlock * KeyBlock), gradients = memory.Take(QueryBlock * KeyBlock),
                queries = memory.Take(QueryBlock * d), outputs = memory.Take(QueryBlock * d), dots = memory.Take(QueryBlock),
                forQuery = memory.Take(QueryBlock * d), forKey = memory.Take((long)length * d),
                forValue = memory.Take((long)length * d);
            MatrixTile.Transpose(k.At(group, first), k.Row, length, d, keys);
            MatrixTile.Transpose(v.At(group, first), v.Row, length, d, values);
            Copy(k.At(group, first), k.Row, plainKeys, d, length, d);
            NativeMemory.Clear(forKey, (nuint)length * (nuint)d * sizeof(float));
            NativeMemory.Clear(forValue, (nuint)length * (nuint)d * sizeof(float));
            var scale = 1 / MathF.Sqrt(d);
            for (var head = group * (heads / groups); head < (group + 1) * (heads / groups); head++)
                for (var block = 0; block < length; block += QueryBlock)
                {
                    var rows = Math.Min(QueryBlock, length - block);
                    Copy(q.At(head, first + block), q.Row, queries, d, rows, d);
                    Copy(grad.At(head, first + block), grad.Row, outputs, d, rows, d);
                    for (var row = 0; row < rows; row++) dots[row] = Dot(outputs + row * d, o.At(head, first + block + row), d);
                    NativeMemory.Clear(forQuery, (nuint)(rows * d * sizeof(float)));
                    var log = (float*)logs + head * n + first + block;
                    foreach (var part in Parts(block, rows, sequences.Window))
                    {
                        Logits(queries, d, keys, d, part, weights);
                        Logits(outputs, d, values, d, part, gradients);
                        Differentiate(part, weights, gradients, log, dots, scale);
                        Mix(gradients, plainKeys, d, part, forQuery, d);
                        MixTransposed(weights, outputs, d, part, forValue);
                        MixTransposed(gradients, queries, d, part, forKey);
                    }
                    Copy(forQuery, d, toQ.At(head, first + block), toQ.Row, rows, d);
                }
            Copy(forKey, d, toK.At(group, first), toK.Row, length, d);
            Copy(forValue, d, toV.At(group, first), toV.Row, length, d);
        });

    /// <summary>A block of queries and one of keys, relative to the sequence.</summary>
    /// <param name="Query">The first query.</param>
    /// <param name="Rows">The number of queries.</param>
    /// <param name="Key">The first key, a multiple of the width of a panel.</param>
    /// <param name="Window">The keys that a query attends to, itself included.</param>
    private readonly record struct Part(int Query, int Rows, int Key, int Window)
    {
        /// <summary>The index in the block of the first key of a query; at least 0.</summary>
        public int From(int row) => (int)Math.Max(0, Query + row - (long)Window + 1 - Key);

        /// <summary>The index in the block after the last key of a query; 0 if it has none here.</summary>
        public int To(int row) => Math.Clamp(Query + row + 1 - Key, 0, KeyBlock);

        /// <summary>The first key of any query in the tile of a query.</summary>
        public int TileFrom(int row) => From(row / MatrixTile.Rows * MatrixTile.Rows);

        /// <summary>The index after the last key of any query in the tile of a query.</summary>
        public int TileTo(int row) => To(Math.Min(Rows, row / MatrixTile.Rows * MatrixTile.Rows + MatrixTile.Rows) - 1);
    }

    private static IEnumerable<Part> Parts(int query, int rows, int window)
    {
        var first = Math.Max(0, query - (long)window + 1) / KeyBlock * KeyBlock;
        for (var key = (int)first; key < query + rows; key += KeyBlock) yield return new(query, rows, key, window);
    }

    // Calls the work for each sequence and head of keys: its first token and its length.
    private static void ForEach(Sequences sequences, int groups, Action<int, long, int> work)
    {
        var units = new List<(int Group, long First, int Length)>();
        long first = 0;
        foreach (var length in sequences.Lengths)
        {
            for (var group = 0; group < groups; group++) units.Add((group, first, (int)length));
            first += length;
        }
        var threads = get_num_threads();
        if (threads == 1 || units.Count == 1)
        {
            foreach (var unit in units) work(unit.Group, unit.First, unit.Length);
            return;
        }
        units.Sort((a, b) => b.Length.CompareTo(a.Length)); // the long ones first: the threads end at the same time
        var next = -1;
        Parallel.For(0, Math.Min(threads, units.Count), _ =>
        {
            for (int at; (at = Interlocked.Increment(ref next)) < units.Count;)
                work(units[at].Group, units[at].First, units[at].Length);
        });
    }

    private static long Panels(int length) => (length + MatrixTile.Width - 1) / MatrixTile.Width * MatrixTile.Width;

    // Products of rows with the keys that they attend to, up to the end of a vector: [rows, KeyBlock].
    private static void Logits(float* rows, nint row, float* panels, int d, Part part, float* logits)
    {
        for (var column = 0; column < KeyBlock; column += MatrixTile.Width)
        {
            var panel = panels + (long)(part.Key + column) * d;
            for (var i = 0; i < part.Rows; i += MatrixTile.Rows)
            {
                var count = Math.Min(MatrixTile.Rows, part.Rows - i);
                var (from, to) = (part.From(i) - column, part.To(i + count - 1) - column);
                if (to <= 0 || from >= MatrixTile.Width) continue;
                var skipped = Math.Max(0, from) / MatrixTile.Lanes;
                var vectors = (Math.Min(to, MatrixTile.Width) + MatrixTile.Lanes - 1) / MatrixTile.Lanes - skipped;
                var first = skipped * MatrixTile.Lanes;
                MatrixTile.Multiply(rows + i * row, row, 1, count, panel + first, MatrixTile.Width, d, vectors,
                    logits + i * KeyBlock + column + first, KeyBlock, adds: false);
            }
        }
    }

    // sum += weights · table, for the keys of each row.
    private static void Mix(float* weights, float* table, int d, Part part, float* sum, nint row)
    {
        table += (long)part.Key * d;
        for (var column = 0; column < d; column += MatrixTile.Width)
        {
            var vectors = Math.Min(MatrixTile.Width, d - column) / MatrixTile.Lanes;
            for (var i = 0; i < part.Rows; i += MatrixTile.Rows)
            {
                var count = Math.Min(MatrixTile.Rows, part.Rows - i);
                var (from, to) = (part.From(i), part.To(i + count - 1));
                if (to <= from) continue;
                MatrixTile.Multiply(weights + i * KeyBlock + from, KeyBlock, 1, count, table + (long)from * d + column, d,
                    to - from, vectors, sum + i * row + column, row, adds: true);
            }
        }
    }

    // sum += weightsᵀ · rows, for the queries of each key.
    private static void MixTransposed(float* weights, float* rows, int d, Part part, float* sum)
    {
        sum += (long)part.Key * d;
        var keys = part.To(part.Rows - 1);
        for (var column = 0; column < d; column += MatrixTile.Width)
        {
            var vectors = Math.Min(MatrixTile.Width, d - column) / MatrixTile.Lanes;
            for (var j = 0; j < keys; j += MatrixTile.Rows)
            {
                var count = Math.Min(MatrixTile.Rows, keys - j);
                var from = Math.Max(0, part.Key + j - part.Query);
                var to = (int)Math.Min(part.Rows, (long)part.Key + j + count - 1 + part.Window - part.Query);
                if (to <= from) continue;
                MatrixTile.Multiply(weights + from * KeyBlock + j, 1, KeyBlock, count, rows + from * d + column, d, to - from,
                    vectors, sum + (long)j * d + column, d, adds: true);
            }
        }
    }

    // Logits become the weights of the softmax, and gradients of the weights those of the logits; 0 where a query does not
    // attend.
    private static void Differentiate(Part part, float* weights, float* gradients, float* log, float* dots, float scale)
    {
        for (var row = 0; row < part.Rows; row++)
        {
            float* w = weights + row * KeyBlock, g = gradients + row * KeyBlock;
            var (from, to) = (part.From(row), part.To(row));
            var (shift, dot) = (Vector512.Create(-log[row]), Vector512.Create(dots[row]));
            for (var j = from / MatrixTile.Lanes * MatrixTile.Lanes; j < to; j += MatrixTile.Lanes)
            {
                var p = Exponential.Of(Vector512.FusedMultiplyAdd(Vector512.Load(w + j), Vector512.Create(scale), shift));
                p.Store(w + j);
                ((Vector512.Load(g + j) - dot) * p * scale).Store(g + j);
            }
            // Down to the beginning of a tile of keys, whose other keys these queries may attend to.
            var begin = part.TileFrom(row) / MatrixTile.Rows * MatrixTile.Rows;
            Clear(w, begin, from, to, part.TileTo(row));
            Clear(g, begin, from, to, part.TileTo(row));
        }
    }

    // The keys that other rows of the tile attend to.
    private static void Clear(float* row, int begin, int from, int to, int last)
    {
        for (var j = begin; j < Math.Min(from, last); j++) row[j] = 0;
        for (var j = Math.Max(to, begin); j < last; j++) row[j] = 0;
    }

    private static float Dot(float* a, float* b, int d)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < d; i += MatrixTile.Lanes)
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum);
        return Vector512.Sum(sum);
    }

    private static void Copy(float* from, nint fromRow, float* to, nint toRow, int rows, int d)
    {
        for (var i = 0; i < rows; i++) NativeMemory.Copy(from + i * fromRow, to + i * toRow, (nuint)d * sizeof(float));
    }

    /// <summary>The running softmax of a block of queries.</summary>
    private readonly struct Softmax(float* largest, float* sums, float scale)
    {
        public void Start(int rows)
        {
            new Span<float>(largest, rows).Fill(float.NegativeInfinity);
            new Span<float>(sums, rows).Clear();
        }

        /// <summary>Turns logits into weights relative to the largest logit so far, and scales what was mixed before.</summary>
        public void Add(Part part, float* logits, float* mixed, int d)
        {
            for (var row = 0; row < part.Rows; row++)
            {
                var x = logits + row * KeyBlock;
                var (from, to) = (part.From(row), part.To(row));
                var (begin, last) = (part.TileFrom(row), part.TileTo(row));
                if (to <= from)
                {
                    Clear(x, begin, from, to, last);
                    continue;
                }
                var (start, end) = (from / MatrixTile.Lanes * MatrixTile.Lanes,
                    (to + MatrixTile.Lanes - 1) / MatrixTile.Lanes * MatrixTile.Lanes);
                for (var j = start; j < from; j++) x[j] = float.NegativeInfinity;
                for (var j = to; j < end; j++) x[j] = float.NegativeInfinity;
                var most = Vector512.Create(largest[row]);
                for (var j = start; j < end; j += MatrixTile.Lanes) most = Avx512F.Max(most, Vector512.Load(x + j));
                var top = largest[row];
                for (var lane = 0; lane < MatrixTile.Lanes; lane++) top = MathF.Max(top, most[lane]);
                var sum = Vector512<float>.Zero;
                for (var j = start; j < end; j += MatrixTile.Lanes)
                {
                    var p = Exponential.Of((Vector512.Load(x + j) - Vector512.Create(top)) * scale);
                    p.Store(x + j);
                    sum += p;
                }
                Clear(x, begin, from, to, last);
                var factor = MathF.Exp((largest[row] - top) * scale);
                if (factor != 1)
                    for (var i = 0; i < d; i += MatrixTile.Lanes)
                        (Vector512.Load(mixed + row * d + i) * factor).Store(mixed + row * d + i);
                (largest[row], sums[row]) = (top, sums[row] * factor + Vector512.Sum(sum));
            }
        }

        /// <summary>Writes the results and the logarithm of each row's sum of exponentials.</summary>
        public void Finish(int rows, float* mixed, int d, float* to, nint row, float* logs)
        {
            for (var i = 0; i < rows; i++)
            {
                for (var at = 0; at < d; at += MatrixTile.Lanes)
                    (Vector512.Load(mixed + i * d + at) / sums[i]).Store(to + i * row + at);
                if (logs != null) logs[i] = largest[i] * scale + MathF.Log(sums[i]);
            }
        }
    }

    /// <summary>Memory of one piece of work, aligned to cache lines.</summary>
    private sealed class Scratch : IDisposable
    {
        private readonly List<nint> _blocks = [];

        public float* Take(long count)
        {
            var block = NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
            _blocks.Add((nint)block);
            return (float*)block;
        }

        public void Dispose()
        {
            foreach (var block in _blocks) NativeMemory.AlignedFree((void*)block);
        }
    }
}
