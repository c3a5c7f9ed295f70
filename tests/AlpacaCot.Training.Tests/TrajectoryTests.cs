using AlpacaCot.Models.Adapters;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Loop;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Settings;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>Twenty optimizer steps against PyTorch and PEFT: each loss within 1e-3 relative, and against Hugging Face's
/// Trainer.</summary>
public sealed class TrajectoryTests : IDisposable
{
    private static readonly string[] Order = ["rightpad", "nopad", "leftpad"];
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("llama", "traj_lora.json")]
    [InlineData("llama", "traj_lora_clip_nowd.json")]
    [InlineData("llama", "traj_full.json")]
    [InlineData("llama_mha", "traj_lora.json")]
    [InlineData("llama_mha_tied", "traj_lora.json")]
    public void Losses_of_twenty_steps(string name, string file)
    {
        var losses = Golden.Numbers(Golden.Json($"golden/{name}/{file}"), "losses");
        var ours = Run(name, file);
        for (var i = 0; i < losses.Length; i++) Assert.Equal(1, ours[i] / losses[i], 1e-3);
        // control
        Assert.Contains(Run(name, file, rateFactor: 1.05).Zip(losses), pair => Math.Abs(pair.First / pair.Second - 1) > 1e-3);
    }

    [Fact]
    public void AdaLoRA_cuts_the_ranks_that_PEFT_cuts()
    {
        var golden = Golden.Json("golden/llama/peft/adalora/traj.json");
        var (ours, kept) = AdaLora(golden, offset: 0);
        var losses = Golden.Numbers(golden, "losses");
        for (var i = 0; i < losses.Length; i++) Assert.Equal(1, ours[i] / losses[i], 1e-3);
        foreach (var after in golden.GetProperty("rank_pattern_after_step").EnumerateObject())
            foreach (var layer in after.Value.EnumerateObject())
                Assert.Equal(layer.Value.EnumerateArray().Select(v => v.GetBoolean()),
                    kept[int.Parse(after.Name)][layer.Name.Replace(".default", "")]);
        Assert.NotEqual(ours, AdaLora(golden, offset: 1).Losses); // control: cuts one step apart
    }

    private static (double[] Losses, Dictionary<int, IReadOnlyDictionary<string, IReadOnlyList<bool>>> Kept) AdaLora(
        System.Text.Json.JsonElement golden, int offset)
    {
        using var model = Golden.Model("golden/llama/model");
        var config = AdapterConfig.FromJson(File.ReadAllText(ReferenceData.Path("golden/llama/peft/adalora/adapter_config.json")),
            "adalora");
        using var adapter = AdapterMethods.Attach(model, config, seed: 0);
        var start = Golden.Tensors("golden/llama/peft/adalora/traj_init.safetensors");
        using (no_grad()) foreach (var (name, weight) in adapter.Parameters)
            weight.copy_(start[$"base_model.model.{name}.default"]);
        using var optimizer = new AdamW(adapter.Parameters,
            new AdamWOptions(WeightDecay: golden.GetProperty("weight_decay").GetDouble()));
        var losses = new double[20];
        var kept = new Dictionary<int, IReadOnlyDictionary<string, IReadOnlyList<bool>>>();
        adapter.Begin(20);
        using var folder = new TemporaryFolder();
        for (var step = 0; step < losses.Length; step++)
        {
            using var inner = NewDisposeScope();
            var loss = Golden.Batch(Order[step % 3]).Loss(model).Plus(adapter.Penalty()!);
            loss.backward();
            losses[step] = loss.item<float>();
            adapter.Step(step + offset, 1, () => optimizer.Step(golden.GetProperty("lr").GetDouble(), 1));
            adapter.Save(folder.Path);
            kept[step] = ((AdaLoraConfig)AdapterFolder.Read(folder.Path).Config).Kept;
        }
        return (losses, kept);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Hugging_Face_trainer_with_accumulation(int accumulation)
    {
        var golden = Golden.Json("golden/llama/trainer/trainer.json");
        var run = golden.GetProperty("runs").GetProperty($"accum{accumulation}");
        var (losses, norms, rates) = (Golden.Numbers(run, "loss"), Golden.Numbers(run, "grad_norm"), Golden.Numbers(run, "lr"));
        var rows = golden.GetProperty("rows").EnumerateArray().Select(r => new Text.Examples.TokenizedExample(
            Ids(r, "input_ids")[..Real(r)], Ids(r, "labels")[..Real(r)])).ToArray();

        using var model = Golden.Model("golden/llama/model");
        using var adapter = Lora.Attach(model, new LoraConfig { Rank = 8, Alpha = 16, TargetModules = ["q_proj", "v_proj"] },
            seed: 0);
        Golden.Set(adapter, Golden.Tensors("golden/llama/traj_lora_init.safetensors"));
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var observer = new Recorder();
        using (var folder = new TemporaryFolder())
        using (var runFolder = Runs.RunFolder.Create(folder.Path, 1, PromptTemplates.Find("alpaca"), overwrite: false))
            new Trainer(new TrainedModel(model, adapter), new SupervisedTuning(), optimizer,
                new LearningRate(0.005, LearningRateSchedule.Linear, 5, 20), new InOrder(rows, accumulation),
                    new LoopSchedule(0.3, 0, 1, 20, 20))
                .Train(new Runs.TrainingProgress(), runFolder, observer, CancellationToken.None);

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(rates[i], observer.Steps[i].LearningRate, 1e-9);
            Assert.Equal(1, observer.Steps[i].Loss / losses[i], 1e-3);
            Assert.Equal(1, observer.Steps[i].GradientNorm / norms[i], 2e-3);
        }
        var final = Golden.Tensors($"golden/llama/trainer/accum{accumulation}_final.safetensors");
        foreach (var (name, weight) in adapter.Parameters)
            Assert.True(Golden.RelativeDifference(weight, final[Golden.PeftName(name)]) < 1e-3, name);
    }

    private static double[] Run(string name, string file, double rateFactor = 1)
    {
        var golden = Golden.Json($"golden/{name}/{file}");
        using var model = Golden.Model($"golden/{name}/model");
        using IAdapter adapter = file == "traj_full.json"
            ? new FullTuning(model, "{}", [])
            : Lora.Attach(model, new LoraConfig { Rank = 8, Alpha = 16, TargetModules = ["q_proj", "v_proj"] }, seed: 0);
        if (adapter is not FullTuning) Golden.Set(adapter, Golden.Tensors($"golden/{name}/traj_lora_init.safetensors"));
        using var optimizer = new AdamW(adapter.Parameters,
            new AdamWOptions(WeightDecay: golden.GetProperty("weight_decay").GetDouble()));
        var limit = golden.TryGetProperty("max_grad_norm", out var max) ? max.GetDouble() : double.PositiveInfinity;
        var rate = golden.GetProperty("lr").GetDouble() * rateFactor;
        var losses = new double[20];
        for (var step = 0; step < losses.Length; step++)
        {
            using var inner = NewDisposeScope();
            var loss = Golden.Batch(Order[step % 3]).Loss(model);
            loss.backward();
            losses[step] = loss.item<float>();
            var norm = optimizer.GradientNorm(1);
            optimizer.Step(rate, Math.Min(1, limit / (norm + 1e-6)));
        }
        return losses;
    }

    private static int[] Ids(System.Text.Json.JsonElement row, string key) =>
        [.. row.GetProperty(key).EnumerateArray().Select(v => v.GetInt32())];

    private static int Real(System.Text.Json.JsonElement row) => Ids(row, "attention_mask").Count(v => v == 1);

    /// <summary>Two rows a micro-batch, from the first row on, starting again at the end.</summary>
    private sealed class InOrder(Text.Examples.TokenizedExample[] rows, int accumulation) : IBatchSampler
    {
        public int TotalSteps => 20;

        public int StepsPerEpoch => rows.Length / (2 * accumulation);

        public IReadOnlyList<MicroBatch> Step(int step) =>
            [.. Enumerable.Range(step * accumulation, accumulation).Select(micro =>
                MicroBatch.Of([rows[2 * micro % rows.Length], rows[(2 * micro + 1) % rows.Length]]))];
    }
}
