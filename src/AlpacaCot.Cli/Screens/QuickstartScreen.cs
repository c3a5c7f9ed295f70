using System.Diagnostics;
using AlpacaCot.Cli.Output;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Training.Recipes;
using Spectre.Console;
using static System.FormattableString;

namespace AlpacaCot.Cli.Screens;

using Text = Spectre.Console.Text;

/// <summary>The output of <c>quickstart</c> around the training: plan, evaluations, comparison.</summary>
internal sealed class QuickstartScreen(IAnsiConsole console, bool live)
{
    private const int WidestTable = 116, LongestAnswer = 90; // columns, characters
    private const int SamplesPerCategory = 2;

    /// <summary>The kinds of questions in the samples, in the order shown.</summary>
    public static readonly string[] Categories = ["english", "chinese", "reasoning"];

    private static readonly Dictionary<string, string> Titles = new()
    {
        ["english"] = "English", ["chinese"] = "Chinese", ["reasoning"] = "reasoning",
    };

    public void Introduce(int questions, string run)
    {
        console.WriteLine();
        console.MarkupLine("  [bold orange3]AlpacaCot quickstart[/]  "
            + "a small bilingual base model learns to follow instructions");
        console.WriteLine();
        console.MarkupLine($"  [aqua]1[/]  ask the base model {questions} questions, none of which is in the training data");
        console.MarkupLine("  [aqua]2[/]  tune it with LoRA on English, Chinese and step-by-step instructions "
            + "[grey](two minutes on two cores)[/]");
        console.MarkupLine("  [aqua]3[/]  ask the tuned model the same questions");
        console.MarkupLine($"  [aqua]4[/]  compare; adapter, loss curve and answers are written to "
            + $"[bold]{Markup.Escape(run)}[/]");
        console.WriteLine();
    }

    /// <summary>Runs an evaluation with a progress bar on a terminal, and prints its result.</summary>
    public HeldOutEvaluation Ask(string who, int questions, Func<IProgress<int>?, HeldOutEvaluation> work)
    {
        var clock = Stopwatch.StartNew();
        HeldOutEvaluation result = null!;
        if (!live) result = work(null);
        else
            console.Progress().AutoClear(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new SpinnerColumn())
                .Start(view => result = work(new Bar(view.AddTask($"{who}, {questions} questions", maxValue: questions))));
        console.MarkupLine($"  {who}: [bold]{result.Answers.Count(a => a.Right)}[/] of {questions} questions answered right " +
            $"[grey]({Invariant($"{clock.Elapsed.TotalSeconds:0.0}")} s)[/]");
        return result;
    }

    /// <summary>Prints the share of right answers before and after training.</summary>
    public void Compare(HeldOutEvaluation before, HeldOutEvaluation after)
    {
        var table = new Table { Border = TableBorder.Rounded, BorderStyle = new Style(Color.Grey) };
        table.Title = Title("Right answers to held-out questions");
        table.AddColumn("kind");
        foreach (var title in (string[])["questions", "base", "tuned", "gain"])
            table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var category in Categories.Where(c => before.In(c).Any())) AddRow(Titles[category], category, Decoration.None);
        table.AddEmptyRow();
        AddRow("all", null, Decoration.Bold);
        console.WriteLine();
        console.Write(table);

        void AddRow(string name, string? category, Decoration weight)
        {
            var (first, then) = (before.Percent(category) ?? 0, after.Percent(category) ?? 0);
            Text Cell(FormattableString text, Color? colour = null) =>
                new(Invariant(text), new Style(colour, decoration: weight));
            table.AddRow(Cell($"{name}"), Cell($"{before.In(category).Count()}"),
                Cell($"{first:0.0} %"), Cell($"{then:0.0} %"),
                Cell($"{then - first:+0.0;-0.0;0.0} points", then > first ? Color.Green : null));
        }
    }

    /// <summary>Prints the first questions of each kind with both answers.</summary>
    public void ShowSamples(HeldOutEvaluation before, HeldOutEvaluation after)
    {
        var table = new Table
        {
            Border = TableBorder.Rounded, BorderStyle = new Style(Color.Grey), ShowRowSeparators = true,
            Width = Math.Min(WidestTable, console.Profile.Width),
        };
        table.Title = Title($"The first {SamplesPerCategory} questions of each kind");
        foreach (var title in (string[])["question", "base model", "tuned model", "right answer"]) table.AddColumn(title);
        var pairs = before.Answers.Zip(after.Answers).ToList();
        foreach (var (first, then) in Categories.SelectMany(c => pairs.Where(p => p.First.Question.Category == c)
            .Take(SamplesPerCategory)))
        {
            var q = first.Question;
            table.AddRow(new Text(q.Input.Length > 0 ? $"{q.Instruction} [{q.Input}]" : q.Instruction),
                Judged(first), Judged(then), new Text(q.Reference));
        }
        console.WriteLine();
        console.Write(table);
    }

    /// <summary>Prints the run folder, and the command to chat with the model.</summary>
    public void Conclude(Recipe recipe, string adapter, TimeSpan elapsed)
    {
        var model = Path.GetRelativePath(".", recipe.Model.Path!);
        if (model.StartsWith("..", StringComparison.Ordinal)) model = recipe.Model.Path!;
        console.WriteLine();
        console.MarkupLine($"  run folder  [bold]{Markup.Escape(recipe.Output)}[/]  [grey](recipe, metrics, all answers)[/]");
        console.MarkupLine($"  adapter     {Markup.Escape(adapter)}");
        console.MarkupLine($"  figure      {Markup.Escape(Path.Combine(recipe.Output, "loss.png"))}");
        console.MarkupLine($"  time        {Invariant($"{elapsed.TotalSeconds:0}")} s");
        console.WriteLine();
        console.MarkupLine("  [bold]Chat with the model:[/]");
        // Written past the console, which would wrap a long command so that it cannot be copied.
        console.WriteUnwrapped($"  alpaca-cot chat --model {Quoted(model)} --adapter {Quoted(adapter)}");
        console.WriteLine();
    }

    private static string Quoted(string path) => path.Contains(' ') ? $"\"{path}\"" : path;

    private static TableTitle Title(string text) => new(text, new Style(decoration: Decoration.Bold));

    private static Text Judged(HeldOutAnswer answer) =>
        new($"{(answer.Right ? '✓' : '✗')} {Shorten(answer.Answer)}", new Style(answer.Right ? Color.Green : Color.Red));

    // One line without control characters: an untrained model may produce any text.
    private static string Shorten(string text)
    {
        var line = string.Concat(text.ReplaceLineEndings(" ").Where(c => !char.IsControl(c))).Trim();
        if (line.Length == 0) return "(nothing)";
        if (line.Length <= LongestAnswer) return line;
        var end = char.IsHighSurrogate(line[LongestAnswer - 1]) ? LongestAnswer - 1 : LongestAnswer;
        return line[..end] + "…";
    }

    private sealed class Bar(ProgressTask task) : IProgress<int>
    {
        public void Report(int value) => task.Value = value;
    }
}
