using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Adapters;

/// <summary>LoftQ makes up for as much of the quantization's error as a rank can, and is found again as it was left.</summary>
public sealed class LoftqTests : IDisposable
{
    private const int Rank = 6;
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public LoftqTests() => _path = new TinyModel(Hidden: 64).WriteFolder(_folder.File("model"));

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("nf4", 1)]
    [InlineData("fp4", 1)]
    [InlineData("int8", 1)]
    [InlineData("nf4", 4)]
    public void The_start_is_the_best_of_its_rank(string type, int iterations)
    {
        using var full = LanguageModel.Load(_path);
        using var quantized = Load(type);
        var model = quantized.Model;
        var (before, wanted) = (Logits(model), Logits(full.Model));
        var plain = model.Linears.Values.Where(l => l.IsQuantized).ToDictionary(l => l.Name, l => l.Values());
        using (var adapter = Lora.Attach(model, Config(iterations), seed: 1))
        {
            foreach (var (name, q) in plain)
            {
                var (w, layer) = (full.Model.Linears[name].Values(), model.Linears[name]);
                var (a, b) = (adapter.Parameters[$"{name}.lora_A.weight"], adapter.Parameters[$"{name}.lora_B.weight"]);
                var codes = layer.Values();
                var error = (w - codes - b.matmul(a) * Number(2)).norm().item<float>(); // alpha / r is 2
                Assert.InRange(error / BestOfRank(w - codes), 0.999, 1.001);
                var first = BestOfRank(w - q);
                if (iterations == 1) Assert.Equal(0, Golden.Difference(codes, q));
                else Assert.InRange(error / first, 0.5, 0.995); // the alternation goes on down
                // control: a rank of 6 of 64 makes up for some, not all
                Assert.InRange(first / (w - q).norm().item<float>(), 0.3, 0.9);
            }
            Assert.InRange(Golden.RelativeDifference(Logits(model), wanted) / Golden.RelativeDifference(before, wanted), 0, 0.95);
        }
        Assert.Equal(0, Golden.Difference(Logits(model), before)); // the base's own codes are back
    }

    [Theory]
    [InlineData("nf4", 1)]
    [InlineData("nf4", 3)]
    [InlineData("int8", 1)]
    public void What_is_saved_gives_the_same_logits_alone_and_merged(string type, int iterations)
    {
        Tensor wanted;
        using (var fresh = Load(type))
        {
            using var adapter = Lora.Attach(fresh.Model, Config(iterations), seed: 1);
            using (no_grad())
                foreach (var weight in adapter.Parameters.Values) weight.mul_(Number(1.01)); // as if it had learnt
            wanted = Logits(fresh.Model);
            adapter.Save(_folder.File("adapter"));
        }
        using (var again = Load(type, _folder.File("adapter")))
        {
            Assert.Equal(0, Golden.Difference(Logits(again.Model), wanted));
            again.Adapter!.Save(_folder.File("again"));
            Assert.Equal(File.ReadAllText(_folder.File("adapter/adapter_config.json")),
                File.ReadAllText(_folder.File("again/adapter_config.json")));
            ModelExport.ToHuggingFace(again, _folder.File("merged"));
        }
        using (var merged = LanguageModel.Load(_folder.File("merged")))
            Assert.InRange(Golden.RelativeDifference(Logits(merged.Model), wanted), 0, type == "int8" ? 0.05 : 1e-5);

        // PEFT drops loftq_config where init_lora_weights is not "loftq", and has a plain LoRA: the same after one iteration.
        var config = JsonNode.Parse(File.ReadAllText(_folder.File("adapter/adapter_config.json")))!.AsObject();
        Assert.True(config["init_lora_weights"]!.GetValue<bool>());
        Assert.Equal(type == "int8" ? 8 : 4, config["loftq_config"]!["loftq_bits"]!.GetValue<int>());
        config.Remove("loftq_config");
        File.WriteAllText(_folder.File("adapter/adapter_config.json"), config.ToJsonString());
        using var plain = Load(type, _folder.File("adapter"));
        Assert.Equal(iterations == 1, Golden.Difference(Logits(plain.Model), wanted) == 0);
    }

    [Fact]
    public void Another_base_is_refused_with_the_reason()
    {
        QuantizedFolder.Write(_path, _folder.File("stored"), new QuantizationOptions(QuantizationType.Nf4));
        using (var one = Load("nf4"))
        {
            using (var adapter = Lora.Attach(one.Model, Config(1), seed: 1)) adapter.Save(_folder.File("adapter"));
            using (var adapter = Lora.Attach(one.Model, Config(2), seed: 1)) adapter.Save(_folder.File("twice"));
        }
        Assert.Contains("none of the targets is quantized", Refusal(() => Attach(LanguageModel.Load(_path))));
        Assert.Contains("stored in nf4", Refusal(() => Attach(LanguageModel.Load(_folder.File("stored")))));
        Assert.Contains("this base is not quantized. Load the full model with --quantization nf4",
            Refusal(() => LanguageModel.Load(_path, _folder.File("adapter")).Dispose()));
        Assert.Contains("this base is in int8", Refusal(() => Load("int8", _folder.File("adapter")).Dispose()));
        Assert.Contains("needs the full model",
            Refusal(() => LanguageModel.Load(_folder.File("stored"), _folder.File("twice")).Dispose()));
        LanguageModel.Load(_folder.File("stored"), _folder.File("adapter")).Dispose(); // the same codes, stored

        static void Attach(LanguageModel model)
        {
            using (model) Lora.Attach(model.Model, Config(1), seed: 1).Dispose();
        }
    }

    private static string Refusal(Action what) => Assert.Throws<InputException>(what).Message;

    private static LoraConfig Config(int iterations) =>
        new() { Rank = Rank, Alpha = 2 * Rank, TargetPattern = Lora.AllLinear, Loftq = new LoftqConfig(iterations) };

    private LanguageModel Load(string type, string? adapter = null) =>
        LanguageModel.Load(_path, adapter, quantization: QuantizationOptions.Parse(type));

    // Eckart and Young: the root of the sum of the squares of the singular values that are left, here from the eigenvalues of E
    // Eᵀ.
    private static double BestOfRank(Tensor error)
    {
        var e = error.to(ScalarType.Float64);
        var squares = linalg.eigvalsh(e.shape[0] < e.shape[1] ? e.matmul(e.t()) : e.t().matmul(e)); // ascending
        return Math.Sqrt(squares.narrow(0, 0, squares.shape[0] - Rank).sum().item<double>());
    }

    private static Tensor Logits(CausalModel model)
    {
        using var quiet = no_grad();
        return model.Logits(new ModelInput(tensor(Enumerable.Range(0, 20).Select(i => i * 13L % 290).ToArray(), [1, 20])));
    }
}
