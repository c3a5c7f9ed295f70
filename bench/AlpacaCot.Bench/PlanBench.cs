using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>
/// What <c>plan</c> predicts beside what <c>train</c> needs: recipes of several families and methods on random weights, with the
/// lengths of Stanford-Alpaca. Each run is a process of its own, for its peak memory.
/// </summary>
internal static class PlanBench
{
    public const string Usage = "plan FOLDER [--cases 1,2,..] [--steps 4] [--threads N]";

    private sealed record Case(string Name, string Config, string Settings, ScalarType Type = ScalarType.Float32);

    private sealed record Measured(long PeakBytes, double Seconds, double StepSeconds, double CpuSeconds);

    private static readonly Case[] Cases =
    [
        new("LLaMA 290 M, LoRA all-linear", Llama(2048, 4, 16, 8, 5632, 32000),
            "adapter: { method: lora, rank: 8, targets: all-linear }\ntraining: { batch_size: 4, micro_batch_size: 4 }"),
        new("LLaMA 198 M in bf16, LoRA q, v", Llama(1024, 12, 16, 4, 2816, 32000),
            "adapter: { method: lora, rank: 8 }\ntraining: { batch_size: 16, micro_batch_size: 8 }", ScalarType.BFloat16),
        new("GPT-2 124 M, full tuning", Json(new
        {
            model_type = "gpt2", vocab_size = 50257, n_embd = 768, n_layer = 12, n_head = 12, n_positions = 1024,
        }), "adapter: none\ntraining: { batch_size: 8, micro_batch_size: 4 }"),
        new("LLaMA 475 M to nf4, int8 products, checkpointing", Llama(2048, 8, 16, 8, 5632, 32000),
            "quantization: nf4\nadapter: { method: lora, rank: 8, targets: all-linear }\n"
            + "training: { batch_size: 8, micro_batch_size: 8, compute: int8, gradient_checkpointing: true }",
                ScalarType.BFloat16),
        new("Qwen2 243 M, vocabulary of 151,936, LoRA q, v", Json(new
        {
            model_type = "qwen2", hidden_act = "silu", vocab_size = 151936, hidden_size = 896, intermediate_size = 4864,
            num_hidden_layers = 7, num_attention_heads = 14, num_key_value_heads = 2, max_position_embeddings = 2048,
            rms_norm_eps = 1e-6, tie_word_embeddings = true, rope_theta = 1000000.0,
        }), "adapter: { method: lora, rank: 8 }\ntraining: { batch_size: 4, micro_batch_size: 4 }"),
        new("GPT-NeoX 304 M to int8, int8 products, LoRA all-linear", Json(new
        {
            model_type = "gpt_neox", hidden_act = "gelu", vocab_size = 50304, hidden_size = 1024, intermediate_size = 4096,
            num_hidden_layers = 16, num_attention_heads = 16, max_position_embeddings = 2048, rotary_pct = 0.25,
            use_parallel_residual = true, layer_norm_eps = 1e-5, tie_word_embeddings = false,
        }), "quantization: int8\nadapter: { method: lora, rank: 8, targets: all-linear }\n"
            + "training: { batch_size: 8, micro_batch_size: 8, compute: int8 }", ScalarType.BFloat16),
        new("LLaMA 290 M, int8 products, LoRA with dropout", Llama(2048, 4, 16, 8, 5632, 32000),
            "adapter: { method: lora, rank: 8, dropout: 0.05, targets: all-linear }\n"
            + "training: { batch_size: 8, micro_batch_size: 8, compute: int8 }"),
        new("LLaMA 290 M, LoRA all-linear, checkpointing", Llama(2048, 4, 16, 8, 5632, 32000),
            "adapter: { method: lora, rank: 8, targets: all-linear }\n"
            + "training: { batch_size: 8, micro_batch_size: 8, gradient_checkpointing: true }"),
    ];

