using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Examples;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Objectives;

/// <summary>
/// Rows of tokens for one forward pass, with the positions whose next token is supervised. The pass reads the rows end to end
/// without padding, or right-padded to the longest; both compute the same.
/// </summary>
public sealed class MicroBatch
{
    private readonly long[] _ids, _lengths, _targets, _rowOf, _positionInRow; // the tokens of all rows; the supervised tokens

    private MicroBatch(long[] ids, long[] lengths, long[] targets, long[] rowOf, long[] positionInRow) =>
        (_ids, _lengths, _targets, _rowOf, _positionInRow) = (ids, lengths, targets, rowOf, positionInRow);

    /// <summary>The number of rows; an example has <see cref="IObjective.RowsPerExample"/> of them.</summary>
    public int Rows => _lengths.Length;

    /// <summary>The length of the longest row in tokens.</summary>
    public int Length => (int)_lengths.Max();

    /// <summary>The number of tokens of all rows, without padding.</summary>
    public int Tokens => _ids.Length;

    /// <summary>The number n of supervised tokens of all rows.</summary>
    public int Supervised => _targets.Length;

    /// <summary>Creates a batch of rows.</summary>
    public static MicroBatch Of(IReadOnlyList<TokenizedExample> rows)
    {
        List<long> targets = [], rowOf = [], positions = [];
        for (var row = 0; row < rows.Count; row++)
        {
            var labels = rows[row].Labels;
            for (var t = 1; t < labels.Length; t++) // the first token has no prediction
            {
                if (labels[t] == TokenizedExample.Ignored) continue;
                targets.Add(labels[t]);
                rowOf.Add(row);
                positions.Add(t - 1);
            }
        }
        return new MicroBatch([.. rows.SelectMany(row => row.Ids.Select(id => (long)id))],
            [.. rows.Select(row => (long)row.Ids.Length)], [.. targets], [.. rowOf], [.. positions]);
    }

    /// <summary>Natural log-probabilities of the supervised tokens, <c>[n]</c> float64, with gradient where recorded.</summary>
    /// <param name="model">The model.</param>
    /// <param name="mode">The purpose of the pass.</param>
    /// <param name="packed">Whether the rows are laid end to end; only for models that allow it.</param>
    public Tensor LogProbabilities(CausalModel model, PassMode mode, bool packed = false)
    {
        var (device, length) = (model.Compute.Device, Length);
        var starts = new long[Rows];
        for (var row = 1; row < Rows; row++) starts[row] = starts[row - 1] + (packed ? _lengths[row - 1] : length);
        var input = packed ? ModelInput.Packed(_ids, _lengths, model.Compute) : new ModelInput(Padded(length, device));
        long[] positions = [.. _rowOf.Zip(_positionInRow, (row, position) => starts[row] + position)];
        return model.LogProbabilities(input with { Mode = mode }, Tensors.Of(positions, device), Tensors.Of(_targets, device));
    }

    /// <summary>The batch in two halves, or itself where it has a single example.</summary>
    /// <param name="rowsPerExample">The rows of an example, which stay together.</param>
    internal IEnumerable<MicroBatch> Halves(int rowsPerExample)
    {
        var first = (Rows / rowsPerExample + 1) / 2 * rowsPerExample;
        return first >= Rows ? [this] : [Part(0, first), Part(first, Rows)];
    }

    private MicroBatch Part(int firstRow, int endRow)
    {
        var (start, end) = ((int)_lengths.Take(firstRow).Sum(), (int)_lengths.Take(endRow).Sum());
        int[] chosen = [.. Enumerable.Range(0, _rowOf.Length).Where(i => _rowOf[i] >= firstRow && _rowOf[i] < endRow)];
        return new MicroBatch(_ids[start..end], _lengths[firstRow..endRow], [.. chosen.Select(i => _targets[i])],
            [.. chosen.Select(i => _rowOf[i] - firstRow)], [.. chosen.Select(i => _positionInRow[i])]);
    }

    /// <summary>Sums a value for each supervised token over its row: <c>[n] -> [rows]</c>.</summary>
    public Tensor SumByRow(Tensor values) =>
        Tensors.Zeros([Rows], values.dtype, values.device)
            .index_add(0, Tensors.Of(_rowOf, values.device), values, Number(1));

    // The rows right-padded to the longest, [rows, length].
    private Tensor Padded(int length, Device device)
    {
        var (padded, from) = (new long[Rows * length], 0L);
        for (var row = 0; row < Rows; row++)
        {
            Array.Copy(_ids, from, padded, row * length, _lengths[row]);
            from += _lengths[row];
        }
        return Tensors.Of(padded, [Rows, length], device);
    }
}
