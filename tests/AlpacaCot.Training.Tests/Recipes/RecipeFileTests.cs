using AlpacaCot.Configuration;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Tests.Recipes;

public sealed class RecipeFileTests
{
    private const string Full = """
        model: meta/llama-7b            # a comment
        template: alpaca
        data:
          - source: alpaca-cleaned.json
          - path: cot.json
            weight: 2.0
          - path: my-data.jsonl
            limit: 5000
            skip: 10
          - plain.json
        validation: [held-out.json]
        adapter: { method: lora, rank: 16, alpha: 32, dropout: 0.05, targets: [q_proj, v_proj], use_rslora: true }
        quantization: none
        training:
          epochs: 2.5
          batch_size: 64
          learning_rate: 3e-4
          warmup_steps: 100
          schedule: cosine
          cutoff_length: 256
          train_on_inputs: true
          seed: 7
        output: runs/alpaca-lora-7b
        """;

    [Fact]
    public void Reads_every_part()
    {
        var recipe = RecipeFile.Parse(Full, "r.yaml");
        Assert.Equal("meta/llama-7b", recipe.Model.Path);
        Assert.Equal(["alpaca-cleaned.json", "cot.json", "my-data.jsonl", "plain.json"], recipe.Data.Select(d => d.Path));
        Assert.Equal(new DataSpec { Path = "my-data.jsonl", Limit = 5000, Skip = 10, Line = 7 }, recipe.Data[2]);
        Assert.Equal(2.0, recipe.Data[1].Weight);
        Assert.Equal("held-out.json", Assert.Single(recipe.Validation).Path);
        var lora = Assert.IsType<LoraConfig>(recipe.Adapter.Config);
        Assert.Equal(["q_proj", "v_proj"], lora.Targets.Modules);
        Assert.Equal(new LoraConfig { Rank = 16, Alpha = 32, Dropout = 0.05, UseRsLora = true, Targets = lora.Targets }, lora);
        Assert.Equal("lora", recipe.Adapter.Method);
        Assert.Equal(new TrainingOptions
        {
            Epochs = 2.5, BatchSize = 64, LearningRate = 3e-4, WarmupSteps = 100, Schedule = LearningRateSchedule.Cosine,
            CutoffLength = 256, TrainOnInputs = true, Seed = 7,
        }, recipe.Training);
        Assert.Equal("runs/alpaca-lora-7b", recipe.Output);
    }

