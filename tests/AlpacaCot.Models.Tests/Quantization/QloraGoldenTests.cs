using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

/// <summary>LoRA on quantized bases against PEFT with bitsandbytes: logits and gradients within 1e-4 relative.</summary>
public sealed class QloraGoldenTests : IDisposable
{
    private const double Tolerance = 1e-4;
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("nf4_dq_f32", "nf4", true), InlineData("nf4_f32", "nf4", false)]
    [InlineData("fp4_f32", "fp4", false), InlineData("int8_th6", "int8", false)]
    public void Logits_and_gradients(string name, string type, bool doubleQuantization)
    {
        var golden = Golden.Tensors("golden/bnb/qlora.safetensors");
        var options = QuantizationOptions.Parse(type)! with { DoubleQuantization = doubleQuantization, RoundsInTraining = true };
        using var model = Build(options);
        using var adapter = AdapterMethods.Load(model, ReferenceData.Path("golden/llama/lora"));
        var batch = Golden.Batch("rightpad");
        var loss = batch.Loss(model);
        loss.backward();
        TestDevice.Synchronize();
        Assert.Equal(Golden.Json("golden/bnb/bnb.json").GetProperty("qlora." + name).GetProperty("loss").GetDouble(),
            loss.item<float>(), 1e-4);
        foreach (var (parameter, weight) in adapter.Parameters)
            Assert.InRange(Golden.RelativeDifference(weight.grad!, golden[$"{name}.grad.{Golden.PeftName(parameter)}"]), 0,
                Tolerance);
        var (wanted, present) = (golden[$"{name}.logits.rightpad"], batch.Present.unsqueeze(-1).to(ScalarType.Float32));
        Assert.InRange(Golden.RelativeDifference(Logits(model) * present, wanted * present), 0, Tolerance);

        using var other = Build(options with { Type = type == "nf4" ? QuantizationType.Fp4 : QuantizationType.Nf4 }); // control
        using var adapted = AdapterMethods.Load(other, ReferenceData.Path("golden/llama/lora"));
        Assert.True(Golden.RelativeDifference(Logits(other) * present, wanted * present) > 10 * Tolerance);

        Tensor Logits(CausalModel model)
        {
            using var quiet = no_grad();
            return model.Logits(batch.Input).cpu();
        }
    }

    private static CausalModel Build(QuantizationOptions options)
    {
        using var folder = ModelFolder.Open(ReferenceData.Path("golden/llama/model"));
        return ModelFamilies.Build(folder.Config, new CheckpointWeights(folder), quantization: options,
            compute: TestDevice.Compute);
    }
}