    public static void Run(string[] args)
    {
        Libtorch.EnsureLoaded();
        if (args is ["one", var recipe])
        {
            One(recipe);
            return;
        }
        var folder = args[0];
        string? Option(string name) => args.SkipWhile(a => a != name).Skip(1).FirstOrDefault();
        var chosen = Option("--cases")?.Split(',').Select(int.Parse).ToHashSet();
        var steps = int.Parse(Option("--steps") ?? "4", CultureInfo.InvariantCulture);
        if (Option("--threads") is { } threads) set_num_threads(int.Parse(threads, CultureInfo.InvariantCulture));
        var machine = CalibrationStore.OfUser().Get(fresh: true);
        Console.WriteLine($"{machine.Machine}");
        Console.WriteLine("| recipe | peak predicted | measured | ratio | s a step predicted | measured | ratio "
            + "| s in all predicted | measured | ratio |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        foreach (var (i, wanted) in Cases.Index().Where(c => chosen?.Contains(c.Index + 1) ?? true))
        {
            var path = Prepare(wanted, Path.Combine(folder, $"plan-{i + 1}"), steps);
            var recipe2 = RecipeFile.Load(path);
            var estimate = ResourceEstimate.Of(recipe2);
            var forecast = RunForecast.Of(estimate, RunLoad.Of(recipe2), recipe2.Training.MicroBatchSize, machine);
            var (peak, seconds, step, cpu) = Child(path);
            var loads = RunLoad.Of(recipe2).MicroBatches(recipe2.Training.MicroBatchSize).ToList();
            var timed = loads.Skip(loads.Count / steps).ToList(); // the first step warms up and is not timed
            var all = loads.Average(l => estimate.Work!.Time(l, machine, forecast.Arithmetic).Seconds);
            var predicted = forecast.StepSeconds * timed.Average(l =>
                estimate.Work!.Time(l, machine, forecast.Arithmetic).Seconds) / all;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {wanted.Name} | {forecast.PeakBytes / 1e9:0.00} GB | {peak / 1e9:0.00} GB | "
                    + $"{(double)forecast.PeakBytes / peak:0.00} "
                + $"| {predicted:0.00} | {step:0.00} | {predicted / step:0.00} | {forecast.Seconds:0.0} | "
                + $"{seconds:0.0} | {forecast.Seconds / seconds:0.00} |"));
            var memory = estimate.Memory;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"    weights {memory.Weights / 1e6:0}, adapter {memory.Adapter / 1e6:0}, optimizer "
                    + $"{memory.Optimizer / 1e6:0}, buffers "
                + $"{memory.Buffers / 1e6:0}, left for activations {(peak - memory.Process + memory.Activations) / 1e6:0} MB, "
                    + $"predicted "
                + $"{(forecast.PeakBytes - memory.Process + memory.Activations) / 1e6:0}; CPU {cpu:0.0} s; largest "
                + $"{RunLoad.Of(recipe2).MicroBatches(recipe2.Training.MicroBatchSize).MaxBy(estimate.PeakAt)}"));
            // What the constants of StepWork are fitted to: each part's mean over the timed micro-batches.
            var parts = timed.Select(l => estimate.Work!.Time(l, machine, forecast.Arithmetic)).ToList();
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"    {loads.Count / steps} micro-batches a step; seconds of each: products "
                    + $"{parts.Average(t => t.Products):0.000}, head "
                + $"{parts.Average(t => t.Head):0.000}, attention {parts.Average(t => t.Attention):0.000}, low rank "
                + $"{parts.Average(t => t.LowRank):0.000}, memory {parts.Average(t => t.Memory):0.000}, layers "
                + $"{parts.Average(t => t.Layers):0.000}"));
        }
    }

    // Trains and prints what it took; steps after the first, which warms up.
    private static void One(string recipe)
    {
        var (clock, cpu) = (Stopwatch.StartNew(), Process.GetCurrentProcess().TotalProcessorTime);
        var observer = new Times();
        TrainingRun.Execute(RecipeFile.Load(recipe), observer, resume: false, overwrite: true, CancellationToken.None);
        var seconds = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds;
        var times = observer.At.Zip(observer.At.Skip(1), (a, b) => (b - a) / (double)Stopwatch.Frequency).ToList();
        Console.WriteLine("measured " + JsonSerializer.Serialize(new Measured(Platform.PeakResidentBytes, seconds,
            times.DefaultIfEmpty().Average(),
            (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds)));
    }

    private static Measured Child(string recipe)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["plan", "one", recipe])
        {
            RedirectStandardOutput = true,
        })!;
        var lines = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return JsonSerializer.Deserialize<Measured>(lines[(lines.IndexOf("measured ", StringComparison.Ordinal) + 9)..])!;
    }

    private static string Prepare(Case wanted, string folder, int steps)
    {
        var recipe = Path.Combine(folder, "recipe.yaml");
        Directory.CreateDirectory(folder);
        File.WriteAllText(recipe, $"model: model\ntemplate: alpaca\ndata: [data.json]\n{wanted.Settings[..^1].TrimEnd()}, "
            + $"max_steps: {steps}, cutoff_length: 512, learning_rate: 1e-4 }}\noutput: {Path.Combine(folder, "run")}\n");
        var model = Path.Combine(folder, "model");
        if (File.Exists(Path.Combine(model, "model.safetensors"))) return recipe;
        Directory.CreateDirectory(model);
        foreach (var name in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine("samples", "base", name), Path.Combine(model, name), overwrite: true);
        File.WriteAllText(Path.Combine(model, "config.json"), wanted.Config);
        File.WriteAllText(Path.Combine(folder, "data.json"), Data(256));
        using var scope = NewDisposeScope();
        using var config = JsonDocument.Parse(wanted.Config);
        using var shapes = ModelFamilies.Build(config.RootElement, new ShapeWeights());
        manual_seed(1);
        SafetensorsWriter.Write(Path.Combine(model, "model.safetensors"),
            [.. shapes.Parameters.Select(p => (p.Key, Weight(p.Value.shape)))]);
        return recipe;

        Tensor Weight(long[] shape) => shape.Length < 2 ? ones(shape) : empty(shape).normal_(0, 0.02).to(wanted.Type);
    }

    // Records with the lengths of Stanford-Alpaca: the word is one token.
    private static string Data(int count)
    {
        var random = new DeterministicRandom(1);
        return JsonSerializer.Serialize(Enumerable.Range(0, count).Select(_ =>
        {
            var (prompt, whole) = TrainBench.AlpacaLengths[random.NextInt(TrainBench.AlpacaLengths.Length)];
            return new { instruction = Words(Math.Max(2, prompt - 40)), output = Words(whole - prompt) };
        }));

        string Words(int words)
        {
            var text = new StringBuilder("the");
            for (var i = 1; i < words; i++) text.Append(" the");
            return text.ToString();
        }
    }

    private static string Llama(int hidden, int layers, int heads, int keyHeads, int inner, int vocabulary) => Json(new
    {
        model_type = "llama", hidden_act = "silu", vocab_size = vocabulary, hidden_size = hidden, intermediate_size = inner,
        num_hidden_layers = layers, num_attention_heads = heads, num_key_value_heads = keyHeads, max_position_embeddings = 2048,
        rms_norm_eps = 1e-5, tie_word_embeddings = false,
    });

    private static string Json(object config) => JsonSerializer.Serialize(config);

    private sealed class Times : ITrainingObserver
    {
        public List<long> At { get; } = [];

        public void Started(RunSummary summary) => Console.Error.WriteLine(
            $"    before the first step: {Platform.ResidentBytes / 1e6:0} MB resident, {Platform.PeakResidentBytes / 1e6:0} at "
                + $"the peak");

        public void Step(StepMetrics m) => At.Add(Stopwatch.GetTimestamp());

        public void Validated(ValidationMetrics m) { }

        public void Saved(string checkpoint) { }

        public void Finished(TrainingResult r) { }

        public void Note(string message) => Console.Error.WriteLine(message);
    }
}
