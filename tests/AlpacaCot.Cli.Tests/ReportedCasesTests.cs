using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.Tests;

/// <summary>
/// Every small input of shared/cases, each made after a public report: as the command line reads it, what training learns from
/// it, or why it is refused.
/// </summary>
public sealed class ReportedCasesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Base => Checkout.Path("samples/base");

    public void Dispose() => _folder.Dispose();

    /// <summary>The file, the report, and the records as OpenAI messages: parts of the converted file.</summary>
    public static TheoryData<string, string, string[]> Read => new()
    {
        { "dolly.csv", "Datamancer PR 21", ["\"content\":\"Say hello.\"}", "\"input\":\"The cat sat on the mat, then slept.\""] },
        { "dolly_first_missing.jsonl", "datasets 5531", ["\"input\":\"The cat sat on the mat, then slept.\""] },
        { "flan_v2.jsonl", "FLAN 62, 86", ["\"content\":\"Name the capital of Norland.\"", "\"content\":\"Oskavik\"",
            "\"task\":\"geo_qa:1.0\""] },
        { "math3.jsonl", "the worked solution", ["\"content\":\"Adding gives 3+4=7. So the answer is 7.\"", "\"answer\":\"7\""] },
        { "openorca.jsonl", "axolotl PR 317", ["{\"role\":\"system\",\"content\":\"Answer like a pirate.\"}"] },
        { "lima.jsonl", "LIMA's plain strings", ["{\"role\":\"user\",\"content\":\"Can brain cells move?\"}",
            "\"content\":\"Yes, at certain stages.\""] },
        { "bom_mid.jsonl", "a byte order mark in the middle",
            ["{\"messages\":[{\"role\":\"user\",\"content\":\"Say hi\"},{\"role\":\"assistant\",\"content\":\"hi\"}]}\n{"] },
        { "nan.jsonl", "NaN of Python", ["\"content\":\"q\"", "\"score\":null"] },
        { "messages_py.csv", "Python's own list",
            ["{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yo\"}"] },
        { "pandas_cols.json", "pandas by columns", ["\"content\":\"q2\"},{\"role\":\"assistant\",\"content\":\"a2\""] },
        { "tsvquote.tsv", "a stray quote", ["\"content\":\"quotation mark\"", "\"content\":\"a line\"",
            "\"content\":\"second mark\"", "\"content\":\"ok\""] },
        { "turnmeta.jsonl", "fields of turns", ["\"tool_calls\":[{\"id\":\"c1\"", "\"prompt\":\"extra\""] },
        { "clean_tool.jsonl", "marin 6854", ["\"tool_calls\"", "a.png"] },
        { "p_tool.parquet", "TRL 2429", ["\"arguments\":\"{\\\"a\\\":1}\"", "\"content\":\"ok\""] },
    };

    [Theory]
    [MemberData(nameof(Read))]
    public async Task Records_are_read_whole(string file, string report, string[] parts)
    {
        Assert.NotEmpty(report);
        var written = _folder.File("out.jsonl");
        var outcome = await CommandLine.Run("data", "convert", "--in", Case($"data/{file}"), "--to", "openai", "--out", written,
            "--skip-bad");
        Assert.True(outcome.Code == ExitCode.Done, outcome.Error);
        var text = await File.ReadAllTextAsync(written, TestContext.Current.CancellationToken);
        Assert.All(parts, part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    /// <summary>The file, the record, the template, the report, and the text that is learnt.</summary>
    public static TheoryData<string, int, string, string, string> Learnt => new()
    {
        { "openai_weight.jsonl", 1, "alpaca", "axolotl PR 1703: weight 0", "4</s>" },
        { "toolcalls.jsonl", 1, "chatml", "TRL 2429",
            "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call><|im_end|>\n" },
        { "reasoning.jsonl", 1, "chatml", "Automodel 2348", "<think>\n17*3 = 51\n</think>\n\n51<|im_end|>\n" },
        { "gpt_first.jsonl", 1, "chatml", "a dialogue that the assistant opens",
            "Hi, I am your guide.<|im_end|>\nOn the hill.<|im_end|>\n" },
        { "kto.jsonl", 1, "alpaca", "LLaMA-Factory 3803: the right answer", "Say welcome.</s>" },
        { "leak.jsonl", 2, "chatml.jinja", "axolotl PR 1732: a Jinja file is a template", "two<|im_end|>\n" },
    };

    [Theory]
    [MemberData(nameof(Learnt))]
    public async Task Training_learns_the_answer_and_nothing_else(string file, int record, string template, string report,
        string text)
    {
        Assert.NotEmpty(report);
        var view = (await CommandLine.Run("inspect", "--data", Case($"data/{file}"), "--record", $"{record}", "--model", Base,
            "--template", template.EndsWith(".jinja", StringComparison.Ordinal) ? Case($"data/{template}") : template,
                "--cutoff", "2048",
            "--json")).Json();
        var (ids, labels) = (Ints(view, "ids"), Ints(view, "labels"));
        var learnt = Tokenizer.Load(Base).Decode([.. ids.Where((_, i) => labels[i] >= 0)], skipSpecial: false);
        Assert.Equal(text, learnt);
    }

    /// <summary>The file, the record, the report, and parts of the refusal.</summary>
    public static TheoryData<string, int, string, string[]> Refused => new()
    {
        { "kto.jsonl", 2, "LLaMA-Factory 3803", ["record 2", "\"label\" is false"] },
        { "image_parts.jsonl", 1, "images vanish", ["record 1, turn 1, part 1 is an image"] },
        { "p_img.parquet", 1, "images vanish", ["record 1", "\"images\" contains an image"] },
        { "toolcalls.jsonl", 1, "TRL 2429: a template without a form", ["record 1", "template alpaca has no form", "chatml"] },
        { "gpt_first.jsonl", 1, "a dialogue that the assistant opens", ["record 1", "turn 1 is an assistant turn"] },
        { "na.csv", 1, "a missing answer", ["record 1 (line 2)", "\"output\"", "has no value"] },
        { "nullout.jsonl", 2, "a missing answer", ["record 2 (line 2)", "\"output\" is null"] },
        { "split.json", 1, "several lists", ["train, test", "jq"] },
        { "mixed_types.jsonl", 4, "values of another kind", ["record 4 (line 4)", "\"content\" is a number"] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_cannot_be_learnt_is_refused_by_name(string file, int record, string report, string[] parts)
    {
        Assert.NotEmpty(report);
        (await CommandLine.Run("inspect", "--data", Case($"data/{file}"), "--record", $"{record}", "--model", Base))
            .Refused(parts);
    }

    [Theory] // The recipes with the embedded base in place of their model.
    [InlineData("leak.yaml", "Soup 680: the same records on both sides", "validation_size", false)]
    [InlineData("jinja.yaml", "axolotl PR 1732", "", true)]
    [InlineData("skip.yaml", "skip_bad and what a template cannot render", "skip", true)]
    [InlineData("cols2.yaml", "train_on_inputs keeps a long prompt", "", true)]
    public async Task Recipes_train_or_say_why_not(string file, string report, string part, bool trains)
    {
        Assert.NotEmpty(report);
        foreach (var other in (string[])["leak.jsonl", "skip.jsonl", "chatml.jinja"]) File.Copy(Case($"data/{other}"),
            _folder.File(other));
        var recipe = await File.ReadAllTextAsync(Case($"data/{file}"), TestContext.Current.CancellationToken);
        if (file == "cols2.yaml") // its data is three.jsonl by other names
            recipe = recipe.Replace("two.jsonl", "three.jsonl", StringComparison.Ordinal)
                .Replace("columns: { instruction: frage, output: antwort, input: kontext, system: regel }", "limit: 1",
                    StringComparison.Ordinal);
        File.Copy(Case("data/three.jsonl"), _folder.File("three.jsonl"));
        var path = _folder.Write(file, recipe.Replace("samples/base", Base, StringComparison.Ordinal)
            .Replace("output: out", $"output: {_folder.File("out")}", StringComparison.Ordinal));
        var outcome = await CommandLine.Run("train", path);
        Assert.True(outcome.Code == (trains ? ExitCode.Done : ExitCode.WrongUsage), outcome.Out + outcome.Error);
        Assert.Contains(part, outcome.Out + outcome.Error, StringComparison.Ordinal);
    }

    [Fact] // Tatoeba 2151
    public async Task Unicode_forms_do_not_hide_contamination() =>
        Assert.Contains("3 hits", (await CommandLine.Run("data", "decontaminate", "--in", Case("data/nf_train.jsonl"),
            "--against",
            Case("data/nf_eval.jsonl"), "--dry-run")).Out, StringComparison.Ordinal);

    [Fact]
    public async Task Hostile_files_end_in_an_error_that_names_them()
    {
        var written = _folder.File("out.jsonl");
        var stopped = await CommandLine.Run("data", "convert", "--in", Case("hostile/pref.jsonl"), "--to", "preference", "--out",
            written);
        Assert.Equal(ExitCode.WrongUsage, stopped.Code);
        Assert.Contains("pref.jsonl, record 2 (line 2): its \"chosen\" is a number", stopped.Error, StringComparison.Ordinal);
        var skipping = await CommandLine.Run("data", "convert", "--in", Case("hostile/pref.jsonl"), "--to", "preference",
            "--out", written,
            "--skip-bad");
        Assert.Contains("2 records, 1 skipped", skipping.Out, StringComparison.Ordinal);
        (await CommandLine.Run("plan", Case("hostile/y3.yaml"))).Refused("y3.yaml:1", "{ is not closed");
        (await CommandLine.Run("tokenize", "--tokenizer", Case("hostile/tik-min.model"), "--text", "hello"))
            .Refused("tik-min.model");
    }

    [Fact]
    public void Every_case_has_a_test()
    {
        string[] named = [.. Read.Select(r => r.Data.Item1), .. Learnt.Select(r => r.Data.Item1),
            .. Refused.Select(r => r.Data.Item1),
            "leak.yaml", "leak.jsonl", "jinja.yaml", "chatml.jinja", "skip.yaml", "skip.jsonl", "cols2.yaml", "three.jsonl",
                "nf_train.jsonl",
            // gsm8k: AnswerRuleTests
            "nf_eval.jsonl", "pref.jsonl", "tik-min.model", "y3.yaml", "gsm8k_run_on.jsonl", "README.md"];
        Assert.Empty(Directory.EnumerateFiles(ReferenceData.Path("cases"), "*", SearchOption.AllDirectories)
            .Select(path => Path.GetFileName(path)).Except(named));
    }

    private static string Case(string file) => ReferenceData.Path($"cases/{file}");

    private static int[] Ints(JsonElement view, string key) =>
        [.. view.GetProperty(key).EnumerateArray().Select(v => v.GetInt32())];
}
