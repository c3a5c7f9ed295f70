using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>
/// Seconds and peak resident memory of loading a sharded checkpoint, as safetensors and as torch.save shards. Each is loaded in a
/// separate process that reads every byte of every tensor, so that no lazily mapped data is missed.
/// </summary>
internal static class LoadBench
{
    private const int ShardBytes = 500_000_000, LayerBytes = 102_760_448; // for the shape below, in bfloat16

    /// <summary>Creates a checkpoint of about this size and loads it in each format.</summary>
    public static void Run(int megabytes)
    {
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-load-");
        try
        {
            var (safe, pickled) = (Path.Combine(folder.FullName, "safetensors"), Path.Combine(folder.FullName, "bin"));
            WriteSafetensors(safe, (int)((megabytes * 1_000_000L - 2 * 131_072_000) / LayerBytes + 1));
            Console.WriteLine($"{"",-34} {"kept MB",8} {"load s",7} {"read s",7} {"before",7} {"peak MB",8} {"peak / kept",12}");
            Child("safetensors, as stored (bfloat16)", safe);
            Child("safetensors, converted to fp32", safe, nameof(ScalarType.Float32));
            WriteShards(safe, pickled);
            Child("torch.save .bin, as stored", pickled);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Loads a folder and prints the result; runs in a child process.</summary>
    public static void LoadOnce(string label, string path, ScalarType? storage)
    {
        Libtorch.EnsureLoaded();
        using (zeros(1)) { }
        var before = Platform.ResidentBytes;
        var watch = Stopwatch.StartNew();
        using var folder = ModelFolder.Open(path);
        using var model = ModelFamilies.Build(folder.Config, new CheckpointWeights(folder), storage);
        var loaded = watch.Elapsed.TotalSeconds;
        watch.Restart();
        long kept = 0;
        foreach (var weight in model.Parameters.Values)
        {
            using var largest = weight.max(); // touches every byte
            kept += weight.numel() * weight.element_size();
        }
        var peak = Platform.PeakResidentBytes;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{label,-34} {kept / 1e6,8:0} {loaded,7:0.00} " +
            $"{watch.Elapsed.TotalSeconds,7:0.00} {before / 1e6,7:0} {peak / 1e6,8:0} {(double)peak / kept,12:0.000}"));
    }

    private static void Child(string label, string path, string storage = "")
    {
        using var process = Process.Start(Environment.ProcessPath!, ["load-once", label, path, storage]);
        process.WaitForExit();
    }

    private static void WriteSafetensors(string path, int layers)
    {
        var config = JsonSerializer.SerializeToNode(new
        {
            architectures = (string[])["LlamaForCausalLM"], model_type = "llama", vocab_size = 32000, hidden_size = 2048,
            intermediate_size = 5632, num_hidden_layers = layers, num_attention_heads = 16, num_key_value_heads = 16,
            max_position_embeddings = 2048, rms_norm_eps = 1e-5, hidden_act = "silu", tie_word_embeddings = false,
            torch_dtype = "bfloat16",
        })!;
        List<ExportTensor> weights = [Weight("model.embed_tokens", 32000, 2048), Weight("lm_head", 32000, 2048),
            Weight("model.norm", 2048)];
        foreach (var layer in Enumerable.Range(0, layers).Select(i => $"model.layers.{i}."))
            weights.AddRange([
                .. new[] { "q", "k", "v", "o" }.Select(name => Weight($"{layer}self_attn.{name}_proj", 2048, 2048)),
                Weight(layer + "mlp.gate_proj", 5632, 2048), Weight(layer + "mlp.up_proj", 5632, 2048),
                Weight(layer + "mlp.down_proj", 2048, 5632),
                Weight(layer + "input_layernorm", 2048), Weight(layer + "post_attention_layernorm", 2048),
            ]);
        HuggingFaceFolder.Write(path, weights, [CompanionFile.Of("config.json", JsonSerializer.SerializeToUtf8Bytes(config))],
            ShardBytes,
            _ => { });
    }

    private static ExportTensor Weight(string name, params long[] shape) =>
        new(name + ".weight", ScalarType.BFloat16, shape, () =>
    {
        using var random = rand(shape);
        return random.to(ScalarType.BFloat16);
    });

    private static void WriteShards(string source, string path)
    {
        using var folder = ModelFolder.Open(source);
        Directory.CreateDirectory(path);
        File.Copy(Path.Combine(source, "config.json"), Path.Combine(path, "config.json"));
        var map = new JsonObject();
        foreach (var (i, shard) in folder.Entries.Values.Chunk(40).Index())
        {
            var name = $"pytorch_model-{i + 1:00000}.bin";
            TorchPickleWriter.Write(Path.Combine(path, name), [.. shard.Select(e =>
                new ExportTensor(e.Name, e.DType, e.Shape, () => folder.Read(e.Name)))]);
            foreach (var entry in shard) map[entry.Name] = name;
        }
        File.WriteAllText(Path.Combine(path, "pytorch_model.bin.index.json"),
            new JsonObject { ["weight_map"] = map }.ToJsonString());
    }
}
