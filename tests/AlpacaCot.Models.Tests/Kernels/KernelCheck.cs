using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>Compares a kernel with the same computation written in plain operations of libtorch in fp64.</summary>
internal static class KernelCheck
{
    // fp32 keeps 24 bits; sums over some thousand products lose a few of them.
    private const double Tolerance = 1e-5;

    /// <summary>Values and the gradients of every input agree, with one thread and with two.</summary>
    /// <param name="kernel">The kernel, in fp32.</param>
    /// <param name="plain">The reference, in fp64.</param>
    /// <param name="strided">Whether inputs, output and the gradient that comes back lie transposed in memory.</param>
    /// <param name="inputs">The inputs that get gradients.</param>
    public static void Agree(Func<Tensor[], Tensor> kernel, Func<Tensor[], Tensor> plain, bool strided, params Tensor[] inputs)
    {
        var (wanted, wantedGradients) = Run(plain, inputs, strided, ScalarType.Float64);
        var threads = get_num_threads();
        foreach (var count in (int[])[1, 2])
        {
            set_num_threads(count);
            try
            {
                var (output, gradients) = Run(kernel, inputs, strided, ScalarType.Float32);
                Close(wanted, output, "output");
                for (var i = 0; i < inputs.Length; i++) Close(wantedGradients[i], gradients[i], $"gradient of input {i}");
                using (no_grad()) Close(wanted, kernel(Leaves(inputs, strided, ScalarType.Float32).Passed),
                    "output without gradients");
            }
            finally
            {
                set_num_threads(threads);
            }
        }
    }

    /// <summary>Normal numbers that depend on the seed alone.</summary>
    public static Tensor Random(ulong seed, params long[] shape)
    {
        using var generator = new Generator(seed);
        return randn(shape, generator: generator);
    }

    public static void Close(Tensor wanted, Tensor found, string what)
    {
        Assert.Equal(wanted.shape, found.shape);
        var difference = (wanted - found.to(ScalarType.Float64)).abs().max().item<double>();
        Assert.True(difference <= Tolerance * Math.Max(1, wanted.abs().max().item<double>()), $"{what} differs by {difference}");
    }

    private static (Tensor Output, Tensor[] Gradients) Run(Func<Tensor[], Tensor> function, Tensor[] inputs, bool strided,
        ScalarType type)
    {
        var (leaves, passed) = Leaves(inputs, strided, type);
        var output = function(passed);
        // Each element of the output gets a gradient of its own; multiplying the transposed output makes it lie transposed.
        var weights = Range(0, output.numel(), CPU, ScalarType.Float64).mul(Number(0.7)).cos().to(type);
        ((strided && output.dim() > 1 ? output.transpose(0, -1) : output).reshape(-1) * weights).sum().backward();
        return (output.detach(), [.. leaves.Select(l => l.grad!)]);
    }

    private static (Tensor[] Leaves, Tensor[] Passed) Leaves(Tensor[] inputs, bool strided, ScalarType type)
    {
        Tensor[] leaves = [.. inputs.Select(x =>
            (strided && x.dim() > 1 ? x.transpose(0, -1) : x).contiguous().to(type).clone().requires_grad_())];
        return (leaves, [.. leaves.Select(l => strided && l.dim() > 1 ? l.transpose(0, -1) : l)]);
    }
}
