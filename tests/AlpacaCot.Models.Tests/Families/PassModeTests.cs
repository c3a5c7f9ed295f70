using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>What a pass is for decides the arithmetic, nothing else does; and passes of several threads do not meet.</summary>
public sealed class PassModeTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("int8"), InlineData("nf4"), InlineData("none")]
    public void Evaluation_computes_the_loss_of_training_with_and_without_gradients(string form)
    {
        using var model = new TinyModel().Build(quantization: QuantizationOptions.Parse(form));
        using var adapter = Lora.Attach(model, new LoraConfig { Rank = 4, TargetPattern = Lora.AllLinear }, seed: 1);
        var training = Loss(model, PassMode.Training);
        Assert.Equal(training, Loss(model, PassMode.Evaluation));
        using var quiet = no_grad();
        Assert.Equal(training, Loss(model, PassMode.Evaluation));
        Assert.Equal(training, Loss(model, PassMode.Training));
        if (form == "int8") Assert.NotEqual(training, Loss(model, PassMode.Generation)); // control: rounded activations
    }

    [Fact]
    public void Dropout_and_noise_are_for_training_alone()
    {
        using var model = new TinyModel().Build();
        using var adapter = Lora.Attach(model,
            new LoraConfig { Rank = 4, Dropout = 0.5, TargetPattern = Lora.AllLinear }, seed: 1);
        using (no_grad()) foreach (var weight in adapter.Parameters.Values) weight.fill_(Number(0.05));
        var plain = Loss(model, PassMode.Evaluation);
        model.EmbeddingNoise = 5;
        Assert.Equal(plain, Loss(model, PassMode.Evaluation));
        Assert.Equal(plain, Loss(model, PassMode.Generation), 1e-4);
        Assert.NotEqual(plain, Loss(model, PassMode.Training));
        using var quiet = no_grad();
        Assert.NotEqual(plain, Loss(model, PassMode.Training));
    }

    [Theory]
    [InlineData("llama", "none"), InlineData("llama", "nf4"), InlineData("llama", "int8"), InlineData("gpt2", "none")]
    [InlineData("llama", "prompt")]
    public void Several_threads_get_what_each_gets_alone(string family, string form)
    {
        const int threads = 4;
        using var model = new TinyModel(Family: family).Build(
            quantization: form == "prompt" ? null : QuantizationOptions.Parse(form));
        using var adapter = form == "prompt"
            ? AdapterMethods.Attach(model, new PromptTuningConfig { Tokens = 5 }, seed: 1) : null;
        var alone = Enumerable.Range(0, threads).Select(t => Work(model, t)).ToArray();
        for (var round = 0; round < 3; round++)
        {
            var together = new (float[] Logits, int[] Answer)[threads];
            var workers = Enumerable.Range(0, threads)
                .Select(t => new Thread(() => together[t] = Work(model, t))).ToArray();
            foreach (var worker in workers) worker.Start();
            foreach (var worker in workers) worker.Join();
            for (var t = 0; t < threads; t++)
            {
                Assert.Equal(alone[t].Logits, together[t].Logits);
                Assert.Equal(alone[t].Answer, together[t].Answer);
            }
        }
        Assert.NotEqual(alone[0].Logits, alone[1].Logits); // control

        // Lengths of their own, so that rotary tables grow under other threads.
        static (float[] Logits, int[] Answer) Work(CausalModel model, int thread)
        {
            using var own = NewDisposeScope();
            using var quiet = no_grad();
            set_num_threads(1);
            var ids = Range(1, 20 + 30 * thread, CPU).remainder(Number(250)).view(1, -1);
            var logits = model.Logits(new ModelInput(ids)).data<float>().ToArray();
            int[] prompt = [.. Enumerable.Range(3 + thread, 4 + 9 * thread)];
            var options = new GenerationOptions { MaxNewTokens = 12, EndTokens = [] };
            return (logits, [.. new TextGenerator(model, null).Stream(prompt, options)]);
        }
    }

    private static float Loss(CausalModel model, PassMode mode)
    {
        var positions = tensor(new long[] { 0, 1, 2, 3, 4, 13, 14, 15 });
        var input = new ModelInput(Range(1, 25, CPU).view(2, 12)) { Mode = mode };
        return model.NegativeLogLikelihood(input, positions, positions + Number(2)).item<float>();
    }
}
