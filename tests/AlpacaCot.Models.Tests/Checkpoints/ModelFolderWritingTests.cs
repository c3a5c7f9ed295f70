using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text.Tokenization;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

/// <summary>Whatever writes a model folder keeps what the model came with, and writes weights that read back.</summary>
public sealed class ModelFolderWritingTests : IDisposable
{
    private const string Text = "Once upon a time, naïve 🦙 </s>";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("ice_text.model")]
    [InlineData("qwen.tiktoken")] // what a file is, its content tells
    public void Every_writer_keeps_the_tokenizer_and_the_chat_template(string name) =>
        Kept(Checkout.Path("samples/base"), "tokenizer.json", name);

    [Theory]
    [InlineData("ice_text.model")]
    [InlineData("spiece.model")]
    public void Every_writer_keeps_a_sentence_piece_model_of_any_name(string name) =>
        Kept(ReferenceData.Path("data/derived/stories260K-hf"), "tokenizer.model", name);

    private void Kept(string original, string tokenizer, string name)
    {
        var source = _folder.File("source");
        Directory.CreateDirectory(source);
        foreach (var file in Directory.GetFiles(original))
            File.Copy(file, Path.Combine(source, Path.GetFileName(file) is var own && own == tokenizer ? name : own));
        (string Name, string Text)[] beside =
        [
            ("chat_template.jinja", "{{ messages[0]['content'] }}"), ("chat_template.json", """{"chat_template": "{{ 1 }}"}"""),
            ("generation_config.json", """{"eos_token_id": [2, 7]}"""), ("tokenization_own.py", "pass\n"),
        ];
        foreach (var (file, text) in beside) File.WriteAllText(Path.Combine(source, file), text);
        var config = File.ReadAllText(Path.Combine(source, "config.json"));

        using (var wide = LanguageModel.Load(source, storage: ScalarType.Float32))
        using (var full = new FullTuning(wide.Model, config, Companions.Of(source))) full.Save(_folder.File("full"));
        QuantizedFolder.Write(source, _folder.File("quantized"), new QuantizationOptions(QuantizationType.Nf4));
        using var model = LanguageModel.Load(source);
        ModelExport.ToHuggingFace(model, _folder.File("exported"));
        using (var adapted = LanguageModel.Load(source))
        {
            using var lora = Lora.Attach(adapted.Model, new LoraConfig { Rank = 2, TargetModules = ["q_proj"] }, seed: 1);
            ModelExport.ToHuggingFace(adapted, _folder.File("merged"));
        }
        foreach (var written in (string[])["full", "quantized", "exported", "merged"])
        {
            foreach (var file in beside.Select(b => b.Name).Append(name).Append("tokenizer_config.json"))
                Assert.True(File.ReadAllBytes(Path.Combine(source, file))
                    .SequenceEqual(File.ReadAllBytes(_folder.File($"{written}/{file}"))), $"{written}/{file}");
            using var loaded = LanguageModel.Load(_folder.File(written));
            Assert.Equal(model.Tokenizer.Encode(Text), loaded.Tokenizer.Encode(Text));
            Assert.Equal(name, Path.GetFileName(loaded.Tokenizer.Path));
            Assert.Equal(model.EndTokens, loaded.EndTokens);
            Assert.InRange(LogitComparison.Of(model, loaded).Relative, 0, written == "quantized" ? 0.7 : 1e-4);
        }
        Assert.Equal(config, File.ReadAllText(_folder.File("full/config.json")));
    }

    [Fact]
    public void Full_tuning_saves_and_restores_every_weight_in_the_types_asked_for()
    {
        using var scope = NewDisposeScope();
        using var model = new TinyModel().Build();
        using var tuning = new FullTuning(model, new TinyModel().Config, []);
        var before = tuning.Parameters.ToDictionary(p => p.Key, p => p.Value.detach().clone());
        tuning.Save(_folder.File("wide"));
        tuning.Save(_folder.File("narrow"), ScalarType.BFloat16);
        tuning.Save(_folder.File("narrow")); // over what is there
        tuning.Save(_folder.File("narrow"), ScalarType.BFloat16);
        using (no_grad())
            foreach (var weight in tuning.Parameters.Values) weight.PlusInPlace(ones(weight.shape));
        using (no_grad()) tuning.Restore(_folder.File("wide"));
        foreach (var (name, weight) in tuning.Parameters) Assert.Equal(0, Golden.Difference(before[name], weight));
        using var narrow = ModelFolder.Open(_folder.File("narrow"));
        Assert.Equal(before.Keys.Order(), narrow.Entries.Keys.Order());
        foreach (var (name, weight) in before)
            Tensors.AssertSame(weight.dim() > 1 ? weight.to(ScalarType.BFloat16) : weight, narrow.Read(name), name);
    }

    [Fact]
    public void Shards_and_one_file_hold_the_same_and_one_takes_the_place_of_the_other()
    {
        using var model = new TinyModel().Build();
        List<ExportTensor> weights =
            [.. model.Parameters.Select(p => new ExportTensor(p.Key, p.Value.dtype, p.Value.shape, () => p.Value.alias()))];
        CompanionFile[] config = [CompanionFile.Of("config.json", new TinyModel().Config)];
        foreach (var (bytes, isWhole) in new[] { (long.MaxValue, true), (30_000, false), (long.MaxValue, true), (1, false) })
        {
            HuggingFaceFolder.WriteInto(_folder.File("m"), weights, config, bytes);
            using var read = ModelFolder.Open(_folder.File("m"));
            Assert.Equal(isWhole, File.Exists(_folder.File("m/model.safetensors")));
            Assert.Equal(!isWhole, File.Exists(_folder.File("m/model.safetensors.index.json")));
            Assert.Equal(model.Parameters.Keys.Order(), read.Entries.Keys.Order());
            foreach (var (name, weight) in model.Parameters) Tensors.AssertSame(weight, read.Read(name), name);
            foreach (var file in Directory.GetFiles(_folder.File("m"), "model-*").Where(_ => bytes == 30_000))
                Assert.InRange(new FileInfo(file).Length, 1, Math.Max(30_000, weights.Max(w => w.ByteCount)) + 4096);
        }
        Assert.Equal(weights.Count, Directory.GetFiles(_folder.File("m"), $"model-*-of-{weights.Count:00000}.safetensors")
            .Length);
    }

    [Theory]
    [InlineData("model.norm.weight", "model.norm.weight", "model.norm.weight norm.weight")] // its own name first
    [InlineData("model.norm.weight", "norm.weight", "norm.weight weight")]
    [InlineData("norm.weight", "model.norm.weight", "model.norm.weight")]
    [InlineData("transformer.h.0.ln.bias", "h.0.ln.bias", "h.0.ln.bias")]                 // a bare base model
    [InlineData("transformer.h.0.ln.bias", "model.transformer.h.0.ln.bias", "model.transformer.h.0.ln.bias")]
    [InlineData("transformer.h.0.ln.bias", "model.h.0.ln.bias", "model.h.0.ln.bias")]
    [InlineData("transformer.h.0.ln.bias", null, "h.1.ln.bias")]
    [InlineData("lm_head.weight", null, "model.embed.weight")]
    public void Build_check_and_write_find_a_weight_by_the_same_names(string name, string? stored, string names)
    {
        var all = names.Split(' ').ToHashSet();
        Assert.Equal(stored, WeightNames.Find(name, all.Contains));
        Assert.Equal(stored ?? name, WeightNames.Stored(name, all.Contains));
    }

    [Theory]
    [InlineData("bloom", "transformer.", "")]
    [InlineData("bloom", "transformer.", "model.transformer.")]
    [InlineData("llama", "model.", "")]
    public void A_checkpoint_with_other_prefixes_is_read_and_written_under_its_own_names(string family, string prefix, string own)
    {
        var source = ReferenceData.Path($"golden/{family}/model");
        var renamed = _folder.File("renamed");
        string Renamed(string name) =>
            name.StartsWith(prefix, StringComparison.Ordinal) ? own + name[prefix.Length..] : name;
        using (var opened = ModelFolder.Open(source))
            HuggingFaceFolder.WriteInto(renamed, [.. opened.Entries.Values.Select(e =>
                new ExportTensor(Renamed(e.Name), e.DType, e.Shape, () => opened.Read(e.Name)))],
                [CompanionFile.Copy(Path.Combine(source, "config.json"))]);
        using var expected = LanguageModel.Load(source, ReferenceData.Path($"golden/{family}/lora"));
        using var adapted = LanguageModel.Load(renamed, ReferenceData.Path($"golden/{family}/lora"));
        Assert.Equal(0, LogitComparison.Of(expected, adapted).LargestDifference);
        ModelExport.ToHuggingFace(adapted, _folder.File("merged"));
        using var merged = ModelFolder.Open(_folder.File("merged"));
        Assert.Equal(adapted.Checkpoint.Entries.Keys.Order(), merged.Entries.Keys.Order());
    }

    [Fact]
    public void Another_tokenizer_takes_the_place_of_the_models_own()
    {
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), "own");
        File.WriteAllText(Path.Combine(model, "generation_config.json"), "{}");
        var other = _folder.File("other");
        Directory.CreateDirectory(other);
        File.Copy(Path.Combine(model, "tokenizer.json"), Path.Combine(other, "words.json"));
        IEnumerable<string> Names(string? of, string? with) => Companions.Of(of, with).Select(file => file.Name).Order();
        Assert.Equal(["chat_template.jinja", "generation_config.json", "tokenizer.json", "tokenizer_config.json"],
            Names(model, null));
        Assert.Equal(["chat_template.jinja", "generation_config.json", "tokenizer.json"],
            Names(model, Path.Combine(other, "words.json")));
        Assert.Equal(["tokenizer.json"], Names(null, Path.Combine(other, "words.json")));
        Assert.Equal(Names(model, null), Names(null, model)); // training from a configuration
        Assert.Empty(Names(null, null));
        Assert.DoesNotContain(Companions.Of(_folder.Path), file => TokenizerFiles.Has(file.Name));
    }
}
