using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Examples;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Objectives;

/// <summary>
/// Rows of tokens for one forward pass, right-padded to the longest, with the positions whose next token
/// is supervised.
/// </summary>
public sealed class MicroBatch
{
    private readonly long[] _ids, _positions, _targets, _rowOf;

    private MicroBatch(int rows, int length, int tokens, long[] ids, long[] positions, long[] targets, long[] rowOf) =>
        (Rows, Length, Tokens, this._ids, this._positions, this._targets, this._rowOf) =
            (rows, length, tokens, ids, positions, targets, rowOf);

    /// <summary>The number of rows; an example has <see cref="IObjective.RowsPerExample"/> of them.</summary>
    public int Rows { get; }

    /// <summary>The length of the longest row in tokens.</summary>
    public int Length { get; }

    /// <summary>The number of tokens of all rows, without padding.</summary>
    public int Tokens { get; }

    /// <summary>The number n of supervised tokens of all rows.</summary>
    public int Supervised => _targets.Length;

    /// <summary>Creates a batch of padded rows.</summary>
    public static MicroBatch Of(IReadOnlyList<TokenizedExample> rows)
    {
        var length = rows.Max(e => e.Ids.Length);
        var ids = new long[rows.Count * length];
        List<long> positions = [], targets = [], rowOf = [];
        for (var row = 0; row < rows.Count; row++)
        {
            var (tokens, labels) = (rows[row].Ids, rows[row].Labels);
            for (var t = 0; t < tokens.Length; t++)
            {
                ids[row * length + t] = tokens[t];
                if (t == 0 || labels[t] == TokenizedExample.Ignored) continue; // the first token has no prediction
                positions.Add(row * length + t - 1);
                targets.Add(labels[t]);
                rowOf.Add(row);
            }
        }
        return new MicroBatch(rows.Count, length, rows.Sum(e => e.Ids.Length), ids, [.. positions], [.. targets], [.. rowOf]);
    }

    /// <summary>Natural log-probabilities of the supervised tokens, <c>[n]</c> float64, with gradient where recorded.</summary>
    /// <param name="model">The model.</param>
    /// <param name="mode">The purpose of the pass.</param>
    public Tensor LogProbabilities(CausalModel model, PassMode mode)
    {
        var device = model.Compute.Device;
        return model.LogProbabilities(new ModelInput(Tensors.Of(_ids, [Rows, Length], device)) { Mode = mode },
            Tensors.Of(_positions, device), Tensors.Of(_targets, device));
    }

    /// <summary>Sums a value for each supervised token over its row: <c>[n] -> [rows]</c>.</summary>
    public Tensor SumByRow(Tensor values) =>
        Tensors.Zeros([Rows], values.dtype, values.device)
            .index_add(0, Tensors.Of(_rowOf, values.device), values, Number(1));
}
