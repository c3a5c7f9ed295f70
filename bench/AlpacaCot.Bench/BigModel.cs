using System.Diagnostics;
using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>
/// Memory benchmark with random weights in LLaMA's shapes: writes a quantized folder shard by shard, loads it mapped, trains one
/// LoRA step, generates some tokens, and prints the peak resident memory of each part. Each part runs in its own process,
/// because the peak would include earlier parts.
/// </summary>
internal static class BigModel
{
    private sealed record Shape(int Hidden, int Inner, int Layers, int Heads);

    private static readonly Dictionary<string, Shape> Shapes = new()
    {
        ["tiny"] = new(256, 688, 4, 4), ["1b"] = new(2048, 5632, 22, 32), ["7b"] = new(4096, 11008, 32, 32),
        ["13b"] = new(5120, 13824, 40, 40), ["30b"] = new(6656, 17920, 60, 52), ["65b"] = new(8192, 22016, 80, 64),
    };

    /// <param name="shape">A name from the table of shapes.</param>
    /// <param name="folder">The model folder; created if missing.</param>
    /// <param name="tokens">Number of tokens in the training step.</param>
    /// <param name="form">Quantization: nf4, fp4 or int8.</param>
    public static void Run(string shape, string folder, int tokens, string form)
    {
        Libtorch.EnsureLoaded();
        if (!Directory.Exists(folder))
        {
            Make(shape, folder, form);
            Console.WriteLine($"made {folder}; run the same command again to train and generate");
            return;
        }
        var clock = Stopwatch.StartNew();
        using var opened = ModelFolder.Open(folder);
        using var model = ModelFamilies.Build(opened.Config, new CheckpointWeights(opened));
        Say("loaded", clock, $"{model.ParameterCount / 1e9:F2} billion weights");
        Train(model, tokens);
        clock.Restart();
        var ids = new TextGenerator(model, null).GenerateBatch([[.. Enumerable.Range(1, 16)]], new GenerationOptions
        {
            MaxNewTokens = 8, EndTokens = [],
        })[0];
        Say("generated", clock, $"{ids.Length} tokens: {string.Join(' ', ids)}");
    }

    private static void Make(string name, string folder, string form)
    {
        var (clock, shape, next) = (Stopwatch.StartNew(), Shapes[name], 0L);
        using var config = JsonDocument.Parse(JsonSerializer.Serialize(new
        {
            model_type = "llama", architectures = (string[])["LlamaForCausalLM"], hidden_act = "silu", vocab_size = 32000,
            hidden_size = shape.Hidden, intermediate_size = shape.Inner, num_hidden_layers = shape.Layers,
            num_attention_heads = shape.Heads, num_key_value_heads = shape.Heads, max_position_embeddings = 2048,
            rms_norm_eps = 1e-6, tie_word_embeddings = false, bos_token_id = 1, eos_token_id = 2, torch_dtype = "bfloat16",
        }));
        QuantizedFolder.Write(folder, config.RootElement, new Noise(), QuantizationOptions.Parse(form)!, [], (done, all) =>
        {
            if (done < next) return;
            next += all / 20;
            Say("made", clock, $"{100.0 * done / all:F0} %");
        });
    }

    private static void Train(CausalModel model, int tokens)
    {
        var clock = Stopwatch.StartNew();
        model.Recomputes = model.StreamsWeights = true;
        model.Arithmetic = Arithmetic.Int8;
        using var adapter = Lora.Attach(model, new LoraConfig { TargetPattern = Lora.AllLinear, Alpha = 16 }, seed: 1);
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        var random = new Text.DeterministicRandom(1);
        int[] ids = [.. Enumerable.Range(0, tokens).Select(_ => random.NextInt(32000))];
        using (NewDisposeScope())
        {
            var batch = MicroBatch.Of([new TokenizedExample(ids, ids)]);
            var loss = new SupervisedTuning().Loss(new TrainedModel(model, adapter), batch).Sum;
            Say("forward", clock, $"{tokens} tokens, loss {loss.item<float>() / (tokens - 1):F4}");
            loss.backward();
        }
        var norm = optimizer.GradientNorm(1.0 / (tokens - 1));
        optimizer.Step(1e-4, 1.0 / (tokens - 1));
        Say("step", clock, $"gradient norm {norm:F4}");
    }

    private static void Say(string part, Stopwatch clock, string what) => Console.WriteLine(
        $"{part,-10} {clock.Elapsed.TotalSeconds,8:F1} s  peak resident {Platform.PeakResidentBytes / 1e9,6:F2} GB  {what}");

    /// <summary>Normally distributed weights in bf16 with deviation 0.02; ones for norms.</summary>
    private sealed class Noise : IWeightSource
    {
        public IEnumerable<string> Names => [];

        public bool Contains(string name) => true;

        public Tensor Read(string name, ReadOnlySpan<long> shape)
        {
            if (shape.Length < 2) return ones(shape.ToArray());
            using var scope = NewDisposeScope();
            var numbers = empty(shape.ToArray()).normal_(0, 0.02);
            return numbers.to(ScalarType.BFloat16).MoveToOuterDisposeScope();
        }
    }
}
