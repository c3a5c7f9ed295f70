namespace AlpacaCot.Models.Tests;

/// <summary>
/// The folders of each project form no circle: each can be read, and moved, with what lies below it alone. The graph comes from
/// the source's text (<see cref="SourceGraph"/>); the tests below show that it can fail.
/// </summary>
public sealed class ArchitectureTests
{
    /// <summary>Projects that still have circles. A project that has none any more must leave the list.</summary>
    private static readonly string[] NotYetClean =
        [];

    /// <summary>Every project under src, in the order of names.</summary>
    public static TheoryData<string> Projects =>
        [.. Directory.GetFiles(Checkout.Path("src"), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_form_no_circle(string project)
    {
        var found = Circles(Sources(project));
        if (!NotYetClean.Contains(project)) Assert.True(found.Length == 0, $"{project}:\n{found}");
        else Assert.True(found.Length > 0, $"{project} has no circle any more: take it off {nameof(NotYetClean)}");
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Namespaces_are_those_of_the_folders(string project)
    {
        var root = Path.Combine(Checkout.Path("src"), project);
        foreach (var file in Sources(project))
        {
            var folder = Path.GetDirectoryName(Path.GetRelativePath(root, Checkout.Path(file.Path)))!;
            var expected = folder.Length == 0 ? project : $"{project}.{folder.Replace(Path.DirectorySeparatorChar, '.')}";
            var code = SourceGraph.Code(file.Text);
            if (SourceGraph.NamespaceOf(code) is { Length: > 0 } actual)
                Assert.True(expected == actual, $"{file.Path} is in namespace {actual}, its folder wants {expected}");
        }
    }

    /// <summary>Words that the field has better ones for. The brackets keep this list from finding itself.</summary>
    [Theory]
    [InlineData("[P]lace[s]?", "a slot, position, location, slice or rectangle")]
    [InlineData("[S]ight", "AttentionOptions")]
    [InlineData("[R]agged(Batch)?", "VarlenBatch")]
    [InlineData("[T]okenChooser|[D]rafter|[C]rew|[A]rrival", "Sampler, DraftModel, SpinThreadPool, TokensGenerated")]
    [InlineData("[A]dapterParts|[D]eltaPiece|[O]wnWeights|[S]tartedLora|[R]ankBudget|[A]dapterSpec|[A]dapterOrder",
        "AdapterBuilder and the names beside it")]
    [InlineData("[I]?[F]oreignModel[s]?|[F]initeWeights|[O]utgoingWeight",
        "NonHuggingFaceModels, WeightValidation, ExportTensor")]
    [InlineData("[T]rainerOptions|[R]unPlan|[T]rainingPlan|[I]StepPlan|[E]pochPlan",
        "LoopSchedule, ResourceEstimate, EpochSampler")]
    [InlineData("(Chat|Data|Evaluate|Generate|Train)[V]erb|[V]erbGroup", "a command")]
    public void Retired_names_do_not_come_back(string name, string instead)
    {
        var word = new System.Text.RegularExpressions.Regex($@"(?<![\w""])({name})(?![\w""])");
        foreach (var folder in (string[])["src", "tests", "bench", "samples"])
            foreach (var file in Directory.EnumerateFiles(Checkout.Path(folder), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}",
                    StringComparison.Ordinal)))
                Assert.False(word.IsMatch(SourceGraph.Code(File.ReadAllText(file))), $"{file}: {name} is retired; use {instead}");
    }

    [Theory]
    [InlineData("src")]
    [InlineData("tests")]
    [InlineData("bench")]
    [InlineData("samples")]
    public void Lines_have_at_most_130_characters(string folder)
    {
        var found = Directory.EnumerateFiles(Checkout.Path(folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin" or "node_modules"))
            .SelectMany(file => LongLines(File.ReadAllLines(file)).Select(line => $"{file}:{line}"));
        Assert.Empty(found);
    }

    [Fact]
    public void A_line_is_too_long_unless_it_has_data_of_a_raw_string()
    {
        var (fits, exceeds, quotes) = (new string('x', 130), new string('x', 131), new string('"', 3));
        Assert.Equal([2],
            LongLines([fits, exceeds, $"a = {quotes}{exceeds}{quotes};", $"a = {quotes}", exceeds, $"{quotes};", fits]));
        Assert.Equal([4], LongLines([$"a = {quotes}", exceeds, $"{quotes};", exceeds]));
    }

    // The numbers of lines that are too long. Data in raw strings is as it is: a line break would be part of it.
    private static IEnumerable<int> LongLines(string[] lines)
    {
        const int Most = 130;
        var raw = false;
        foreach (var (i, line) in lines.Index())
        {
            var marks = line.Split("\"\"\"").Length - 1;
            if (line.Length > Most && !raw && marks == 0) yield return i + 1;
            if (marks % 2 == 1) raw = !raw;
        }
    }

    [Fact]
    public void The_projects_are_found_and_use_each_others_folders()
    {
        Assert.True(Projects.Count >= 5);
        foreach (var project in Projects.Select(row => row.Data))
        {
            var arrows = SourceGraph.Arrows(Sources(project));
            if (arrows.Select(a => a.From).Distinct().Count() > 1)
                Assert.True(arrows.Count(a => a.From != a.To) > 10, $"{project}: hardly any reference is seen");
        }
    }

    [Theory]
    [InlineData("a>b b>c a>c", "")]
    [InlineData("a>a a>b", "")]
    [InlineData("a>b b>a", "a b a")]
    [InlineData("a>b b>c c>d d>b d>e", "b c d b")]
    [InlineData("a>b b>c c>a c>b", "b c b")] // the shortest of a group
    [InlineData("a>b b>a c>d d>c b>c", "a b a|c d c")]
    public void A_circle_is_found(string graph, string circles)
    {
        var arrows = graph.Split(' ').Select(arrow => (arrow[..1], arrow[2..]));
        Assert.Equal(circles, string.Join("|", Cycles.Of(arrows).Select(circle => string.Join(' ', circle))));
    }

    [Theory]
    [InlineData("", "Upper.Thing x;", true)]                             // in part qualified
    [InlineData("", "P.Upper.Thing x;", true)]
    [InlineData("using P.Upper;", "Thing x;", true)]
    [InlineData("using static P.Upper.Thing;", "", true)]
    [InlineData("using T = P.Upper.Thing;", "", true)]
    [InlineData("using P.Upper;", "var s = $\"{new Thing()} {{x}}\";", true)] // a hole is code
    [InlineData("using P.Upper;", "var s = $$\"\"\"{x} {{new Thing()}}\"\"\";", true)]
    [InlineData("using P.Upper;", "var s = $\"{x:000}\"; Thing t;", true)] // a format is none, and ends
    [InlineData("using P.Upper;", "var c = '\"'; Thing t; var d = '\\'';", true)]
    [InlineData("using P.Upper;", "x.Helped();", true)]                  // an extension method
    [InlineData("", "Thing x;", false)]                                  // nothing brings it into view
    [InlineData("using P.Upper;", "Plain();", false)]                    // an import alone is no use
    [InlineData("using P.Upper;", "// Thing", false)]
    [InlineData("using P.Upper;", "/* new\n Thing */", false)]
    [InlineData("using P.Upper;", "var s = \"new Thing \\\" Thing\";", false)]
    [InlineData("using P.Upper;", "var s = @\"\\\" + \" Thing\";", false)]
    [InlineData("using P.Upper;", "var s = $\"{{Thing}} {x} Thing\";", false)]
    [InlineData("using P.Upper;", "var s = \"\"\"a \"Thing\" Thing\"\"\";", false)]
    [InlineData("using P.Upper;", "var s = $$\"\"\"{Thing} {{x:Thing}}\"\"\";", false)]
    [InlineData("using P.Upper;", "y = x.Thing;", false)]                // a member
    [InlineData("using P.Upper;", "class Thing { } Thing x;", false)]    // its own comes first
    [InlineData("using P.Upper;", "Inner x; Local y;", false)]           // nested types, and those of one file
    public void A_made_up_project_is_read_as_the_language_reads_it(string imports, string code, bool isCircle)
    {
        var found = Circles(
        [
            new("Low/Base.cs", $"{imports}\n\nnamespace P.Low;\n\npublic class Base {{ }}\n{code}\n"),
            new("Upper/Thing.cs", "using P.Low;\nnamespace P.Upper;\nsealed record Thing(Base B) { class Inner { } }\n"
                + "file static class Local { }\n"),
            new("Upper/Help.cs",
                "namespace P.Upper\n{\n    static class Help { public static int Helped(this int x) => x; }\n}\n"),
        ]);
        Assert.Equal(isCircle, found.Length > 0);
        if (!isCircle) return;
        Assert.Contains("P.Low -> P.Upper: Low/Base.cs:", found, StringComparison.Ordinal);
        Assert.Contains("P.Upper -> P.Low: Upper/Thing.cs:3 names Base (1 places)", found, StringComparison.Ordinal);
    }

    [Fact]
    public void An_arrow_names_the_line()
    {
        var arrow = Assert.Single(SourceGraph.Arrows(
        [
            new("A/One.cs", "using P.B;\n\nnamespace P.A;\n\n/* two\nlines */ class One\n{\n    Two two;\n}\n"),
            new("B/Two.cs", "namespace P.B;\n\nenum Two;\n"),
        ]), a => a.From != a.To);
        Assert.Equal(new Arrow("P.A", "P.B", "Two", "A/One.cs:8", "B/Two.cs"), arrow);
    }

    // Each circle of folders, an arrow a line with one place that it comes from; empty where there is none.
    private static string Circles(IEnumerable<SourceFile> files)
    {
        var arrows = SourceGraph.Arrows(files);
        return string.Join("\n", Cycles.Of(arrows.Select(a => (a.From, a.To))).Select(circle =>
            string.Join("\n", circle.Zip(circle.Skip(1), (from, to) =>
            {
                var places = arrows.Where(a => a.From == from && a.To == to).ToList();
                return $"  {from} -> {to}: {places[0].At} names {places[0].Name} ({places.Count} places)";
            }))));
    }

    private static List<SourceFile> Sources(string project)
    {
        var root = Path.Combine(Checkout.Path("src"), project);
        return [.. Directory.GetFiles(root, "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar)
                .Any(part => part is "obj" or "bin" or "node_modules"))
            .Order(StringComparer.Ordinal)
            .Select(file => new SourceFile(Path.GetRelativePath(Checkout.Path("."), file), File.ReadAllText(file)))];
    }
}
