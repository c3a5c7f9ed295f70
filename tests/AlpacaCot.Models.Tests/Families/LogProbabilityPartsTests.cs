using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>Log-probabilities in parts, and their gradients, are those of all positions at once.</summary>
public sealed class LogProbabilityPartsTests
{
    [Theory]
    [InlineData("llama", 1), InlineData("llama", 3), InlineData("gemma2", 2), InlineData("gpt2", 100)]
    public void Values_and_gradients(string family, long rows)
    {
        using var scope = NewDisposeScope();
        using var model = new FamilyGolden(family).Model();
        manual_seed(3);
        var hidden = randn([7, model.Shape.Hidden]).to(TestDevice.Device);
        var targets = tensor(new long[] { 1, 5, 9, 2, 0, 30, 7 }).to(TestDevice.Device);
        var weights = tensor(new double[] { 1, -2, 0.5, 3, 1, 0, 2 }).to(TestDevice.Device); // an objective's own factors
        var (a, b) = (hidden.detach().clone().requires_grad_(), hidden.detach().clone().requires_grad_());
        var wanted = model.LogProbabilitiesAtOnce(a, targets, PassMode.Training);
        var found = LogProbabilityParts.Of(model, b, targets, PassMode.Training, rows);
        (wanted * weights).sum().backward();
        (found * weights).sum().backward();
        TestDevice.Synchronize();
        Assert.InRange(Golden.Difference(found.to(ScalarType.Float32), wanted.to(ScalarType.Float32)), 0, 1e-5);
        Assert.InRange(Golden.RelativeDifference(b.grad!, a.grad!.cpu()), 0, 1e-5);
        using var quiet = no_grad();
        Assert.InRange(Golden.Difference(LogProbabilityParts.Of(model, hidden, targets, PassMode.Evaluation, rows)
            .to(ScalarType.Float32), wanted.to(ScalarType.Float32)), 0, 1e-5);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_device_that_is_not_the_CPU_takes_parts_and_a_trained_head_does_not(bool full)
    {
        Assert.SkipUnless(TestDevice.IsSecond || !Compute.UsesSimd(TorchSharp.DeviceType.CPU), "the CPU computes all at once");
        using var scope = NewDisposeScope();
        var input = Golden.Batch("rightpad").Input;
        (double Loss, double Gradient) Run()
        {
            using var model = new FamilyGolden("llama").Model();
            using IAdapter adapter = full ? new FullTuning(model, "{}", [])
                : AdapterMethods.Load(model, ReferenceData.Path("golden/llama/lora"));
            var loss = Golden.Batch("rightpad").Loss(model);
            loss.backward();
            TestDevice.Synchronize();
            return (loss.item<float>(), adapter.Parameters.Values.Sum(w => w.grad?.norm().item<float>() ?? 0));
        }
        var wanted = Run();
        var before = CausalModel.LogitsAtOnce;
        try
        {
            CausalModel.LogitsAtOnce = 1000; // a few positions
            var found = Run();
            Assert.Equal(wanted.Loss, found.Loss, 1e-5);
            Assert.Equal(wanted.Gradient, found.Gradient, 1e-4 * wanted.Gradient);
        }
        finally
        {
            CausalModel.LogitsAtOnce = before;
        }
    }
}
