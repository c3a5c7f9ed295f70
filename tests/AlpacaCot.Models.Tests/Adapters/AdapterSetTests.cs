using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Adapters;

/// <summary>Several adapters on one model: switched, combined, and refused where they do not fit.</summary>
public sealed class AdapterSetTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();
    private readonly CausalModel _model = new TinyModel().Build();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Switching_gives_what_each_alone_gives_and_the_base_back()
    {
        var plain = Logits();
        var one =
            Saved("one", new LoraConfig { Rank = 4, Targets = Targets.Of("q_proj", "up_proj"), ModulesToSave = ["lm_head"] });
        var two = Saved("two", new PrefixTuningConfig { Tokens = 3 });
        var three = Saved("three", new LayerNormConfig());
        using (var set = new AdapterSet(_model))
        {
            foreach (var (name, _) in (ReadOnlySpan<(string, Tensor)>)[one, two, three]) set.Load(name, _folder.File(name));
            foreach (var (name, logits) in (ReadOnlySpan<(string, Tensor)>)[two, one, three, one, two])
            {
                set.Use(name);
                Assert.Equal(0, Golden.Difference(logits, Logits()));
                Assert.True(Golden.Difference(logits, plain) > 1e-3, "control: it does something");
            }
            set.Use(null);
            Assert.Equal(0, Golden.Difference(plain, Logits()));
            Assert.Contains("\"three\"", Assert.Throws<InputException>(() => set.Use("thre")).Message, StringComparison.Ordinal);
        }
        Assert.Equal(0, Golden.Difference(plain, Logits()));
    }

    [Theory]
    [InlineData(LoraCombinationKind.Cat, 1e-5)]
    [InlineData(LoraCombinationKind.Svd, 1e-4)] // at the sum of the ranks
    public void A_weighted_sum_of_updates_is_one_adapter(LoraCombinationKind kind, double tolerance)
    {
        Saved("one", new LoraConfig { Rank = 4, Alpha = 8, Targets = Targets.Of("q_proj", "v_proj") });
        Saved("two", new LoraConfig { Rank = 2, Alpha = 8, UseRsLora = true, Targets = Targets.Of("q_proj") });
        using var set = new AdapterSet(_model);
        set.Load("one", _folder.File("one"));
        set.Load("two", _folder.File("two"));
        set.Combine("both", [("one", 0.5), ("two", 1.5)], kind, kind == LoraCombinationKind.Svd ? 6 : null);
        var query = _model.Linears["model.layers.1.self_attn.q_proj"];
        var wanted = query.Values().Plus(Update("one") * Number(0.5)).Plus(Update("two") * Number(1.5));
        set.Use("both");
        Assert.InRange(Golden.RelativeDifference(query.Adapter!.Merged(query).Weight, wanted), 0, tolerance);

        Tensor Update(string name)
        {
            set.Use(name);
            return query.Adapter!.Merged(query).Weight - query.Values();
        }
    }

    [Fact]
    public void A_linear_combination_adds_factors_of_one_rank()
    {
        Saved("one", new LoraConfig { Rank = 4, Alpha = 8, Targets = Targets.Of("q_proj") });
        Saved("two", new LoraConfig { Rank = 2, Targets = Targets.Of("q_proj") });
        using var set = new AdapterSet(_model);
        set.Load("one", _folder.File("one"));
        set.Load("two", _folder.File("two"));
        set.Combine("twice", [("one", 0.5), ("one", 0.5)], LoraCombinationKind.Linear); // (√½ + √½)² = 2 of it
        var query = _model.Linears["model.layers.0.self_attn.q_proj"];
        set.Use("one");
        var once = query.Adapter!.Merged(query).Weight - query.Values();
        set.Use("twice");
        Assert.InRange(Golden.RelativeDifference(query.Adapter!.Merged(query).Weight, query.Values().Plus(once * Number(2))), 0,
            1e-5);
        Assert.Contains("different ranks", Assert.Throws<InputException>(
            () => set.Combine("x", [("one", 1), ("two", 1)], LoraCombinationKind.Linear)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_another_model_names_the_tensors_that_do_not_fit()
    {
        Saved("lora", new LoraConfig { Rank = 2, Targets = Targets.Of("q_proj") });
        using var narrow = new TinyModel(Hidden: 16).Build();
        var fault = Assert.Throws<InputException>(() => AdapterMethods.Load(narrow, _folder.File("lora"))).Message;
        Assert.Contains("model.layers.0.self_attn.q_proj.lora_A.weight is [2, 32], this model needs [2, 16]", fault,
            StringComparison.Ordinal);
        using var shallow = new TinyModel(Layers: 1).Build();
        fault = Assert.Throws<InputException>(() => AdapterMethods.Load(shallow, _folder.File("lora"))).Message;
        Assert.Contains("model.layers.1.self_attn.q_proj.lora_A.weight does not exist in this model", fault,
            StringComparison.Ordinal);
        foreach (var real in (string[])["gemma3_270m_r4_f32", "gpt2_seqcls_r8_f32"])
            Assert.Throws<InputException>(() => AdapterMethods.Load(_model, ReferenceData.Path($"data/peft/{real}")));
    }

    [Fact]
    public void Writing_over_an_adapter_leaves_no_trace_of_the_old_one_and_a_broken_write_none_of_the_new()
    {
        var (_, first) = Saved("adapter", new LoraConfig { Rank = 2, Targets = Targets.Of("q_proj") });
        var (_, second) = Saved("adapter", new LoraConfig { Rank = 4, Targets = Targets.Of("v_proj") });
        using (AdapterMethods.Load(_model, _folder.File("adapter"))) Assert.Equal(0, Golden.Difference(second, Logits()));
        Assert.True(Golden.Difference(first, second) > 1e-3);
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"],
            Directory.GetFileSystemEntries(_folder.File("adapter")).Select(Path.GetFileName).Order());
    }

    // A trained adapter's folder, and the logits it gives.
    private (string Name, Tensor Logits) Saved(string name, AdapterConfig config)
    {
        using var adapter = AdapterMethods.Attach(_model, config, seed: name.Length);
        using (no_grad()) foreach (var weight in adapter.Parameters.Values) weight.add_(randn_like(weight), alpha: Number(0.1));
        adapter.Save(_folder.File(name));
        return (name, Logits());
    }

    private Tensor Logits()
    {
        using var quiet = no_grad();
        return _model.Logits(new ModelInput(tensor(new long[] { 5, 9, 200, 31, 7, 7 }, [1, 6])));
    }
}
