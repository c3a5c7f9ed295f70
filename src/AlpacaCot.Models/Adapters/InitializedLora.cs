using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// LoRA whose A and B are initialized from the weight itself (PiSSA, OLoRA). The original methods subtract the initial product
/// from the base weight; here the base stays unchanged and the initial product is subtracted in the forward pass: <c>W + s (B A -
/// B₀ A₀)</c>. The result is saved as a plain LoRA of twice the rank for the unchanged base, as PEFT's conversion does.
/// </summary>
internal static class InitializedLora
{
    public static void Attach(LoraConfig config, IReadOnlyList<Linear> layers, AdapterBuilder builder)
    {
        if (config.UseDora)
            throw new Text.InputException("DoRA is initialized from the row norms of the base weight and cannot be combined " +
                "with pissa or olora: remove one of them.");
        var starts = new List<(string Name, Tensor A, Tensor B)>();
        foreach (var layer in layers)
        {
            var (name, rank, scale) = (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name));
            var (a0, b0) = builder.Weights.AreShapes
                ? (builder.Zeros(rank, layer.Inputs), builder.Zeros(layer.Outputs, rank)) : Start(config, layer, rank, scale);
            var a = builder.Train($"{name}.lora_A.weight", [rank, layer.Inputs], a0.alias);
            var b = builder.Train($"{name}.lora_B.weight", [layer.Outputs, rank], b0.alias);
            (a0, b0) = (builder.Own(a0), builder.Own(b0));
            starts.Add((name, a0, b0));
            builder.Adapt(layer, new AdaptedLinear(new LowRank(a, b, scale), new LowRank(a0, b0, -scale), config.Dropout));
        }
        // Alpha is scaled with the rank so that the factor s is unchanged.
        var growth = config.UseRsLora ? Math.Sqrt(2) : 2;
        builder.Saved = new SavedForm(
            () => config with
            {
                Start = LoraStart.Default, Rank = 2 * config.Rank, Alpha = growth * config.Alpha,
                RankPattern = config.RankPattern.ToDictionary(p => p.Key, p => 2 * p.Value),
                AlphaPattern = config.AlphaPattern.ToDictionary(p => p.Key, p => growth * p.Value),
            },
            () => starts.SelectMany(s => new[]
            {
                ($"{s.Name}.lora_A.weight", cat([builder.Trained[$"{s.Name}.lora_A.weight"], s.A], 0)),
                ($"{s.Name}.lora_B.weight", cat([builder.Trained[$"{s.Name}.lora_B.weight"], -s.B], 1)),
            }).Concat(
                builder.Trained.Where(t => !t.Key.Contains(".lora_", StringComparison.Ordinal)).Select(t => (t.Key, t.Value))));
    }

    private static (Tensor A, Tensor B) Start(LoraConfig config, Linear layer, int rank, double scale)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weight = layer.Values();
        if (Math.Min(layer.Inputs, layer.Outputs) < rank)
            throw new Text.InputException(
                $"{layer.Name} is [{layer.Outputs}, {layer.Inputs}]: {Words<LoraStart>.LowerCase.Of(config.Start)} cannot be " +
                $"initialized at rank {rank}; choose a rank of at most {Math.Min(layer.Inputs, layer.Outputs)}.");
        var (a, b) = config.Start == LoraStart.Pissa ? Pissa.Start(weight, rank, scale) : Olora.Start(weight, rank);
        return (a.contiguous().MoveToOuterDisposeScope(), b.contiguous().MoveToOuterDisposeScope());
    }

    private sealed class AdaptedLinear(LowRank addition, LowRank start, double dropout) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            // Dropout applies to the trained part only. Without dropout both parts are one product of twice the rank.
            if (Dropout.Of(x, dropout, pass.Mode) is { } dropped)
                return layer.Biased(layer.Product(x, pass.Mode, addition, dropped)
                    .Plus(x.matmul(start.A.t()).matmul(start.B.t() * Number(start.Scale))));
            var (a, b) = (cat([addition.A, start.A]), cat([addition.B, -start.B], 1));
            return layer.Biased(layer.Product(x, pass.Mode, new LowRank(a, b, addition.Scale)));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => (layer.Values()
            .add_(addition.B.matmul(addition.A), alpha: Number(addition.Scale))
            .add_(start.B.matmul(start.A), alpha: Number(start.Scale)), layer.Bias);
    }
}

/// <summary>
/// PiSSA (Meng et al., 2024): A and B are initialized to the first r singular components of W, with √(σ / s) in each factor.
/// </summary>
internal static class Pissa
{
    public static (Tensor A, Tensor B) Start(Tensor weight, int rank, double scale)
    {
        var (u, values, vt) = linalg.svd(weight, fullMatrices: false);
        var roots = (values.narrow(0, 0, rank) / Number(scale)).sqrt(); // [rank]
        return (roots.unsqueeze(1) * vt.narrow(0, 0, rank), u.narrow(1, 0, rank) * roots);
    }
}

/// <summary>
/// OLoRA (Büyükakyüz, 2024): with W = Q R, B is initialized to the first r columns of Q and A to the first r rows of R.
/// </summary>
internal static class Olora
{
    public static (Tensor A, Tensor B) Start(Tensor weight, int rank)
    {
        var (q, r) = linalg.qr(weight);
        return (r.narrow(0, 0, rank), q.narrow(1, 0, rank));
    }
}
