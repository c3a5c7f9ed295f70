using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>The input of one forward pass.</summary>
/// <param name="Ids">Token ids <c>[b, s]</c>, int64.</param>
public sealed record ModelInput(Tensor Ids)
{
    /// <summary>The purpose of the pass; evaluation by default.</summary>
    public PassMode Mode { get; init; }

    /// <summary>
    /// True for real tokens and false for padding, <c>[b, s]</c>. Not needed if padding is on the right only: causal attention
    /// never reaches it.
    /// </summary>
    public Tensor? Present { get; init; }

    /// <summary>The position of each token, <c>[b, s]</c>; null: counted from 0.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>The cached sequences that the tokens continue, instead of rows; then b = 1.</summary>
    public VarlenBatch? Varlen { get; private init; }

    /// <summary>
    /// The lengths of the sequences that are laid end to end in the one row; no token attends to another sequence. Null: each row
    /// is a sequence.
    /// </summary>
    public IReadOnlyList<long>? Lengths { get; init; }

    /// <summary>Creates the input for sequences laid end to end without padding; positions restart with each sequence.</summary>
    /// <param name="ids">The token ids of all sequences, one after another.</param>
    /// <param name="lengths">The number of tokens of each sequence, at least one; their sum is the number of ids.</param>
    /// <param name="compute">The device of the tensors.</param>
    public static ModelInput Packed(long[] ids, IReadOnlyList<long> lengths, Compute compute) =>
        new(Tensors.Of(ids, [1, ids.Length], compute.Device)) { Lengths = lengths,
            Positions = Restarting(lengths, compute.Device) };

    /// <summary>Positions that restart with each sequence, <c>[1, n]</c>.</summary>
    internal static Tensor Restarting(IReadOnlyList<long> lengths, Device device)
    {
        var (positions, at) = (new long[lengths.Sum()], 0);
        foreach (var length in lengths)
            for (var t = 0; t < length; t++) positions[at++] = t;
        return Tensors.Of(positions, [1, positions.Length], device);
    }

    /// <summary>
    /// Creates the input for sequences whose earlier tokens are cached; the pass adds the new tokens to the caches.
    /// </summary>
    /// <param name="sequences">The cache of each sequence, possibly empty, and its new tokens, at least one.</param>
    public static ModelInput Continuing(params IReadOnlyList<(KeyValueCache Cache, IReadOnlyList<int> Added)> sequences)
    {
        var varlen = new VarlenBatch(sequences);
        return new ModelInput(Tensors.Of(varlen.Ids, [1, varlen.Tokens], varlen.Positions.device))
        {
            Varlen = varlen, Positions = varlen.Positions, Mode = PassMode.Generation,
        };
    }

    /// <summary>Creates the state that the layers of one pass over this input share.</summary>
    /// <param name="scope">The dispose scope that owns the tables of the pass.</param>
    /// <param name="compute">The device and numeric type of the computation.</param>
    /// <param name="prompt">The vectors of virtual tokens among the ids, or null.</param>
    /// <param name="noise">The noise on token embeddings; see <see cref="ForwardPass.Noise"/>.</param>
    internal ForwardPass Pass(TorchSharp.DisposeScope scope, Compute compute, Tensor? prompt, double noise) =>
        new(scope, compute, Mode, Ids.shape[1], Present, Positions, Varlen, Before, HasVirtual)
        {
            UnpositionedTokens = Unplaced, Prefix = Prefix, Prompt = prompt, Noise = noise,
            Packed = Lengths is null ? null : new PackedSequences(Lengths, Before, compute.Device),
        };

    /// <summary>This input on a device.</summary>
    internal ModelInput On(Device device) => device.type == DeviceType.CPU && Ids.device_type == DeviceType.CPU ? this : this with
    {
        Ids = Ids.to(device), Present = Present?.to(device), Positions = Positions?.to(device),
    };

    /// <summary>The number of virtual tokens before each row that are not among its ids.</summary>
    internal long Before { get; init; }

    /// <summary>Whether there are virtual tokens, before or among the ids.</summary>
    internal bool HasVirtual { get; init; }

    /// <summary>The virtual tokens before each row that take no positions.</summary>
    internal long Unplaced { get; init; }

    /// <summary>Keys and values of the virtual tokens before each row, per layer, or null.</summary>
    internal IReadOnlyList<(Tensor Key, Tensor Value)>? Prefix { get; init; }

    /// <summary>The positions <c>[b, s]</c>, counted from the first token if none are set.</summary>
    internal Tensor PositionsOrPlaces()
    {
        var start = Before - Unplaced;
        return Positions ?? Range(start, start + Ids.shape[1], Ids.device).expand(Ids.shape);
    }
}