    [Fact]
    public void Data_says_its_format_and_its_own_names()
    {
        var recipe =
            RecipeFile.Parse("model: m\ndata:\n  - { path: d.csv, format: pairs, columns: { instruction: 问, output: a b } }\n"
            + "output: o", "r");
        var data = Assert.Single(recipe.Data);
        Assert.Equal("pairs", data.Format);
        Assert.Equal([new("instruction", "问"), new("output", "a b")], data.Columns);
        Assert.Equal(data.Columns, Assert.Single(RecipeFile.Parse(RecipeFile.Write(recipe), "w").Data).Columns);
        var wrong = Assert.Throws<AlpacaCot.Text.InputException>(() =>
            RecipeFile.Parse("model: m\ndata: { path: d.csv, format: pears, columns: { instrction: q } }\noutput: o",
                "r")).Message;
        Assert.Contains("found pears, allowed is alpaca or pairs", wrong, StringComparison.Ordinal);
        Assert.Contains("no field 'instrction'; Did you mean \"instruction\"?", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void Short_forms_mean_the_same_as_long_ones()
    {
        var recipe = RecipeFile.Parse("model: { init: c.json, tokenizer: t }\ndata: d.json\nadapter: none\nsave_dtype: " +
            "bfloat16\noutput: o", "r");
        Assert.Equal(new ModelSpec { Init = "c.json", Tokenizer = "t" }, recipe.Model);
        Assert.Equal("d.json", Assert.Single(recipe.Data).Path);
        Assert.Equal("none", recipe.Adapter.Method);
        Assert.True(recipe.TrainsAllParameters);
        Assert.Equal(SavedType.BFloat16, recipe.SaveDtype);
    }

    [Fact]
    public void Null_is_the_default_and_a_small_batch_is_one_micro_batch()
    {
        var recipe = RecipeFile.Parse("model: m\ndata: [d]\noutput: o\ntraining: { max_steps: null, epochs: ~, seed: , " +
            "batch_size: 2 }", "r");
        Assert.Equal(new TrainingOptions { BatchSize = 2, MicroBatchSize = 2 }, recipe.Training);
    }

    [Theory]
    [InlineData(Full)]
    [InlineData("model: { init: c.json, tokenizer: t }\ndata: d.json\nadapter: none\nsave_dtype: float32\noutput: o")]
    [InlineData("model: m\ndata: [d]\noutput: o\ntraining: { max_steps: 5, warmup_ratio: 0.03 }\nadapter: { targets: " +
        "all-linear }")]
    [InlineData("model: \"C:\\\\models\\\\a, b: {c} # d\"\ndata: ['数据 1.json', \"a\\nb\", 'null', '1', '- x', '\"q\"', '*s', " +
        "'\\n']\noutput: ' o '")]
    public void What_is_written_reads_back_the_same(string yaml)
    {
        var first = RecipeFile.Parse(yaml, "r.yaml");
        var text = RecipeFile.Write(first);
        var second = RecipeFile.Parse(text, "again.yaml");
        Assert.Equal(first.Model, second.Model);
        Assert.Equal(first.Template, second.Template);
        Assert.Equal(first.Data.Select(d => d with { Line = 0 }), second.Data.Select(d => d with { Line = 0 }));
        Assert.Equal(first.Validation.Select(d => d with { Line = 0 }), second.Validation.Select(d => d with { Line = 0 }));
        Assert.Equal(first.Adapter.Config?.Targets.Modules, second.Adapter.Config?.Targets.Modules);
        Assert.Equal(first.Adapter.Config?.Targets.Pattern, second.Adapter.Config?.Targets.Pattern);
        Assert.Equal((first.Adapter.Method, first.Adapter.Config), (second.Adapter.Method, second.Adapter.Config is { } config
            ? config with { Targets = first.Adapter.Config!.Targets } : null));
        Assert.Equal(first.Training, second.Training);
        Assert.Equal((first.Output, first.SaveDtype, first.Quantization), (second.Output, second.SaveDtype, second.Quantization));
        Assert.Equal(text, RecipeFile.Write(second));
    }

    public static TheoryData<string> Methods => [.. AdapterMethods.Names];

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_method_is_written_with_its_settings_and_reads_back_the_same(string method)
    {
        var start = AdapterRecipe.Of(method);
        Assert.Equal(start.Config, AdapterRecipe.Parse(method).Config);
        Assert.Equal(start.ToString(), AdapterRecipe.Parse(start.ToString()).ToString());
        var small = MethodCases.Recipe(method);
        Assert.Equal(small.ToString(), AdapterRecipe.Parse(small.ToString()).ToString());
        Assert.StartsWith($"{{ method: {method}", small.ToString(), StringComparison.Ordinal);
        // As a file too: the same settings, in PEFT's names.
        var saved = small.Config!.ToJson();
        Assert.Equal(saved, AdapterConfig.FromJson(saved, "c").ToJson());
    }

    [Theory]
    [InlineData("{ method: rslora, use_rslora: false }", "{ method: rslora, rank: 8, alpha: 16, use_rslora: false }")]
    [InlineData("rslora", "{ method: rslora, rank: 8, alpha: 16, use_rslora: true }")]
    [InlineData("{ dropout: 0, bias: none, use_rslora: false }", "{ method: lora, rank: 8, alpha: 16 }")]
    [InlineData("{ method: lora_plus, lora_plus_ratio: 1 }", "{ method: lora_plus, rank: 8, alpha: 16, lora_plus_ratio: 1 }")]
    [InlineData("{ method: houlsby, layers: [0, 1], scale: 2 }",
        "{ method: houlsby, layers: [0, 1], size: 64, activation: tanh, scale: 2 }")]
    [InlineData("{ layers: 1, targets: '.*_proj' }", "{ method: lora, rank: 8, alpha: 16, targets: [\".*_proj\"], layers: [1] }")]
    [InlineData("none", "none")]
    public void An_adapter_is_written_as_short_as_it_can_be_read(string yaml, string written)
    {
        Assert.Equal(written, AdapterRecipe.Parse(yaml).ToString());
        Assert.Equal(written, AdapterRecipe.Parse(written).ToString());
    }

    [Fact]
    public void Bottleneck_adapters_on_some_blocks_are_saved_with_those_blocks()
    {
        var config = AdapterRecipe.Parse("{ method: houlsby, layers: [1] }").Config!;
        Assert.Equal([1], AdapterConfig.FromJson(config.ToJson(), "c").Targets.Layers!);
        Assert.DoesNotContain("layers", AdapterRecipe.Of("houlsby").Config!.ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public void Overrides_win_and_open_short_forms()
    {
        var recipe = RecipeFile.Parse(Full, "r.yaml",
            ["training.learning_rate=1e-5", "training.learning_rate=1e-4", "adapter.rank=2", "data.3.limit=9", "data[0].weight=3",
             "model.tokenizer=t", "validation=null", "output=elsewhere", "training.max_steps=4", "adapter.targets=[o_proj]"]);
        Assert.Equal(1e-4, recipe.Training.LearningRate);
        var lora = Assert.IsType<LoraConfig>(recipe.Adapter.Config);
        Assert.Equal((2, 9, 3.0), (lora.Rank, recipe.Data[3].Limit, recipe.Data[0].Weight));
        Assert.Equal(new ModelSpec { Path = "meta/llama-7b", Tokenizer = "t" }, recipe.Model);
        Assert.Empty(recipe.Validation);
        Assert.Equal(("elsewhere", 4), (recipe.Output, recipe.Training.MaxSteps));
        Assert.Equal(["o_proj"], lora.Targets.Modules);
    }

    [Fact]
    public void Paths_are_relative_to_the_recipe_and_overridden_paths_to_the_current_folder()
    {
        var folder = Directory.CreateTempSubdirectory("recipe").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "m"));
        File.WriteAllText(Path.Combine(folder, "d.json"), "[]");
        var path = Path.Combine(folder, "r.yaml");
        File.WriteAllText(path, "\ufeffmodel: m\ndata: [d.json]\noutput: runs/x\n");
        var recipe = RecipeFile.Load(path);
        Assert.Equal((Path.Combine(folder, "m"), Path.Combine(folder, "d.json")), (recipe.Model.Path, recipe.Data[0].Path));
        Assert.Equal("runs/x", recipe.Output);
        var here = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder);
        Assert.Equal(folder, RecipeFile.Load(path, [$"model={here}"]).Model.Path);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Every_documented_key_is_accepted_with_its_documented_default()
    {
        Assert.Equal(RecipeFile.Keys.Count, RecipeFile.Keys.Select(k => k.Name).Distinct().Count());
        foreach (var key in RecipeFile.Keys)
        {
            var value = key.Default.Length > 0 ? key.Default : Example(key);
            var name = key.Name.StartsWith("data.", StringComparison.Ordinal)
                ? key.Name.Replace("data.", "data.0.", StringComparison.Ordinal) : key.Name;
            var yaml = key.Name switch
            {
                "model.init" => "model: { tokenizer: t }\ndata: [{}]\noutput: o\nadapter: none",
                "data.path" or "data.source" => "model: m\ndata: [{}]\noutput: o",
                "data.share" => "model: m\ndata: [d, e]\noutput: o",
                "save_dtype" => "model: m\ndata: [d]\noutput: o\nadapter: none",
                "adapter.loftq_iterations" => "model: m\ndata: [d]\noutput: o\nadapter: loftq\nquantization: nf4",
                "training.momentum" => "model: m\ndata: [d]\noutput: o\ntraining: { optimizer: sgd }",
                _ when key.Name.StartsWith("training.galore", StringComparison.Ordinal) =>
                    "model: m\ndata: [d]\noutput: o\nadapter: none\ntraining: { optimizer: galore }",
                "training.eval_steps" or "training.early_stopping" =>
                    "model: m\ndata: [d]\noutput: o\ntraining: { validation_size: 1 }",
                "training.early_stopping_min_delta" =>
                    "model: m\ndata: [d]\noutput: o\ntraining: { validation_size: 1, early_stopping: 3 }",
                _ when key.Name.StartsWith("adapter.", StringComparison.Ordinal)
                    && AdapterMethods.Names.FirstOrDefault(m => AdapterMethods.Named(m)!.KeysOf(m)
                        .Contains(key.Name["adapter.".Length..])) is { } method =>
                    $"model: m\ndata: [d]\noutput: o\nadapter: {method}",
                _ => "model: m\ndata: [d]\noutput: o",
            };
            if (key.Name == "model.init") yaml = yaml.Replace("[{}]", "[d]", StringComparison.Ordinal);
            RecipeFile.Parse(yaml, "r.yaml", [$"{name}={value}"]);
            Assert.NotEmpty(key.Meaning);
        }
    }

    private static string Example(DocumentedKey key) => key.Allowed.Split(' ')[0] switch
    {
        "a" when key.Allowed.StartsWith("a whole", StringComparison.Ordinal) => "3",
        "a" when key.Allowed.StartsWith("a number", StringComparison.Ordinal) =>
            key.Allowed.Contains("from 1", StringComparison.Ordinal) ? "2" : "0.5",
        "a" when key.Allowed.StartsWith("a list of numbers", StringComparison.Ordinal) => "[0]",
        "a" when key.Allowed.StartsWith("a list of system", StringComparison.Ordinal) => "[tool]",
        "a" when key.Allowed.StartsWith("a map such as { q_proj", StringComparison.Ordinal) => "{ q_proj: 2 }",
        "a" when key.Allowed.StartsWith("a map", StringComparison.Ordinal) => "{}",
        "lora" => "lora",
        "all-linear," => "all-linear",
        var first when first.Length > 2 && key.Allowed.StartsWith(first + " or ", StringComparison.Ordinal) => first,
        _ => "something",
    };
}
