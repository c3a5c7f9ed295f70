using System.Globalization;
using System.Text;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Tests;

public sealed class LossCurveFigureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("figure").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(300)]
    [InlineData(3)]
    public void Draws_a_run_as_png_and_svg_without_a_display(int steps)
    {
        var figure = Path.Combine(_folder, "loss");
        LossCurveFigure.Write(Metrics(steps), figure, "Example run");
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(figure + ".png")[..4]);
        var svg = File.ReadAllText(figure + ".svg");
        Assert.All(["Example run", "optimizer step", "validation loss", "learning rate"],
            text => Assert.Contains(text, svg, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{\"step\":1,\"loss\":2}")]
    [InlineData("{\"step\":7,\"loss\":2,\"learning_rate\":0}\n{\"step\":8,\"loss\":2,\"learning_rate\":0}")]
    [InlineData("{\"step\":1,\"loss\":-2}\n{\"step\":2,\"loss\":1e999}")]
    public void Odd_runs_have_a_figure_too(string metrics)
    {
        var path = Path.Combine(_folder, "metrics.jsonl");
        File.WriteAllText(path, metrics);
        LossCurveFigure.Write(path, Path.Combine(_folder, "odd"), "Odd run");
        var svg = File.ReadAllText(Path.Combine(_folder, "odd.svg"));
        Assert.Contains("training loss", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("Infinity", svg, StringComparison.Ordinal);
    }

    [Fact]
    public void Says_what_is_wrong_with_a_file_it_cannot_draw()
    {
        var path = Path.Combine(_folder, "metrics.jsonl");
        Assert.Contains("the metrics file does not exist", Message(path), StringComparison.Ordinal);
        File.WriteAllText(path, "{\"step\":1,\"validation_loss\":2}\n");
        Assert.Contains("no training loss", Message(path), StringComparison.Ordinal);
        File.WriteAllText(path, "{\"step\":1,\"loss\":2}\n{\"step\":2,");
        Assert.StartsWith($"{path}:2: ", Message(path), StringComparison.Ordinal);
    }

    private string Message(string metrics) =>
        Assert.Throws<InputException>(() => LossCurveFigure.Write(metrics, Path.Combine(_folder, "none"), "")).Message;

    private string Metrics(int steps)
    {
        var (text, random) = (new StringBuilder(), new Random(1));
        for (var step = 1; step <= steps; step++)
        {
            var loss = 2.4 + 1.8 * Math.Exp(-step / 60.0) + 0.12 * (random.NextDouble() - 0.5);
            var rate = 3e-3 * Math.Min(step / 20.0, (steps - step) / (double)steps);
            text.AppendLine(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"loss\":{loss:R},\"learning_rate\":{rate:R}}}");
            if (step % Math.Max(1, steps / 6) == 0)
                text.AppendLine(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"validation_loss\":{loss + 0.05:R}}}");
        }
        var path = Path.Combine(_folder, "metrics.jsonl");
        File.WriteAllText(path, text.ToString());
        return path;
    }
}
