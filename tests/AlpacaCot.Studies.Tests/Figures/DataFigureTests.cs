using AlpacaCot.Data.Preparation.Statistics;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Text;
using SkiaSharp;

namespace AlpacaCot.Studies.Tests.Figures;

public sealed class DataFigureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("figure").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(34)]
    public void Areas_are_as_the_amounts_and_do_not_overlap(int count)
    {
        var amounts = Enumerable.Range(1, count).Select(i => 1e6 / (i * i)).ToList();
        var places = Treemap.Divide(amounts, new(10, 20, 900, 500));
        Assert.Equal(count, places.Count);
        foreach (var (amount, place) in amounts.Zip(places))
        {
            Assert.Equal(amount / amounts.Sum() * 900 * 500, place.Width * place.Height, 1e-6 * 900 * 500);
            Assert.True(place.X >= 10 - 1e-6 && place.Y >= 20 - 1e-6 && place.X + place.Width <= 910 + 1e-6
                && place.Y + place.Height <= 520 + 1e-6);
        }
        foreach (var (i, a) in places.Index())
            foreach (var b in places.Skip(i + 1))
                Assert.False(a.X + a.Width > b.X + 1e-6 && b.X + b.Width > a.X + 1e-6
                    && a.Y + a.Height > b.Y + 1e-6 && b.Y + b.Height > a.Y + 1e-6);
        if (count > 1) Assert.True(places.Average(p => Math.Max(p.Width / p.Height, p.Height / p.Width)) < 3);
    }

    [Fact]
    public void Draws_a_collection_with_its_names_as_text_Chinese_ones_too()
    {
        var path = Path.Combine(_folder, "collection");
        var note = CollectionFigure.Write([new("alpaca & co", 52_002, "EN"), new("中文数据集", 30_000, "CN"), new("none", 0, "EN")],
            path, "The collection");
        var svg = File.ReadAllText(path + ".svg");
        Assert.All(["alpaca &amp; co", "52,002  63.4 %", "中文数据集", "Noto Sans CJK SC", "82,002 records in 2 sets"],
            text => Assert.Contains(text, svg, StringComparison.Ordinal));
        System.Xml.Linq.XDocument.Parse(svg);
        using var picture = SKBitmap.Decode(path + ".png");
        Assert.Equal((2400, 1520), (picture.Width, picture.Height));
        Assert.Equal(SKColor.Parse("#2F6FB0"), picture.GetPixel(600, 1200));
        Assert.Equal(SKColor.Parse("#C8502E"), picture.GetPixel(2200, 1200));
        // Either a font has the characters, or it is said which one to install.
        Assert.True(FigureFont.Lacks("中文数据集") ? note!.Contains("fonts-noto-cjk", StringComparison.Ordinal) : note is null);
        Assert.Throws<InputException>(() => CollectionFigure.Write([new("none", 0, "")], path, ""));
    }

    [Fact]
    public void Draws_histograms_whose_bars_are_as_the_counts()
    {
        var (lengths, few) = (new LengthHistogram(), new LengthHistogram());
        for (var i = 0; i < 5000; i++) lengths.Add(i);
        few.Add(0);
        var path = Path.Combine(_folder, "lengths");
        Assert.Null(LengthFigure.Write([("prompts", lengths), ("few", few), ("empty", new())], path, "A set"));
        var svg = System.Xml.Linq.XDocument.Parse(File.ReadAllText(path + ".svg"));
        Assert.DoesNotContain("empty", svg.ToString(), StringComparison.Ordinal);
        Assert.Contains("median 2,496", svg.ToString(), StringComparison.Ordinal);
        var bars = svg.Descendants().Where(e => e.Name.LocalName == "rect" && e.Attribute("fill")?.Value == "#2F6FB0").ToList();
        Assert.InRange(bars.Count, 30, 60);
        Assert.Equal(162, bars.Max(bar => double.Parse(bar.Attribute("height")!.Value,
            System.Globalization.CultureInfo.InvariantCulture)));
    }
}
