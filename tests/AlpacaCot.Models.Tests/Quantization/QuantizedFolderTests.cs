using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

/// <summary>Folders of quantized models: written, read back, read as bitsandbytes writes them, refused when damaged.</summary>
public sealed class QuantizedFolderTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("nf4", true), InlineData("fp4", false), InlineData("int8", false)]
    public void A_folder_computes_what_quantizing_while_loading_does(string form, bool doubleQuantization)
    {
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        var options = QuantizationOptions.Parse(form)! with { DoubleQuantization = doubleQuantization, Skip = ["o_proj"] };
        long last = 0, all = 0;
        QuantizedFolder.Write(model, _folder.File("q"), options, (done, of) => (last, all) = (done, of));
        Assert.Equal(all, last);
        using var written = LanguageModel.Load(_folder.File("q"));
        using var loaded = LanguageModel.Load(model, quantization: options);
        Assert.True(written.HasTokenizer);
        Assert.Equal(all, written.Model.ParameterCount);
        Assert.Equal(loaded.Model.Linears.Values.Select(l => l.IsQuantized),
            written.Model.Linears.Values.Select(l => l.IsQuantized));
        Assert.False(written.Model.Head.IsQuantized || written.Model.Linears["model.layers.1.self_attn.o_proj"].IsQuantized);
        Assert.True(written.Model.Linears["model.layers.1.self_attn.q_proj"].IsQuantized);
        var logits = Logits(written.Model);
        Assert.Equal(0, Golden.Difference(logits, Logits(loaded.Model)));
        using var full = LanguageModel.Load(model);
        Assert.InRange(Golden.RelativeDifference(logits, Logits(full.Model)), 1e-3, 0.5); // control: it is another model

        // The way back, in full precision.
        ModelExport.ToHuggingFace(written, _folder.File("back"));
        using var back = LanguageModel.Load(_folder.File("back"));
        Assert.False(back.Model.IsQuantized);
        Assert.InRange(Golden.RelativeDifference(Logits(back.Model), logits), 0, form == "int8" ? 0.05 : 1e-5);
    }

    [Fact]
    public void Shards_hold_the_same()
    {
        using var source = ModelFolder.Open(new TinyModel().WriteFolder(_folder.File("model")));
        var options = new QuantizationOptions(QuantizationType.Nf4);
        QuantizedFolder.Write(_folder.File("shards"), source.Config, new CheckpointWeights(source), options, [],
            shardBytes: 10_000);
        QuantizedFolder.Write(_folder.File("one"), source.Config, new CheckpointWeights(source), options, []);
        Assert.True(Directory.GetFiles(_folder.File("shards"), "model-*-of-*.safetensors").Length > 2);
        Assert.Equal(0, Golden.Difference(Logits(Load("shards")), Logits(Load("one"))));
    }

    [Fact]
    public void A_matrix_stored_as_inputs_by_outputs_turns_before_it_is_quantized()
    {
        var source = ReferenceData.Path("golden/gpt2/model");
        QuantizedFolder.Write(source, _folder.File("q"), new QuantizationOptions(QuantizationType.Nf4));
        using var opened = ModelFolder.Open(source);
        using var loaded = ModelFamilies.Build(opened.Config, new CheckpointWeights(opened),
            quantization: new QuantizationOptions(QuantizationType.Nf4));
        using var full = ModelFamilies.Build(opened.Config, new CheckpointWeights(opened));
        var name = full.Linears.Keys.First(k => k.Contains("c_fc", StringComparison.Ordinal));
        Assert.InRange(Golden.RelativeDifference(loaded.Linears[name].Matrix.Expand(), full.Linears[name].Weight), 0.01, 0.2);
        Assert.Equal(0, Golden.Difference(Logits(Load("q")), Logits(loaded)));
    }

    [Fact]
    public void The_tensors_of_a_matrix_are_those_that_bitsandbytes_writes()
    {
        var golden = Golden.Tensors("golden/bnb/bnb.safetensors");
        using var matrix = FourBitMatrix.Quantize(golden["W.f16"], QuantizationType.Nf4);
        var parts = BitsAndBytesFormat.Tensors("weight", matrix, ScalarType.Float16).ToDictionary(p => p.Name, p => p.Tensor);
        foreach (var name in (string[])["absmax", "quant_map", "nested_absmax", "nested_quant_map"])
        {
            Assert.Equal(golden["as_dict." + name].dtype, parts["weight." + name].dtype);
            Assert.True(golden["as_dict." + name].Equals(parts["weight." + name]), name);
        }
        const string State = "quant_state.bitsandbytes__nf4";
        Assert.True(JsonNode.DeepEquals(Parse(golden["as_dict." + State]), Parse(parts["weight." + State])));
        Assert.Equal(6, parts.Count);
        Assert.Equal([64 * 96 / 2, 1], parts["weight"].shape);

        static JsonNode? Parse(Tensor bytes) => JsonNode.Parse(bytes.data<byte>().ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        QuantizedFolder.Write(model, _folder.File("q"), new QuantizationOptions(QuantizationType.Nf4));
        Refused("quantized already",
            () => QuantizedFolder.Write(_folder.File("q"), _folder.File("q2"), new QuantizationOptions(QuantizationType.Int8)));
        Refused("already quantized",
            () => LanguageModel.Load(_folder.File("q"), quantization: new QuantizationOptions(QuantizationType.Nf4)));
        Refused("already exists and is not an empty folder",
            () => QuantizedFolder.Write(model, _folder.File("q"), new QuantizationOptions(QuantizationType.Nf4)));
        Assert.Equal(["model", "q"], Directory.GetDirectories(_folder.Path).Select(Path.GetFileName).Order());

        var path = Path.Combine(_folder.File("q"), "model.safetensors");
        var tensors = Read(path);
        const string Weight = "model.layers.0.self_attn.q_proj.weight";
        Damaged(Weight + ".absmax", null, $"lacks {Weight}.absmax");
        Damaged(Weight + ".absmax", zeros(3, ScalarType.Byte), "is needed");
        Damaged(Weight + ".quant_state.bitsandbytes__nf4", zeros(5, ScalarType.Byte), "not valid JSON");
        Damaged(Weight + ".quant_state.bitsandbytes__nf4", tensor("""{"shape":[8,8],"blocksize":64}"""u8.ToArray()),
            "before quantization");
        var config = Path.Combine(_folder.File("q"), "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("bitsandbytes", "gptq"));
        Refused("quantized by gptq", () => LanguageModel.Load(_folder.File("q")));

        void Damaged(string name, Tensor? value, string message)
        {
            SafetensorsWriter.Write(path, [.. tensors.Where(t => t.Key != name || value is not null)
                .Select(t => (t.Key, t.Key == name ? value! : t.Value))]);
            Refused(message, () => LanguageModel.Load(_folder.File("q")));
        }
        static void Refused(string message, Action action) =>
            Assert.Contains(message, Assert.Throws<InputException>(action).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, Tensor> Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Entries.Keys.ToDictionary(name => name, name => file.Read(name).clone());
    }

    private CausalModel Load(string name)
    {
        using var opened = ModelFolder.Open(_folder.File(name));
        return ModelFamilies.Build(opened.Config, new CheckpointWeights(opened));
    }

    private static Tensor Logits(CausalModel model)
    {
        using var quiet = no_grad();
        return model.Logits(new ModelInput(Range(1, 25, CPU).view(2, 12)));
    }
}
