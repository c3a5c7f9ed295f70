using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Export;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Export;

/// <summary>Every export reopens itself and compares logits, and fails where they differ; the tests check what that leaves
/// open.</summary>
public sealed class ModelExportTests
{
    private static string Stories => ReferenceData.Path("data/derived/stories260K-hf");

    [Theory]
    [InlineData("llama")]
    [InlineData("llama_mha")]
    [InlineData("gpt2")]
    [InlineData("bloom")]
    [InlineData("gpt_neox")]
    [InlineData("chatglm")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    public void A_merged_adapter_computes_what_base_and_adapter_do(string name)
    {
        using var folder = new TemporaryFolder();
        using var plain = LanguageModel.Load(ReferenceData.Path($"golden/{name}/model"));
        using var adapted = LanguageModel.Load(ReferenceData.Path($"golden/{name}/model"),
            ReferenceData.Path($"golden/{name}/lora"));
        var result = ModelExport.ToHuggingFace(adapted, folder.File("merged"), shardBytes: 20_000);
        Assert.InRange(result.Check.Relative, 0, 1e-5);
        Assert.Contains("model.safetensors.index.json", result.Files);
        using var merged = LanguageModel.Load(folder.File("merged"));
        Assert.InRange(LogitComparison.Of(plain, merged).Relative, 1e-3, 10); // the adapter does something
        Assert.Equal([folder.File("merged")], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_sum_in_full_precision_is_not_rounded_to_the_type_of_the_base()
    {
        using var folder = new TemporaryFolder();
        using (var whole =
            LanguageModel.Load(Stories)) ModelExport.ToHuggingFace(whole, folder.File("half"), ScalarType.BFloat16);
        using var adapted = LanguageModel.Load(folder.File("half"),
            ReferenceData.Path("data/derived/stories260K-lora-golden/adapter_after_step3"));
        Assert.InRange(ModelExport.ToHuggingFace(adapted, folder.File("merged"), ScalarType.Float32).Check.Relative, 0, 1e-5);
        Assert.InRange(ModelExport.ToGguf(adapted, folder.File("m.gguf"), GgufType.F32).Check.Relative, 0, 1e-5);
        Assert.InRange(ModelExport.ToHuggingFace(adapted, folder.File("rounded")).Check.Relative, 1e-5, 1e-2); // the control
    }

    [Fact]
    public void An_adapter_on_a_quantized_base_is_folded_into_what_the_base_computes_with()
    {
        using var folder = new TemporaryFolder();
        using var whole = LanguageModel.Load(Stories);
        ModelExport.ToGguf(whole, folder.File("q4.gguf"), GgufType.Q4);
        using var adapted = LanguageModel.Load(folder.File("q4.gguf"),
            ReferenceData.Path("data/derived/stories260K-lora-golden/adapter_after_step3"));
        Assert.InRange(ModelExport.ToHuggingFace(adapted, folder.File("merged")).Check.Relative, 0, 1e-5);
        using var merged = ModelFolder.Open(folder.File("merged"));
        Assert.Equal(ScalarType.Float32, merged.Entries["model.layers.0.self_attn.q_proj.weight"].DType);
    }

    [Fact]
    public void A_weight_beyond_the_range_of_the_type_asked_for_is_named_and_nothing_is_left()
    {
        const string name = "model.layers.1.mlp.up_proj.weight";
        using var folder = new TemporaryFolder();
        using (var tiny = new TinyModel().Build())
        {
            new TinyModel().WriteConfig(folder.File("model"));
            tiny.Parameters[name][5, 7] = 1e5f;
            SafetensorsWriter.Write(folder.File("model/model.safetensors"), [.. tiny.Parameters.Select(p => (p.Key, p.Value))]);
        }
        using var model = LanguageModel.Load(folder.File("model"));
        void Named(string problem, Action work) => Assert.Contains(problem, Assert.Throws<InputException>(work).Message);
        Named($"{name} exceeds the range of Float16 at [5, 7]",
            () => ModelExport.ToHuggingFace(model, folder.File("out"), ScalarType.Float16));
        Named("Write it as bfloat16", () => ModelExport.ToStateDict(model, folder.File("out"), ScalarType.Float16));
        Named("blk.1.ffn_up.weight exceeds the range of Float16",
            () => ModelExport.ToGguf(model, folder.File("out"), GgufType.F16));
        Assert.Equal([folder.File("model")], Directory.GetFileSystemEntries(folder.Path));
        ModelExport.ToHuggingFace(model, folder.File("out"));
    }

    [Fact]
    public void A_tied_head_with_an_adapter_is_parted_from_the_embedding()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        AlpacaCot.Models.Adapters.AdapterFolder.Write(folder.File("lora"),
            new AlpacaCot.Models.Adapters.LoraConfig { Rank = 2, Alpha = 8,
            TargetModules = ["lm_head", "q_proj"] },
            [.. Enumerable.Range(0, 5).Select(i => $"model.layers.{i}.self_attn.q_proj").Append("lm_head").SelectMany(layer =>
                new[]
            {
                ($"{layer}.lora_A.weight", rand(2, 64) * Number(0.1)),
                ($"{layer}.lora_B.weight", rand(layer == "lm_head" ? 512 : 64,
                    2) * Number(0.1)),
            })]);
        using var adapted = LanguageModel.Load(Stories, folder.File("lora"));
        ModelExport.ToHuggingFace(adapted, folder.File("merged"), ScalarType.BFloat16);
        using var merged = ModelFolder.Open(folder.File("merged"));
        Assert.False(merged.Config.GetProperty("tie_word_embeddings").GetBoolean());
        Assert.Equal("bfloat16", merged.Config.GetProperty("torch_dtype").GetString());
        Assert.Equal(ScalarType.BFloat16, merged.Entries["lm_head.weight"].DType);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_tied_head_stays_as_it_was_where_the_embedding_alone_is_tuned(bool inFull)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = new TinyModel(Family: "gpt2").WriteFolder(folder.File("base")); // tied by default
        using (var fresh = LanguageModel.Load(path))
        {
            using var adapter =
                Lora.Attach(fresh.Model, inFull ? new LoraConfig { Targets = Targets.Of("c_attn"), ModulesToSave = ["wte"] }
                : new LoraConfig { Targets = Targets.Of("c_attn", "wte") }, seed: 1);
            using (no_grad())
                foreach (var weight in adapter.Parameters.Values) weight.PlusInPlace(randn(weight.shape) * Number(0.1));
            adapter.Save(folder.File("adapter"));
        }
        using (var adapted = LanguageModel.Load(path, folder.File("adapter")))
            Assert.InRange(ModelExport.ToHuggingFace(adapted, folder.File("merged")).Check.Relative, 0, 1e-5);
        using var plain = ModelFolder.Open(path);
        using var merged = ModelFolder.Open(folder.File("merged"));
        Assert.False(merged.Config.GetProperty("tie_word_embeddings").GetBoolean());
        var table = plain.Read("transformer.wte.weight");
        Assert.Equal(0, Golden.Difference(merged.Read("lm_head.weight"), table));
        Assert.True(Golden.Difference(merged.Read("transformer.wte.weight"), table) > 0.01, "control: the embedding is another");
    }

    [Fact]
    public void A_hugging_face_export_reopens_bit_for_bit_and_takes_no_place_that_is_taken()
    {
        using var folder = new TemporaryFolder();
        using var model = LanguageModel.Load(Stories);
        var result = ModelExport.ToHuggingFace(model, folder.File("copy"));
        foreach (var file in Directory.GetFiles(Stories))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(folder.File("copy/" + Path.GetFileName(file))));
        Assert.Equal(0, result.Check.LargestDifference);
        Assert.Contains("already exists and is not an empty folder",
            Assert.Throws<InputException>(() => ModelExport.ToHuggingFace(model,
            folder.File("copy"))).Message);
    }

    [Theory]
    [InlineData("F32", 1e-5)]
    [InlineData("F16", 2e-3)]
    [InlineData("BF16", 2e-2)]
    [InlineData("Q8_0", 2e-2)]
    [InlineData("Q4_0", 0.4)]
    public void Gguf_goes_out_and_comes_back(string type, double tolerance)
    {
        using var folder = new TemporaryFolder();
        using var model = LanguageModel.Load(Stories);
        var path = folder.File("model.gguf");
        var result = ModelExport.ToGguf(model, path, GgufType.All.Single(t => t.Name == type));
        Assert.InRange(result.Check.Relative, 0, tolerance);
        Assert.Equal(new FileInfo(path).Length, result.Bytes);
        Assert.Equal([path], Directory.GetFiles(folder.Path));

        // And on to a folder, with the tokenizer.
        using var reopened = LanguageModel.Load(path);
        ModelExport.ToHuggingFace(reopened, folder.File("hf"));
        using var again = LanguageModel.Load(folder.File("hf"));
        const string text = "Once upon a time, naïve 🦙 </s>";
        Assert.Equal(model.Tokenizer.Encode(text), again.Tokenizer.Encode(text));
        Assert.Equal((model.Tokenizer.BosId, model.Tokenizer.EosId), (again.Tokenizer.BosId, again.Tokenizer.EosId));
    }

    [Fact]
    public void Gguf_tensors_are_those_that_llama_cpp_wrote()
    {
        using var folder = new TemporaryFolder();
        using var model = LanguageModel.Load(Stories);
        ModelExport.ToGguf(model, folder.File("m.gguf"), GgufType.F32);
        var (expected, actual) = (GgufHeader.Read(ReferenceData.Path("data/weights/stories260K/stories260K-F32.gguf")),
            GgufHeader.Read(folder.File("m.gguf")));
        var (file, own) = (File.ReadAllBytes(expected.Path), File.ReadAllBytes(actual.Path));
        foreach (var tensor in expected.Tensors.Where(t => t.Name != "output.weight")) // tied here
        {
            var other = actual.Tensors.Single(t => t.Name == tensor.Name);
            Assert.Equal((tensor.Type, string.Join(',', tensor.Shape)), (other.Type, string.Join(',', other.Shape)));
            var bytes = (int)tensor.Type.ByteCount(tensor.Shape)!.Value;
            Assert.True(file.AsSpan((int)tensor.Offset, bytes).SequenceEqual(own.AsSpan((int)other.Offset, bytes)), tensor.Name);
        }
        foreach (var key in (string[])["tokens", "scores", "token_type", "model", "bos_token_id", "eos_token_id",
            "unknown_token_id"])
            Assert.Equal(expected.Values["tokenizer.ggml." + key], actual.Values["tokenizer.ggml." + key]);
        foreach (var key in expected.Values.Keys.Where(k => k.StartsWith("llama.", StringComparison.Ordinal)
            && k != "llama.context_length"))
            Assert.Equal(expected.Values[key], actual.Values[key]);
    }

    [Theory]
    [InlineData("llama", null)]
    [InlineData("llama",
        """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}""")]
    [InlineData("llama", """{"rope_type":"linear","factor":4.0}""")]
    [InlineData("llama", """{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32}""")]
    [InlineData("mistral", null)]
    [InlineData("qwen2", null)]
    [InlineData("qwen3", null)]
    public void Families_and_rope_scalings_keep_their_meaning(string name, string? scaling)
    {
        using var folder = new TemporaryFolder();
        var source = ReferenceData.Path($"golden/{name}/model");
        File.Copy(Path.Combine(source, "model.safetensors"), folder.File("model.safetensors"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        if (scaling is not null) config["rope_parameters"] = JsonNode.Parse(scaling);
        if (name == "mistral") config["sliding_window"] = null; // GGUF's llama has none
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        WriteLetters(folder.Path);
        using var model = LanguageModel.Load(folder.Path);
        Assert.InRange(ModelExport.ToGguf(model, folder.File("m.gguf"), GgufType.F32).Check.Relative, 0, 1e-4);
        var (expected, actual) = (Tokenizer.Load(folder.Path), Tokenizer.Load(folder.File("m.gguf")));
        Assert.Equal(expected.Encode("Hello (you)!<end>"), actual.Encode("Hello (you)!<end>"));
        if (scaling?.Contains("yarn", StringComparison.Ordinal) == true || scaling?.Contains("linear",
            StringComparison.Ordinal) == true)
            Assert.Contains("is not supported by Meta's format",
                Assert.Throws<InputException>(() => ModelExport.ToStateDict(model,
                folder.File("m"))).Message);
        else if (name == "llama") ModelExport.ToStateDict(model, folder.File("m"), ScalarType.Float16);
        else Assert.Contains("model_type is", Assert.Throws<InputException>(() => ModelExport.ToStateDict(model,
            folder.File("m"))).Message);
    }

    [Fact]
    public void A_family_without_a_place_in_gguf_is_refused_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        using var model = LanguageModel.Load(ReferenceData.Path("golden/bloom/base".Replace("base", "model")));
        Assert.Throws<InputException>(() => ModelExport.ToGguf(model, folder.File("m.gguf"), GgufType.F16));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    // A byte-level tokenizer of single letters and one special token.
    internal static void WriteLetters(string folder)
    {
        var vocabulary = new JsonObject();
        for (var c = '!'; c <= '~'; c++) vocabulary[c.ToString()] = vocabulary.Count;
        vocabulary["Ġ"] = vocabulary.Count;
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), new JsonObject
        {
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 100, ["content"] = "<end>", ["special"] = true }),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = true },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        }.ToJsonString());
    }
}
