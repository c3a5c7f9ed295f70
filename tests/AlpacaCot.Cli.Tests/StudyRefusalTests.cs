using System.Globalization;
using System.Text.Json;

namespace AlpacaCot.Cli.Tests;

/// <summary>A grid with cells that cannot be trained: they are named with the reason, and the others are trained and
/// shown.</summary>
public sealed class StudyRefusalTests
{
    [Trait("level", "full")]
    [Fact]
    public async Task A_refused_cell_is_shown_with_its_reason_and_the_rest_goes_on()
    {
        using var folder = new TemporaryFolder();
        new TinyModel(Hidden: 64).WriteFolder(folder.File("model"));
        folder.Write("data.json", TinyModel.Records(12));
        folder.Write("questions.json", """
            [{"instruction": "one?", "output": "1", "category": "a"}, {"instruction": "two?", "output": "2", "category": "a"}]
            """);
        // full on nf4 is refused by the recipe, bitfit by the process that finds no biases
        var study = folder.Write("study.yaml", $$"""
            recipe:
              model: model
              data: [data.json]
              template: plain
              training: { max_steps: 3, batch_size: 2, cutoff_length: 32, logging_steps: 1 }
            factors:
              method: [{ name: untuned, train: false }, { name: lora }, { name: full, set: { adapter: none } },
                { name: bitfit, set: { adapter: bitfit } }]
              base: [{ name: nf4, set: { quantization: nf4 } }]
            seeds: [1]
            benchmarks: [{ name: heldout, path: questions.json, max_new_tokens: 4 }]
            threads: 1
            output: {{folder.File("out")}}
            """);
        var json = (await CommandLine.Run("study", study, "--json")).Json(); // exit code 0
        Assert.Equal(["full · nf4", "bitfit · nf4"],
            json.GetProperty("refused").EnumerateArray().Select(r => r.GetProperty("arm").GetString()));
        Assert.Equal(0, json.GetProperty("unfinished").GetArrayLength());

        var rows =
            (await File.ReadAllLinesAsync(folder.File("out/report/tables/training.md"), TestContext.Current.CancellationToken))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1]).ToDictionary(cells => cells[0]);
        Assert.Equal(["untuned", "lora", "full", "bitfit"], rows.Keys);
        Assert.StartsWith("refused: nf4 weights have no gradient", rows["full"][6], StringComparison.Ordinal);
        Assert.StartsWith("refused: BitFit trains biases", rows["bitfit"][6], StringComparison.Ordinal);
        Assert.Equal("–", rows["untuned"][2]);

        var metrics = JsonDocument.Parse(await File.ReadAllTextAsync(Assert.Single(
            Directory.GetFiles(folder.File("out/cells"), "metrics.json", SearchOption.AllDirectories)),
            TestContext.Current.CancellationToken)).RootElement;
        string Number(string name, double unit = 1) =>
            (metrics.GetProperty(name).GetDouble() / unit).ToString("N0", CultureInfo.InvariantCulture);
        Assert.Equal([Number("trainable_parameters"), Number("peak_bytes", 1e6), Number("tokens_per_processor_second")],
            [rows["lora"][2], rows["lora"][4], rows["lora"][5]]);
        var planned = (await CommandLine.Run("plan", folder.Write("lora.yaml",
            "model: model\ndata: [data.json]\ntraining: { max_steps: 1 }\noutput: x\n"), "--json")).Json();
        Assert.Equal(planned.GetProperty("parameters").GetProperty("trainable").GetInt64(),
            metrics.GetProperty("trainable_parameters").GetInt64());
    }
}
