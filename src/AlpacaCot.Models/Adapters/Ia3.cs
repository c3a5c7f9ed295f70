using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's IA3 configurations say.</summary>
public sealed record Ia3Config : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "IA3";

    /// <summary>The layers that are scaled.</summary>
    public Targets Targets { get; init; } = new();

    /// <summary><c>feedforward_modules</c>: those of them whose inputs are scaled rather than outputs.</summary>
    public Targets FeedForward { get; init; } = new();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["feedforward_modules"] = FeedForward.Pattern is { } pattern ? pattern : PeftFields.List(FeedForward.Modules);
        fields["init_ia3_weights"] = true;
        Targets.Write(fields, layers: false);
    }
}

/// <summary>
/// IA3 (Liu et al., 2022): a vector scales keys and values, and the inner activations of the feed-forward, elementwise. It starts
/// at one.
/// </summary>
public sealed class Ia3 : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "IA3";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields)
    {
        var (pattern, names) = fields.PatternOrNames("feedforward_modules");
        return new Ia3Config { Targets = Targets.Read(fields), FeedForward = new() { Pattern = pattern, Modules = names } };
    }

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (Ia3Config)config;
        foreach (var layer in own.Targets.Linears(parts.Model))
        {
            var inner = own.FeedForward.Names(layer.Name);
            long[] shape = inner ? [1, layer.Inputs] : [layer.Outputs, 1];
            var scale = parts.Train($"{layer.Name}.ia3_l", shape, () => Tensors.Ones(shape, ScalarType.Float32, CPU));
            parts.On(layer, new Piece(scale, inner));
        }
    }

    private sealed class Piece(Tensor scale, bool inner) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, Pass pass) => inner
            ? layer.Biased(layer.Product(x * scale.flatten(), pass.Mode))
            : layer.Biased(layer.Product(x, pass.Mode)) * scale.flatten();

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (layer.Values() * scale, inner || layer.Bias is null ? layer.Bias : layer.Bias * scale.flatten());
    }
}
