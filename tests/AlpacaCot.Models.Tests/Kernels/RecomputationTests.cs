using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>Blocks that are computed again give the same loss and the same gradients, to the last bit.</summary>
public sealed class RecomputationTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("lora"), InlineData("none")]
    public void Loss_and_gradients_are_the_same(string method)
    {
        var (loss, gradients) = Run(method, recomputes: false);
        var (again, others) = Run(method, recomputes: true);
        Assert.Equal(loss, again);
        Assert.Equal(gradients.Keys, others.Keys);
        foreach (var (name, gradient) in gradients) Assert.True(gradient.Equals(others[name]), name);
        Assert.Contains(gradients.Values, g => g.abs().max().item<float>() > 0); // control
    }

    [Fact]
    public void Every_kind_of_block_and_mask()
    {
        foreach (var family in (string[])["bloom", "gemma2", "gpt_neox", "opt", "chatglm"])
        {
            using var model = Golden.Model($"golden/{family}/model");
            using var adapter = Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, TargetPattern = Lora.AllLinear },
                seed: 1);
            float[] losses = [0, 0], norms = [0, 0];
            foreach (var recomputes in (bool[])[false, true])
            {
                model.Recomputes = recomputes;
                var loss = new FamilyGolden(family).Batch("leftpad").Loss(model);
                loss.backward();
                losses[recomputes ? 1 : 0] = loss.item<float>();
                foreach (var weight in adapter.Parameters.Values)
                {
                    norms[recomputes ? 1 : 0] += weight.grad!.norm().item<float>();
                    weight.grad = null;
                }
            }
            Assert.Equal(losses[0], losses[1]);
            Assert.Equal(norms[0], norms[1]);
            Assert.True(norms[0] > 0);
        }
    }

    [Fact]
    public void Dropout_repeats_its_mask()
    {
        using var model = new TinyModel().Build();
        model.Recomputes = true;
        using var adapter = Lora.Attach(model,
            new LoraConfig { Rank = 4, Alpha = 8, Dropout = 0.5, TargetPattern = Lora.AllLinear }, seed: 1);
        var ids = Range(1, 25, CPU).view(2, 12);
        var places = tensor(new long[] { 0, 1, 2, 3, 4, 13, 14, 15 });
        Tensor Loss()
        {
            manual_seed(5);
            return model.NegativeLogLikelihood(new ModelInput(ids) { Mode = PassMode.Training }, places, places + Number(2));
        }
        Loss().backward();
        TestDevice.Synchronize();
        // The loss with the same masks rises along the gradient as fast as the gradient is long; other masks have another one.
        var weights = adapter.Parameters.Where(p => p.Key.Contains("lora_B", StringComparison.Ordinal))
            .Select(p => p.Value).ToArray();
        var gradients = weights.Select(w => w.grad!.clone()).ToArray();
        var length = Math.Sqrt(gradients.Sum(g => g.to(ScalarType.Float64).pow(Number(2)).sum().item<double>()));
        const double step = 2e-3;
        double At(double by)
        {
            using var quiet = no_grad();
            foreach (var (weight, gradient) in weights.Zip(gradients)) weight.add_(gradient, alpha: Number(by / length));
            TestDevice.Synchronize();
            return Loss().item<float>();
        }
        var (above, below) = (At(step), At(-2 * step));
        Assert.Equal(length, (above - below) / (2 * step), 0.02 * length);
    }

    [Theory]
    [InlineData("llama"), InlineData("gpt2"), InlineData("chatglm")]
    public void Each_block_is_computed_again_in_the_backward_pass(string family)
    {
        using var model = new TinyModel(Family: family).Build();
        var calls = model.Linears.Values.Where(l => l != model.Head).Select(layer => new Counted(layer)).ToArray();
        Assert.Equal(model.Shape.Layers, model.Blocks.Count);
        foreach (var weight in model.Parameters.Values) weight.requires_grad = true;
        foreach (var (recomputes, times) in (ReadOnlySpan<(bool, int)>)[(true, 2), (false, 1)])
        {
            foreach (var layer in calls) layer.Times = 0;
            model.Recomputes = recomputes;
            model.Hidden(new ModelInput(Range(1, 9, CPU).view(1, 8)) { Mode = PassMode.Training }).sum().backward();
            Assert.All(calls, layer => Assert.Equal(times, layer.Times));
        }
    }

    // Counts how often a layer is computed.
    private sealed class Counted : ILinearAdapter
    {
        public Counted(Linear layer) => layer.Adapter = this;

        public int Times { get; set; }

        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            Times++;
            return layer.Biased(layer.Product(x, pass.Mode));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => throw new NotSupportedException();
    }

    private static (float Loss, Dictionary<string, Tensor> Gradients) Run(string method, bool recomputes)
    {
        using var model = new TinyModel().Build();
        model.Recomputes = recomputes;
        using IAdapter adapter = method == "none" ? new FullTuning(model, "{}", [])
            : Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, Dropout = 0.3, TargetPattern = Lora.AllLinear }, seed: 1);
        if (method == "lora")
            using (no_grad())
                foreach (var (name, weight) in adapter.Parameters)
                    if (name.Contains("lora_B", StringComparison.Ordinal)) weight.fill_(Number(0.01));
        manual_seed(5);
        var ids = Range(1, 25, CPU).view(2, 12);
        var places = tensor(new long[] { 0, 1, 2, 3, 4, 13, 14, 15 });
        var loss = model.NegativeLogLikelihood(new ModelInput(ids) { Mode = PassMode.Training }, places, places + Number(2));
        loss.backward();
        return (loss.item<float>(), adapter.Parameters.ToDictionary(p => p.Key, p => p.Value.grad!.clone()));
    }
}
