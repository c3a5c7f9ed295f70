using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>The parts of a frozen linear layer with a low-rank update, beside libtorch's products.</summary>
internal static class FrozenBench
{
    public static void Run()
    {
        using var quiet = no_grad();
        foreach (var (n, inputs, outputs) in ((long, long, long)[])[(512, 2048, 5632), (512, 5632, 2048), (512, 2048, 1024)])
        {
            using var scope = NewDisposeScope();
            var (x, y, weight) = (randn(n, inputs), randn(n, outputs), randn(outputs, inputs));
            var (a, b) = (randn(8, inputs), randn(8, outputs));
            var shape = $"[{n}, {inputs}] x [{outputs}, {inputs}]";
            var low = LowRankKernel.Dots(x, a, 1);
            Duel.Run($"x Aᵀ, rank 8 {shape}", () => Value(() => x.mm(a.t())), () => Value(() => LowRankKernel.Dots(x, a, 1)));
            Duel.Run($"y + x Aᵀ Bᵀ {shape}", () => Value(() =>
            {
                y.addmm_(low, b);
                return y.alias();
            }), () => Value(() =>
            {
                LowRankKernel.Add(y, low, b);
                return y.alias();
            }), comparable: false);
            Duel.Run($"gradient of A {shape}", () => Value(() => low.t().mm(x)), () => Value(() => LowRankKernel.Gather(low, x)));
            foreach (var (name, matrix) in ((string, WeightMatrix)[])[("int8 from fp32", new DenseMatrix(weight)),
                ("int8 from nf4", new QuantizationOptions(QuantizationType.Nf4).Quantize(weight))])
            {
                using var products = FrozenProducts.Of(matrix, Arithmetic.Int8);
                var flop = 2.0 * n * inputs * outputs;
                Duel.Run($"x Wᵀ {name} {shape}", () => Value(() => x.mm(weight.t())), () => Value(() => products.Forward(x)),
                    flop);
                Duel.Run($"y W  {name} {shape}", () => Value(() => y.mm(weight)), () => Value(() => products.Backward(y)), flop);
            }
            using var codes = Int8Rows.Of(weight).Codes;
            var numbers = Int8Rows.Of(x).Codes;
            var gradient = Int8Rows.Of(y).Codes;
            var (into, back) = (Tensors.Empty([n, outputs], ScalarType.Float32, CPU),
                Tensors.Empty([n, inputs], ScalarType.Float32, CPU));
            Duel.Run($"codes of x Wᵀ {shape}", () => Value(() => x.mm(weight.t())),
                () => Zero(TorchScriptOps.Int8Product(numbers, codes.t(), into)), 2.0 * n * inputs * outputs);
            Duel.Run($"codes of y W  {shape}", () => Value(() => y.mm(weight)),
                () => Zero(TorchScriptOps.Int8Product(gradient, codes, back)), 2.0 * n * inputs * outputs);
        }
    }

    private static double Value(Func<Tensor> work)
    {
        using var result = work();
        using var one = result[0, 0];
        return one.item<float>();
    }

    private static double Zero(Tensor result)
    {
        result.Dispose();
        return 0;
    }
}
