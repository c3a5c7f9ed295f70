using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// LoRA whose A and B start at a part of the weight itself. Where others take that part out of the base, here the base stays as
/// it is and the part is subtracted beside it: <c>W + s (B A - B₀ A₀)</c>. That is what is saved too, a plain LoRA of twice the
/// rank for the unchanged base, as PEFT's conversion writes it.
/// </summary>
internal static class InitializedLora
{
    public static void Attach(LoraConfig config, IReadOnlyList<Linear> layers, AdapterBuilder parts)
    {
        if (config.UseDora) throw new Text.InputException("DoRA starts from the base's own lengths: leave out pissa or olora.");
        var starts = new List<(string Name, Tensor A, Tensor B)>();
        foreach (var layer in layers)
        {
            var (name, rank, scale) = (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name));
            var (a0, b0) = parts.Weights.AreShapes
                ? (parts.Zeros(rank, layer.Inputs), parts.Zeros(layer.Outputs, rank)) : Start(config, layer, rank, scale);
            var a = parts.Train($"{name}.lora_A.weight", [rank, layer.Inputs], a0.alias);
            var b = parts.Train($"{name}.lora_B.weight", [layer.Outputs, rank], b0.alias);
            (a0, b0) = (parts.Own(a0), parts.Own(b0));
            starts.Add((name, a0, b0));
            parts.Adapt(layer, new AdaptedLinear(new LowRank(a, b, scale), new LowRank(a0, b0, -scale), config.Dropout));
        }
        // Alpha grows with the rank, so that the factor stays.
        var growth = config.UseRsLora ? Math.Sqrt(2) : 2;
        parts.Saved = new SavedForm(
            () => config with
            {
                Start = LoraStart.Default, Rank = 2 * config.Rank, Alpha = growth * config.Alpha,
                RankPattern = config.RankPattern.ToDictionary(p => p.Key, p => 2 * p.Value),
                AlphaPattern = config.AlphaPattern.ToDictionary(p => p.Key, p => growth * p.Value),
            },
            () => starts.SelectMany(s => new[]
            {
                ($"{s.Name}.lora_A.weight", cat([parts.Trained[$"{s.Name}.lora_A.weight"], s.A], 0)),
                ($"{s.Name}.lora_B.weight", cat([parts.Trained[$"{s.Name}.lora_B.weight"], -s.B], 1)),
            }).Concat(
                parts.Trained.Where(t => !t.Key.Contains(".lora_", StringComparison.Ordinal)).Select(t => (t.Key, t.Value))));
    }

    private static (Tensor A, Tensor B) Start(LoraConfig config, Linear layer, int rank, double scale)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var weight = layer.Values();
        if (Math.Min(layer.Inputs, layer.Outputs) < rank)
            throw new Text.InputException(
                $"{layer.Name} is [{layer.Outputs}, {layer.Inputs}]: {Words<LoraStart>.LowerCase.Of(config.Start)} cannot " +
                $"start at rank {rank} there.");
        var (a, b) = config.Start == LoraStart.Pissa ? Pissa.Start(weight, rank, scale) : Olora.Start(weight, rank);
        return (a.contiguous().MoveToOuterDisposeScope(), b.contiguous().MoveToOuterDisposeScope());
    }

    private sealed class AdaptedLinear(LowRank addition, LowRank start, double dropout) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            // Dropout is for the trained part only. Without it both parts are one product of twice the rank.
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

/// <summary>PiSSA (Meng et al., 2024): B A starts at the first r singular components of W, shared evenly.</summary>
internal static class Pissa
{
    public static (Tensor A, Tensor B) Start(Tensor weight, int rank, double scale)
    {
        var (u, values, vt) = linalg.svd(weight, fullMatrices: false);
        var roots = (values.narrow(0, 0, rank) / Number(scale)).sqrt(); // [rank]
        return (roots.unsqueeze(1) * vt.narrow(0, 0, rank), u.narrow(1, 0, rank) * roots);
    }
}

/// <summary>OLoRA (Büyükakyüz, 2024): B starts at the first r columns of Q, A at the first r rows of R, with W = Q R.</summary>
internal static class Olora
{
    public static (Tensor A, Tensor B) Start(Tensor weight, int rank)
    {
        var (q, r) = linalg.qr(weight);
        return (r.narrow(0, 0, rank), q.narrow(1, 0, rank));
    }
}
