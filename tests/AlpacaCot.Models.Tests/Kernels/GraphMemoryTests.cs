using AlpacaCot.Models.Adapters;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>
/// What a training pass leaves to the end of its step does not grow with the depth of the model: only the graph holds
/// activations and their gradients, and lets them go as it is walked.
/// </summary>
public sealed class GraphMemoryTests
{
    [Theory]
    [InlineData("llama", false), InlineData("llama", true), InlineData("gpt2", false), InlineData("chatglm", false)]
    public void Six_layers_leave_as_many_tensors_as_two(string family, bool recomputes)
    {
        var (two, six) = (Left(2), Left(6));
        Assert.InRange(two, 1, 200);
        Assert.Equal(two, six);

        int Left(int layers)
        {
            var tiny = new TinyModel(Layers: layers, Family: family);
            using var model = tiny.Build();
            model.Recomputes = recomputes;
            using var adapter = Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, TargetPattern = Lora.AllLinear },
                seed: 1);
            using var scope = NewDisposeScope();
            var ids = Range(1, 9, CPU).view(1, 8);
            var hidden = model.Hidden(new(ids));
            (hidden * hidden).sum().backward();
            var left = scope.DisposablesCount;
            Assert.All(adapter.Parameters.Values, weight => Assert.NotNull(weight.grad)); // control: every layer was walked
            return left;
        }
    }
}
