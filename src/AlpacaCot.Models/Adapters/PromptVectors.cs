using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>Vectors of virtual tokens that are trained through a network and saved without it, as in PEFT.</summary>
internal static class PromptVectors
{
    private const string Name = "prompt_embeddings";

    /// <param name="builder">The adapter under construction.</param>
    /// <param name="config">The configuration to save.</param>
    /// <param name="shape">The shape of the vectors.</param>
    /// <param name="encoder">Creates the network of a new adapter; null: the vectors are trained directly.</param>
    /// <param name="use">Receives a function that computes the vectors.</param>
    public static void Attach(AdapterBuilder builder, AdapterConfig config, long[] shape, Func<Func<Tensor>>? encoder,
        Action<Func<Tensor>> use)
    {
        if (encoder is null || builder.Weights.AreSaved)
        {
            var vectors = builder.Train(Name, shape, () => builder.Weights.Normal(Name, shape, 1));
            builder.SaveAs(config);
            use(vectors.alias);
            return;
        }
        var encoded = encoder();
        var network = builder.Trained.Keys.ToHashSet();
        builder.Saved = new SavedForm(() => config, () => builder.Trained.Where(t => !network.Contains(t.Key))
            .Select(t => (t.Key, t.Value)).Prepend((Name, encoded())));
        use(encoded);
    }
}

/// <summary>Small trained networks with the parameter names and initialization of PyTorch's modules.</summary>
internal static class Trained
{
    /// <summary>An embedding table <c>[rows, width]</c>, initialized from a standard normal distribution.</summary>
    public static Tensor Embedding(AdapterBuilder builder, string name, long rows, long width) =>
        builder.Train($"{name}.weight", [rows, width], () => builder.Weights.Normal(name, [rows, width], 1));

    /// <summary>A linear layer <c>[.., inputs] -> [.., outputs]</c>, initialized uniformly in ±1/√inputs.</summary>
    public static Func<Tensor, Tensor> Linear(AdapterBuilder builder, string name, long inputs, long outputs)
    {
        var bound = 1 / Math.Sqrt(inputs);
        var weight = builder.Train($"{name}.weight", [outputs, inputs],
            () => builder.Weights.Uniform(name, [outputs, inputs], bound));
        var bias = builder.Train($"{name}.bias", [outputs], () => builder.Weights.Uniform(name + ".bias", [outputs], bound));
        return x => nn.functional.linear(x, weight, bias);
    }

    /// <summary>A bidirectional LSTM (Hochreiter and Schmidhuber, 1997): <c>[n, inputs] -> [n, 2 · hidden]</c>.</summary>
    public static Func<Tensor, Tensor> Lstm(AdapterBuilder builder, string name, long inputs, long hidden, int layers)
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
                var projected = nn.functional.linear(x, input, inputBias); // [n, 4 · hidden]
                var h = Tensors.Zeros([1, hidden], projected.dtype, projected.device);
                var c = h;
                var outputs = new List<Tensor>();
                for (var t = 0; t < x.shape[0]; t++)
                {
                    // gates: input, forget, cell, output
                    var gates = projected.narrow(0, t, 1).Plus(nn.functional.linear(h, state, stateBias));
                    c = (Gate(1).sigmoid() * c).Plus(Gate(0).sigmoid() * Gate(2).tanh());
                    h = Gate(3).sigmoid() * c.tanh();
                    outputs.Add(h);

                    Tensor Gate(int i) => gates.narrow(1, i * hidden, hidden);
                }
                return cat(outputs, 0);
            };
        }

        Tensor Weight(string part, params long[] shape) => builder.Train($"{name}.{part}", shape,
            () => builder.Weights.Uniform($"{name}.{part}", shape, 1 / Math.Sqrt(hidden)));
    }
}
