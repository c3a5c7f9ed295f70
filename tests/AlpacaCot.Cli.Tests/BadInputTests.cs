using System.Buffers.Binary;
using System.Text;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.Tests;

/// <summary>Bad input: one clear message that names the place, exit code 2, and nothing written.</summary>
public sealed class BadInputTests(BadInputTests.World world) : IClassFixture<BadInputTests.World>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Control_the_recipe_itself_is_good() => Assert.Equal(ExitCode.Done, (await Train()).Code);

    [Fact]
    public async Task A_recipe_with_an_unknown_key() =>
        Refused(await Train(extra: "traning: { epochs: 2 }"), "r.yaml:", "'traning'", "did you mean training?");

    [Fact]
    public async Task A_missing_model_folder() =>
        Refused(await Train(model: _folder.File("nowhere")), "r.yaml:", _folder.File("nowhere"));

    [Fact]
    public async Task A_model_folder_without_weights_or_configuration()
    {
        var model = Copy();
        File.Delete(Path.Combine(model, "model.safetensors"));
        Refused(await Train(model: model), model);
        File.Delete(Path.Combine(model, "config.json"));
        Refused(await Train(model: model), model, "config.json");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)] // within the header's length
    [InlineData(100)] // within the header
    [InlineData(-1)] // the last byte is missing
    public async Task A_safetensors_file_cut_short(int length)
    {
        var model = Copy();
        var path = Path.Combine(model, "model.safetensors");
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, length >= 0 ? bytes[..length] : bytes[..^1]);
        Refused(await Train(model: model), "model.safetensors");
        Refused(await CommandLine.Run("score", "--model", model, "--input-ids", "1,2"), "model.safetensors");
    }

    [Theory]
    [InlineData("the header is longer than the file")]
    [InlineData("a tensor ends behind the file")]
    [InlineData("a shape is larger than its bytes")]
    [InlineData("a shape overflows")]
    [InlineData("two tensors share bytes")]
    [InlineData("a size is negative")]
    public async Task A_safetensors_header_that_lies_about_sizes(string how)
    {
        var model = Copy();
        var path = Path.Combine(model, "model.safetensors");
        var bytes = File.ReadAllBytes(path);
        var size = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var header = Encoding.UTF8.GetString(bytes, 8, size);
        var lie = how switch
        {
            "a tensor ends behind the file" => Replace("\"data_offsets\":[0,", "\"data_offsets\":[0,9"),
            "a shape is larger than its bytes" => Replace("\"shape\":[", "\"shape\":[7,"),
            "a shape overflows" => Replace("\"shape\":[", "\"shape\":[4611686018427387904,4611686018427387904,"),
            "a size is negative" => Replace("\"shape\":[", "\"shape\":[-"),
            "two tensors share bytes" =>
                System.Text.RegularExpressions.Regex.Replace(header, "(\"data_offsets\":)\\[\\d+,(\\d+)\\]", "$1[0,$2]"),
            _ => header,
        };
        if (how == "the header is longer than the file") BinaryPrimitives.WriteInt64LittleEndian(bytes, long.MaxValue - 3);
        else
        {
            Assert.NotEqual(header, lie);
            var text = Encoding.UTF8.GetBytes(lie);
            var length = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
            bytes = [.. length, .. text, .. bytes.AsSpan(8 + size)];
        }
        File.WriteAllBytes(path, bytes);
        Refused(await Train(model: model), "model.safetensors");

        string Replace(string what, string by) => header.IndexOf(what, StringComparison.Ordinal) is var at and >= 0
            ? header[..at] + by + header[(at + what.Length)..] : header;
    }

    [Theory]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b\"}, {\"instruction\": \"c\", \"out", "d.json", "record 2")]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b\"}", "d.json", "")]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b\"}, {\"instruction\": \"c\"}]", "record 2", "output")]
    [InlineData("{\"instruction\": \"a\", \"output\": \"b\"}\n{\"instruction\": \"c\", \"inp", "d.json", "2")]
    [InlineData("[]", "no records", "")]
    [InlineData("", "d.json", "")]
    public async Task Data_cut_in_the_middle_or_without_output(string content, string what, string where) =>
        Refused(await Train(data: _folder.Write("d.json", content)), what, where);

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    public async Task A_json_file_of_the_model_cut_in_the_middle(string name)
    {
        var model = Copy();
        var text = File.ReadAllText(Path.Combine(model, name));
        File.WriteAllText(Path.Combine(model, name), text[..(text.Length / 2)]);
        Refused(await Train(model: model), name);
        if (name != "config.json") return;
        Refused(await Train(model: $"{{ init: {model}/config.json, tokenizer: {model} }}", extra: "adapter: none"), name);
    }

    [Fact]
    public async Task A_tokenizer_that_does_not_match_the_vocabulary()
    {
        var model = new TinyModel(Vocabulary: 270).WriteFolder(_folder.File("small"));
        foreach (var file in Directory.GetFiles(world.Model, "tokenizer*"))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)), overwrite: true);
        Assert.True(Tokenizer.Load(model).VocabularySize > 270);
        Refused(await Train(model: model), "tokenizer", "270");
        Refused(await CommandLine.Run("generate", "--model", model, "--text", "x"), "tokenizer", "270");
        Refused(await Train(model: $"{{ path: {model}, tokenizer: {world.Model} }}"), "tokenizer", "270");
    }

    [Theory]
    [InlineData(64, 2)] // wider
    [InlineData(32, 1)] // fewer layers than the model
    [InlineData(32, 3)] // more layers
    public async Task An_adapter_for_another_model(int hidden, int layers)
    {
        using var other = new TinyModel(Hidden: hidden, Layers: layers).Build();
        using (var adapter = Lora.Attach(other, new LoraConfig { Rank = 2, TargetModules = ["q_proj"] }, 1))
            adapter.Save(_folder.File("adapter"));
        var logits = _folder.File("logits.safetensors");
        Refused(await CommandLine.Run("generate", "--model", world.Model, "--adapter", _folder.File("adapter"), "--text", "x"),
            _folder.File("adapter"));
        Refused(await CommandLine.Run("score", "--model", world.Model, "--adapter", _folder.File("adapter"), "--input-ids", "1,2",
            "--logits-out", logits), _folder.File("adapter"));
        Assert.False(File.Exists(logits));
    }

    [Theory]
    [InlineData("adapter_config.json", 0.5)]
    [InlineData("adapter_config.json", 0)]
    [InlineData("adapter_model.safetensors", 0.5)]
    public async Task An_adapter_cut_short(string name, double share)
    {
        using var model = new TinyModel().Build();
        using (var adapter = Lora.Attach(model, new LoraConfig { Rank = 2, TargetModules = ["q_proj"] }, 1))
            adapter.Save(_folder.File("adapter"));
        var path = Path.Combine(_folder.File("adapter"), name);
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(int)(bytes.Length * share)]);
        Refused(await CommandLine.Run("score", "--model", world.Model, "--adapter", _folder.File("adapter"), "--input-ids",
            "1,2"),
            name);
    }

    [Theory]
    [InlineData("hidden_size", "\"wide\"")]
    [InlineData("rms_norm_eps", "\"small\"")]
    [InlineData("num_hidden_layers", "null")]
    [InlineData("vocab_size", "1.5")]
    [InlineData("model_type", "\"unheard-of\"")]
    public async Task A_configuration_with_a_value_that_cannot_be(string key, string value)
    {
        var path = Path.Combine(Copy(), "config.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json[key] = System.Text.Json.Nodes.JsonNode.Parse(value);
        File.WriteAllText(path, json.ToJsonString());
        Refused(await Train(model: Path.GetDirectoryName(path)), "config.json", key);
    }

    [Fact]
    public async Task A_base_with_a_weight_that_is_no_number()
    {
        const string name = "model.layers.0.self_attn.q_proj.weight";
        var model = Copy();
        using (var tiny = new TinyModel().Build())
        {
            tiny.Parameters[name][0, 3] = float.NaN;
            SafetensorsWriter.Write(Path.Combine(model, "model.safetensors"), [.. tiny.Parameters.Select(p => (p.Key, p.Value))]);
        }
        string[] words = [name + " is NaN or infinite at [0, 3]", "download it again"];
        Refused(await Train(model: model), words);
        Refused(await CommandLine.Run("score", "--model", model, "--input-ids", "1,2"), words);
        Refused(await CommandLine.Run("export", "--model", model, "--format", "hf", "--out", _folder.File("run")), words);
    }

    [Fact]
    public async Task A_run_that_cannot_learn_fails_and_says_why()
    {
        var outcome = await Train(model: new TinyModel(Deviation: 1e30).WriteFolder(_folder.File("model")));
        Assert.Equal(ExitCode.Failed, outcome.Code);
        Assert.Contains("Step 1: the gradient's norm is NaN. Lower training.learning_rate", outcome.Error,
            StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(Path.Combine(_folder.File("run"), "adapter")));
    }

    private Task<Outcome> Train(string? model = null, string? data = null, string extra = "adapter: { rank: 2 }") =>
        CommandLine.Run("train", _folder.Write("r.yaml", $$"""
            model: {{model ?? world.Model}}
            data: [{{data ?? world.Data}}]
            {{extra}}
            training: { max_steps: 1, batch_size: 2, threads: 1 }
            output: {{_folder.File("run")}}
            """));

    private void Refused(Outcome outcome, params string[] parts)
    {
        outcome.Refused(parts);
        Assert.Single(outcome.Error.Split("error: ", StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_folder.File("run")), "nothing is written");
    }

    private string Copy()
    {
        var to = Directory.CreateDirectory(_folder.File("copy")).FullName;
        foreach (var file in Directory.GetFiles(world.Model)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return to;
    }

    /// <summary>A good model and good data.</summary>
    public sealed class World : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public World()
        {
            Model = new TinyModel().WriteFolder(_folder.File("model"));
            Data = _folder.Write("data.json", TinyModel.Records(4));
        }

        public string Model { get; }

        public string Data { get; }

        public void Dispose() => _folder.Dispose();
    }
}
