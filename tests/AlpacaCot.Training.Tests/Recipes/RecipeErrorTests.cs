using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests.Recipes;

/// <summary>What a person reads when a recipe is wrong: file and line, the key, what was found, what is allowed.</summary>
public sealed class RecipeErrorTests
{
    private const string Start = "model: m\ndata: [d.json]\noutput: o\n"; // three lines; what a case adds starts at line 4

    [Theory]
    // unknown keys: typo, other tools' words, right word in the wrong place
    [InlineData("templat: alpaca", "r.yaml:4", "no key 'templat'", "did you mean template?")]
    [InlineData("training:\n  learning_rat: 1", "r.yaml:5", "training has no key 'learning_rat'", "did you mean learning_rate?")]
    [InlineData("training: { lr: 1e-3 }", "r.yaml:4", "'lr'", "did you mean learning_rate?")]
    [InlineData("adapter: { lora_r: 4 }", "r.yaml:4", "'lora_r'", "did you mean rank?")]
    [InlineData("learning_rate: 1e-3", "r.yaml:4", "'learning_rate'", "did you mean training.learning_rate?")]
    [InlineData("epochs: 3", "r.yaml:4", "'epochs'", "did you mean training.epochs?")]
    [InlineData("validation_size: 1", "r.yaml:4", "'validation_size'", "did you mean training.validation_size?")]
    [InlineData("training: { qqqqqqqq: 1 }", "r.yaml:4", "'qqqqqqqq'", "allowed are epochs, max_steps")]
    // wrong types
    [InlineData("training: { epochs: many }", "r.yaml:4", "training.epochs: found many", "a number above 0")]
    [InlineData("training: { batch_size: 1.5 }", "r.yaml:4", "training.batch_size: found 1.5", "a whole number from 1")]
    [InlineData("training: { batch_size: '8' }", "r.yaml:4", "found the text \"8\"", "without quotes")]
    [InlineData("training: { train_on_inputs: yes }", "r.yaml:4", "found yes", "true or false")]
    [InlineData("training: [1, 2]", "r.yaml:4", "training: found a list", "a map with the keys epochs")]
    [InlineData("template: { name: alpaca }", "r.yaml:4", "template: found a map (name: ...)", "the name of a prompt template")]
    [InlineData("adapter: { targets: { a: b } }", "r.yaml:4", "adapter.targets: found a map", "all-linear or a list")]
    [InlineData("adapter: { rank: [8] }", "r.yaml:4", "adapter.rank: found a list", "a whole number from 1")]
    // out of range
    [InlineData("training: { epochs: 0 }", "r.yaml:4", "training.epochs: found 0", "above 0")]
    [InlineData("training: { learning_rate: .inf }", "r.yaml:4", "found .inf", "at most 1")]
    [InlineData("training: { learning_rate: NaN }", "r.yaml:4", "found NaN", "at most 1")]
    [InlineData("training: { batch_size: 99999999999 }", "r.yaml:4", "found 99999999999", "a whole number from 1")]
    [InlineData("adapter: { dropout: 1 }", "r.yaml:4", "adapter.dropout: found 1", "below 1")]
    [InlineData("adapter: { rank: 0 }", "r.yaml:4", "adapter.rank: found 0", "from 1")]
    [InlineData("validation:\n  - path: v.json\n    limit: 0", "r.yaml:6", "validation.0.limit: found 0", "from 1")]
    // words
    [InlineData("training: { schedule: cosin }", "r.yaml:4", "found cosin", "did you mean cosine?")]
    [InlineData("mixture: { order: shufle }", "r.yaml:4", "mixture.order: found shufle", "did you mean shuffle?")]
    [InlineData("adapter: lor", "r.yaml:4", "adapter.method: found lor", "did you mean lora?")]
    [InlineData("quantization: int7", "r.yaml:4", "quantization: found int7", "did you mean int8?")]
    [InlineData("training: { optimizer: adam }", "r.yaml:4", "training.optimizer: found adam", "did you mean adamw?")]
    [InlineData("save_dtype: float16", "r.yaml:4", "found float16", "float32 or bfloat16")]
    [InlineData("device: gpu", "r.yaml:4", "found gpu", "auto, cpu, cuda or cuda:N")]
    [InlineData("dtype: float16", "r.yaml:4", "found float16", "float32 or bfloat16")]
    [InlineData("dtype: bfloat16\ntraining: { compute: bf16 }", "r.yaml:5", "training.compute: bf16", "remove one of them")]
    [InlineData("device: cuda:1\ntraining: { compute: int8 }", "r.yaml:5", "the device is cuda:1", "device: cpu")]
    [InlineData("training: { compute: fp16 }", "r.yaml:4", "training.compute: found fp16", "auto or fp32 or bf16 or int8")]
    [InlineData("training: { micro_batch_size: automatic }", "r.yaml:4", "found automatic", "a whole number from 1, or auto")]
    [InlineData("training: { micro_batch_size: 0 }", "r.yaml:4", "found 0", "a whole number from 1, or auto")]
    // combinations
    [InlineData("save_dtype: bfloat16", "r.yaml:4", "save_dtype", "adapter: none")]
    [InlineData("training: { warmup_steps: 1, warmup_ratio: 0.1 }", "r.yaml:4", "training.warmup_ratio", "keep one")]
    [InlineData("training: { batch_size: 4, micro_batch_size: 8 }", "r.yaml:4", "micro_batch_size: found 8", "batch_size, 4")]
    [InlineData("training: { eval_steps: 5 }", "r.yaml:4", "training.eval_steps", "validation_size")]
    [InlineData("validation: [v.json]\ntraining: { validation_size: 5 }", "r.yaml:5", "training.validation_size", "keep one")]
    [InlineData("adapter: { method: none, rank: 4 }", "r.yaml:4", "adapter.rank", "no effect")]
    [InlineData("adapter: none\nquantization: nf4", "r.yaml:5", "no gradient", "choose an adapter")]
    [InlineData("training: { optimizer: galore }", "r.yaml:4", "galore is for full tuning", "adapter: none")]
    [InlineData("training: { optimizer: lion, momentum: 0.9 }", "r.yaml:4", "training.momentum does not apply to optimizer lion",
        "sgd, muon")]
    [InlineData("adapter: { method: dora, loftq_iterations: 2 }", "r.yaml:4",
        "adapter.loftq_iterations has no effect with method: dora", "allowed keys: rank, alpha")]
    [InlineData("adapter: { method: adalora, rank: 4, target_rank: 6 }", "r.yaml:4",
        "adapter.target_rank: found 6", "starts with 4")]
    [InlineData("adapter: { rank: 4, method: lor }", "r.yaml:4", "adapter.method: found lor", "did you mean lora?")]
    [InlineData("adapter: { methd: lora }", "r.yaml:4", "adapter has no key 'methd'", "did you mean method?")]
    [InlineData("adapter: { rank_pattern: { q_proj: 1.5 } }", "r.yaml:4", "adapter.rank_pattern: found 1.5", "whole numbers")]
    [InlineData("adapter: { targets: [all-linear, q_proj] }", "r.yaml:4", "adapter.targets", "write it alone")]
    // YAML itself
    [InlineData("template: alpaca\ntemplate: other", "r.yaml:5", "template is given twice", "r.yaml:4")]
    [InlineData("template: &a alpaca", "r.yaml:4", "anchors", "")]
    [InlineData("template: !!str alpaca", "r.yaml:4", "tags", "")]
    [InlineData("? [a, b]\n: c", "r.yaml:4", "key", "plain word")]
    [InlineData("---\nmodel: n", "r.yaml:4", "second YAML document", "")]
    public void Says_where_what_and_what_instead(string lines, string place, string what, string instead)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse(Start + lines, "r.yaml")).Message;
        Assert.StartsWith(place, message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains(instead, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    // Mistakes of hands: what a person typed, with the line, a mark below the place, and what to type instead.
    [Theory]
    [InlineData("training: { epochs: 1", "r.yaml:4", "the bracket { is not closed; add }",
        "    training: { epochs: 1\n              ^")]
    [InlineData("training:\n\tepochs: 1", "r.yaml:5", "indented with a tab; use spaces", "    →epochs: 1\n    ^")]
    [InlineData("training:\n　epochs: 1", "r.yaml:5", "looks like a space; use ordinary spaces", "^")]
    [InlineData("template：alpaca", "r.yaml:4", "the colon after template is full-width (：); write an ordinary colon",
        "    template：alpaca\n            ^")]
    [InlineData("adapter:\n  rank：8", "r.yaml:5", "the colon after rank is full-width", "      rank：8\n          ^")]
    [InlineData("validation: [a.json，b.json", "r.yaml:4", "the comma ， is full-width; write an ordinary comma", "^")]
    [InlineData("validation: 【a: b】", "r.yaml:4", "the bracket 【 is full-width; write [", "^")]
    [InlineData("template: \"C:\\data\\x.json\"", "r.yaml:4", "in double quotes \\ begins an escape", "in single quotes")]
    [InlineData("template: \"alpaca", "r.yaml:4", "the quotation mark \" is not closed", "              ^")]
    [InlineData("template: 'alpaca", "r.yaml:4", "the quotation mark ' is not closed", "^")]
    [InlineData("validation: [a.json, b.json", "r.yaml:4", "the bracket [ is not closed; add ]", "^")]
    [InlineData("validation: [a.json}", "r.yaml:4", "} closes the [ of line 4, column 13; write ]", "^")]
    [InlineData("training:\n  epochs: 1\n   batch_size: 2", "r.yaml:6", "indented deeper than line 5", "remove 1 space")]
    [InlineData("training:\n    epochs: 1\n  batch_size: 2", "r.yaml:6", "indented by 2 spaces", "0, 4")]
    [InlineData("template: a: b", "r.yaml:4", "the value contains a colon and a space; put quotes around it", "^")]
    [InlineData("template:alpaca\ntraining: {}", "r.yaml:4", "a space is missing after the colon of template", "^")]
    [InlineData("template = alpaca\ntraining: {}", "r.yaml:4", "separated by a colon and a space", "^")]
    [InlineData("template: @home", "r.yaml:4", "needs quotes", "^")]
    public void A_mistake_of_hands_is_shown_with_its_place_and_remedy(string lines, string place, string what, string more)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse(Start + lines, "r.yaml")).Message;
        Assert.StartsWith(place, message, StringComparison.Ordinal);
        Assert.Contains("not valid YAML", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains(more, message, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", message, StringComparison.Ordinal);
        Assert.EndsWith("^", message, StringComparison.Ordinal);
    }

    // Valid YAML that means something else than its author: typographic quotes, control characters from "C:\new".
    [Theory]
    [InlineData("template: “alpaca”", "r.yaml:4", "quotation marks of “alpaca” are typographic")]
    [InlineData("adapter: { rank：8, alpha: 4 }", "r.yaml:4", "full-width colon")]
    [InlineData("training: { schedule: linear， }", "r.yaml:4", "full-width comma")]
    [InlineData("training: { learning_rate: 0,5, epochs: 1 }", "r.yaml:4", "'5'")]
    [InlineData("training: { epochs: 1_000 }", "r.yaml:4", "write 1000")]
    [InlineData("training: { epochs: ３ }", "r.yaml:4", "write 3")]
    [InlineData("training: { warmup_ratio: 10% }", "r.yaml:4", "write 0.1")]
    [InlineData("training: { max_steps: 1e3 }", "r.yaml:4", "write 1000")]
    public void A_text_that_means_something_else_is_told(string lines, string place, string what)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse(Start + lines, "r.yaml")).Message;
        Assert.Contains(place, message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("adapter: qlora", "QLoRA is adapter: lora with quantization: nf4")]
    [InlineData("qlora: true", "QLoRA is adapter: lora with quantization: nf4")]
    [InlineData("quantization: 4bit", "write quantization: nf4")]
    [InlineData("quantization: 8bit", "write quantization: int8")]
    [InlineData("load_in_4bit: true", "write quantization: nf4")]
    [InlineData("4bit: true", "write quantization: nf4")]
    [InlineData("adapter: prefix", "write adapter: prefix_tuning")]
    [InlineData("prefix: true", "write adapter: prefix_tuning")]
    [InlineData("lr: 1e-3", "did you mean training.learning_rate?")]
    [InlineData("epochs: 1", "did you mean training.epochs?")]
    [InlineData("batch: 8", "did you mean training.batch_size?")]
    [InlineData("training: { batch: 8 }", "did you mean batch_size?")]
    [InlineData("rank: 8", "did you mean adapter.rank?")]
    [InlineData("training: { model: m }", "model is a key of the recipe itself")]
    [InlineData("adapter: { data: d }", "data is a key of the recipe itself")]
    [InlineData("adapter: full", "write adapter: none")]
    public void A_word_of_another_tool_leads_to_the_right_key(string lines, string remedy)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse(Start + lines, "r.yaml")).Message;
        Assert.Contains(remedy, message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_suggestion_repeats_the_wrong_word()
    {
        string[] sections = ["training", "adapter", "mixture", "model"];
        foreach (var key in RecipeFile.Keys.Select(k => k.Name.Split('.')[^1]).Distinct())
            foreach (var section in sections)
                try
                {
                    RecipeFile.Parse($"model: m\ndata: [d]\noutput: o\n{section}: {{ {key}: 1 }}\n", "r.yaml");
                }
                catch (InputException e)
                {
                    Assert.DoesNotContain($"no key '{key}'; did you mean {key}?", e.Message, StringComparison.Ordinal);
                }
    }

    [Fact]
    public void Text_in_a_block_may_have_any_characters() =>
        Assert.Equal("说明：\n\tx\n", RecipeFile.Parse("model: m\ndata: [{ path: d, name: d }]\noutput: |\n  说明：\n  \tx\n", "r.yaml")
            .Output);

    [Theory]
    [InlineData("recipe: r.yaml\nfactors: { data: each }\n", "r.yaml:1", "this is a study", "alpaca-cot study r.yaml")]
    [InlineData("benchmarks: []\n", "r.yaml:1", "this is a study", "")]
    public void A_study_given_as_a_recipe_says_so(string yaml, params string[] parts)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse(yaml, "r.yaml")).Message;
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Templates_targets_and_missing_folders_are_reported_in_one_go()
    {
        using var folder = new TemporaryFolder();
        new TinyModel().WriteFolder(folder.File("m"));
        var path = folder.Write("r.yaml", """
            model: m
            template: alpcaa
            data: [no.json]
            validation: ["C:\new\test.json", b.json，c.json]
            adapter: { rank: 4, targets: [q_porj] }
            training: { epochs: 0 }
            output: o
            """);
        var message = Assert.Throws<InputException>(() => RecipeFile.Load(path)).Message;
        foreach (var part in (string[])["has 6 errors", ":2: template: Unknown prompt template \"alpcaa\"",
            "no.json does not exist",
            "full-width comma", "control characters; write a path with / or in single quotes",
                ":5: adapter.targets: The adapter's targets q_porj match no linear layer", "q_proj", ":6: training.epochs"])
            Assert.Contains(part, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "model is missing", "data is missing", "output is missing")]
    [InlineData("model: { tokenizer: t }\ndata: []\noutput: ''", "model has neither path nor init",
        "the list is empty", "output")]
    [InlineData("model: { path: m, init: c }\ndata: [ { limit: 3 } ]\noutput: o", "keep one", "has no data", "")]
    [InlineData("model: { init: c }\ndata: [ { path: a, source: b } ]\noutput: o", "add tokenizer", "adapter: none",
        "there is no set 'b'")]
    public void Reports_every_error_at_once(string yaml, params string[] expected)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse(yaml, "r.yaml")).Message;
        Assert.All(expected, part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.StartsWith("r.yaml has ", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("training.epochs", "key=value")]
    [InlineData("=3", "key=value")]
    [InlineData("training..epochs=3", "not a key")]
    [InlineData("training.epoch=3", "did you mean epochs?")]
    [InlineData("training.epochs=x", "found x")]
    [InlineData("training.epochs.more=1", "one value (3)")]
    [InlineData("data.7.limit=1", "the list data")]
    [InlineData("training={ epochs: 1", "not valid YAML")]
    public void Names_the_option_that_is_wrong(string setting, string expected)
    {
        var message = Assert.Throws<InputException>(
            () => RecipeFile.Parse(Start + "training: { epochs: 3 }", "r.yaml", [setting])).Message;
        Assert.StartsWith($"--set {setting}: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validation_that_takes_all_records_is_an_error()
    {
        const string Yaml = "model: m\ndata:\n  - { path: a, limit: 10 }\n  - { path: b, limit: 10 }\noutput: o\n";
        var message = Assert.Throws<InputException>(() =>
            RecipeFile.Parse(Yaml, "r.yaml", ["training.validation_size=20"])).Message;
        Assert.Contains("limited to 20 records", message, StringComparison.Ordinal);
        Assert.Equal(19, RecipeFile.Parse(Yaml, "r.yaml", ["training.validation_size=19"]).Training.ValidationSize);
    }

    [Fact]
    public void Missing_files_are_reported_with_their_lines()
    {
        var folder = Directory.CreateTempSubdirectory("recipe").FullName;
        var path = Path.Combine(folder, "r.yaml");
        File.WriteAllText(path, Start);
        var message = Assert.Throws<InputException>(() => RecipeFile.Load(path)).Message;
        Assert.Contains($"{path}:1: model: the folder {Path.Combine(folder, "m")} does not exist", message,
            StringComparison.Ordinal);
        Assert.Contains($"{path}:2: data: the file {Path.Combine(folder, "d.json")} does not exist", message,
            StringComparison.Ordinal);
        Assert.Contains("the recipe file does not exist",
            Assert.Throws<InputException>(() => RecipeFile.Load(path + "x")).Message,
            StringComparison.Ordinal);
        Assert.Contains("is a folder", Assert.Throws<InputException>(() => RecipeFile.Load(folder)).Message,
            StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(200_000)]
    public void Bottomless_nesting_is_an_error_not_a_crash(int depth)
    {
        var message = Assert.Throws<InputException>(() => RecipeFile.Parse("model: " + new string('[', depth), "r.yaml")).Message;
        Assert.StartsWith("r.yaml:1", message, StringComparison.Ordinal);
    }
}
