using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>Vectors of virtual tokens that are trained through a network and saved without it, as PEFT does.</summary>
internal static class PromptVectors
{
    private const string Name = "prompt_embeddings";

    /// <param name="parts">Where they go.</param>
    /// <param name="config">The configuration to save.</param>
    /// <param name="shape">Of the vectors.</param>
    /// <param name="encoder">Makes the network for a fresh adapter; null: the vectors themselves are trained.</param>
    /// <param name="use">Takes the vectors.</param>
    public static void Attach(AdapterBuilder parts, AdapterConfig config, long[] shape, Func<Func<Tensor>>? encoder,
        Action<Func<Tensor>> use)
    {
        if (encoder is null || parts.Weights.AreSaved)
        {
            var vectors = parts.Train(Name, shape, () => parts.Weights.Normal(Name, shape, 1));
            parts.SaveAs(config);
            use(vectors.alias);
            return;
        }
        var encoded = encoder();
        var network = parts.Trained.Keys.ToHashSet();
        parts.Saved = new SavedForm(() => config, () => parts.Trained.Where(t => !network.Contains(t.Key))
            .Select(t => (t.Key, t.Value)).Prepend((Name, encoded())));
        use(encoded);
    }
}

/// <summary>Small trained networks with the names and starts of PyTorch's modules.</summary>
internal static class Trained
{
    /// <summary>A table, <c>[rows, width]</c>, normal.</summary>
    public static Tensor Embedding(AdapterBuilder parts, string name, long rows, long width) =>
        parts.Train($"{name}.weight", [rows, width], () => parts.Weights.Normal(name, [rows, width], 1));

    /// <summary><c>[.., inputs] -> [.., outputs]</c>, uniform.</summary>
    public static Func<Tensor, Tensor> Linear(AdapterBuilder parts, string name, long inputs, long outputs)
    {
        var bound = 1 / Math.Sqrt(inputs);
        var weight = parts.Train($"{name}.weight", [outputs, inputs],
            () => parts.Weights.Uniform(name, [outputs, inputs], bound));
        var bias = parts.Train($"{name}.bias", [outputs], () => parts.Weights.Uniform(name + ".bias", [outputs], bound));
        return x => nn.functional.linear(x, weight, bias);
    }

    /// <summary>A bidirectional LSTM (Hochreiter and Schmidhuber, 1997): <c>[n, inputs] -> [n, 2 · hidden]</c>.</summary>
    public static Func<Tensor, Tensor> Lstm(AdapterBuilder parts, string name, long inputs, long hidden, int layers)
    {
        var all = Enumerable.Range(0, layers).Select(i =>
            (Forth: Direction($"l{i}", i == 0 ? inputs : 2 * hidden),
                Back: Direction($"l{i}_reverse", i == 0 ? inputs : 2 * hidden))).ToArray();
        return x =>
        {
            foreach (var (forth, back) in all) x = cat([forth(x), back(x.flip(0)).flip(0)], 1);
            return x;
        };

        Func<Tensor, Tensor> Direction(string suffix, long width)
        {
            var (input, state) =
                (Weight($"weight_ih_{suffix}", 4 * hidden, width), Weight($"weight_hh_{suffix}", 4 * hidden, hidden));
            var (inputBias, stateBias) = (Weight($"bias_ih_{suffix}", 4 * hidden), Weight($"bias_hh_{suffix}", 4 * hidden));
            return x =>
            {
                var read = nn.functional.linear(x, input, inputBias); // [n, 4 · hidden]
                var h = Tensors.Zeros([1, hidden], read.dtype, read.device);
                var c = h;
                var seen = new List<Tensor>();
                for (var t = 0; t < x.shape[0]; t++)
                {
                    // in, forget, new, out
                    var gates = read.narrow(0, t, 1).Plus(nn.functional.linear(h, state, stateBias));
                    c = (Gate(1).sigmoid() * c).Plus(Gate(0).sigmoid() * Gate(2).tanh());
                    h = Gate(3).sigmoid() * c.tanh();
                    seen.Add(h);

                    Tensor Gate(int i) => gates.narrow(1, i * hidden, hidden);
                }
                return cat(seen, 0);
            };
        }

        Tensor Weight(string part, params long[] shape) => parts.Train($"{name}.{part}", shape,
            () => parts.Weights.Uniform($"{name}.{part}", shape, 1 / Math.Sqrt(hidden)));
    }
}
