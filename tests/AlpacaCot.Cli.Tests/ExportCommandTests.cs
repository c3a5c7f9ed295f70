using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Models;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Cli.Tests;

/// <summary><c>merge</c> and <c>export</c> on a small reference model.</summary>
public sealed class ExportCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Stories => ReferenceData.Path("data/derived/stories260K-hf");

    private static string Adapter => ReferenceData.Path("data/derived/stories260K-lora-golden/adapter_after_step3");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Merge_writes_a_folder_that_answers_as_base_and_adapter_do()
    {
        var (merged, run) = (_folder.File("merged"), _folder.File("run"));
        Directory.CreateDirectory(Path.Combine(run, "adapter"));
        foreach (var file in Directory.GetFiles(Adapter)) File.Copy(file, Path.Combine(run, "adapter", Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(run, "adapter", "prompt_template.json"), PromptTemplates.Find("vicuna").ToJson());
        var report = (await CommandLine.Run("merge", "--model", Stories, "--adapter", run, "--out", merged, "--shard-size",
            "400KB", "--json")).Json();
        Assert.InRange(report.GetProperty("largest_difference").GetDouble(), 0, 1e-4);
        using (var model = LanguageModel.Load(merged)) Assert.Equal("vicuna", model.Template.Name);
        string[] words = ["generate", "--text", "Once upon a time", "--max-new-tokens", "16", "--model"];
        Assert.Equal((await CommandLine.Run([.. words, Stories, "--adapter", Adapter])).Out,
            (await CommandLine.Run([.. words, merged])).Out);
        (await CommandLine.Run("merge", "--model", Stories, "--adapter", Adapter, "--out", merged))
            .Refused("already exists and is not an empty folder");
        (await CommandLine.Run("merge", "--model", Stories, "--adapter", Adapter, "--out", _folder.File("x"), "--shard-size",
            "5XB"))
            .Refused("--shard-size: found 5XB");
    }

    [Fact]
    public async Task An_adapter_of_a_quantized_base_is_used_and_merged_on_that_base_or_said_to_be_on_another()
    {
        var data = _folder.Write("data.json",
            """[{ "instruction": "Once", "output": "upon a time" }, { "instruction": "There", "output": "was" }]""");
        var recipe = _folder.Write("r.yaml",
            $"model: {Stories}\ndata: [{data}]\nquantization: nf4\noutput: {_folder.File("run")}\n" +
            "adapter: { method: loftq, rank: 4, targets: all-linear }\ntraining: { max_steps: 2, micro_batch_size: 2, threads: "
                + "1 }\n");
        Assert.Equal(ExitCode.Done, (await CommandLine.Run("train", recipe)).Code);
        string[] run = ["--adapter", _folder.File("run"), "--model", Stories];
        var question = new[] { "score", "--text", "Once upon a time there was a little girl called Lily", "--json" };
        async Task<double> Loss(params string[] more) =>
            (await CommandLine.Run([.. question, .. more])).Json().GetProperty("loss").GetDouble();
        (await CommandLine.Run([.. question, .. run])).Refused("--quantization nf4");
        var wanted = await Loss([.. run, "--quantization", "nf4"]);

        var report =
            (await CommandLine.Run(["merge", .. run, "--quantization", "nf4", "--out", _folder.File("merged"), "--json"])).Json();
        Assert.Equal(("nf4", "nf4"),
            (report.GetProperty("quantization").GetString(), report.GetProperty("trained_on").GetString()));
        Assert.Equal(wanted, await Loss("--model", _folder.File("merged")), 1e-4);
        var exported =
            await CommandLine.Run(["export", .. run, "--quantization", "nf4", "--format", "gguf", "--dtype", "float32", "--out",
            _folder.File("m.gguf")]);
        Assert.Contains("values of their nf4 codes", exported.Out, StringComparison.Ordinal);

        // A plain LoRA may go to the full base; which it is, is said.
        var plain = new[] { "--set", "adapter.method=lora", "--set", $"output={_folder.File("plain")}" };
        Assert.Equal(ExitCode.Done, (await CommandLine.Run(["train", recipe, .. plain])).Code);
        var merged =
            await CommandLine.Run("merge", "--model", Stories, "--adapter", _folder.File("plain"), "--out", _folder.File("full"));
        Assert.Contains("trained on the base in nf4 and is merged into the base in full precision", merged.Out,
            StringComparison.Ordinal);

        string[] verify = ["adapters", "verify", _folder.File("run"), "--model", Stories];
        Assert.Equal(ExitCode.Failed, (await CommandLine.Run(verify)).Code);
        Assert.Contains("trained on this model", (await CommandLine.Run([.. verify, "--quantization", "nf4"])).Out,
            StringComparison.Ordinal);
        var listed =
            (await CommandLine.Run("adapters", "list", _folder.File("run"), "--model", Stories, "--quantization", "nf4",
                "--json")).Json();
        Assert.Equal("yes", listed.GetProperty("adapters")[0].GetProperty("fit").GetString());
        Assert.Contains("in nf4", (await CommandLine.Run("adapters", "show", _folder.File("run"))).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Extend_adds_tokens_that_are_found_again()
    {
        var wider = _folder.File("wider");
        var report = (await CommandLine.Run("extend", "--model", Stories, "--token", "<|tool|>", "--special", "--out", wider,
            "--json")).Json();
        Assert.Equal((512, 513),
            (report.GetProperty("vocabulary_before").GetInt32(), report.GetProperty("vocabulary").GetInt32()));
        var ids = (await CommandLine.Run("tokenize", "--model", wider, "--text", "<|tool|>", "--json")).Json().GetProperty("ids");
        Assert.Contains(512, ids.EnumerateArray().Select(id => id.GetInt32()));
        (await CommandLine.Run("extend", "--model", Stories, "--out", _folder.File("x"))).Refused("--merge");
    }

    [Fact]
    public async Task Export_writes_each_format()
    {
        var gguf = _folder.File("m.gguf");
        var outcome = await CommandLine.Run("export", "--model", Stories, "--adapter", Adapter, "--format", "gguf", "--dtype",
            "q8_0",
            "--out", gguf);
        Assert.True(outcome.Code == ExitCode.Done, outcome.Error);
        Assert.Contains("Read back", outcome.Out, StringComparison.Ordinal);
        var hf = (await CommandLine.Run("export", "--model", gguf, "--format", "hf", "--out", _folder.File("hf"), "--dtype",
            "float16", "--json")).Json();
        Assert.Equal("hf", hf.GetProperty("format").GetString());
        Assert.True(File.Exists(_folder.File("hf/tokenizer.model")));
        (await CommandLine.Run("export", "--model", Stories, "--format", "state-dict", "--out", _folder.File("meta"),
            "--json")).Json();
        Assert.True(File.Exists(_folder.File("meta/consolidated.00.pth")));
        (await CommandLine.Run("export", "--model", Stories, "--format", "hf", "--out", _folder.File("y"), "--dtype", "q4_0"))
            .Refused("q4_0 needs --format gguf");
    }
}
