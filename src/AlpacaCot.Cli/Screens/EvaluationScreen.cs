using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Evaluation.Statistics;
using AlpacaCot.Text.Templates;
using Spectre.Console;
using static System.FormattableString;

namespace AlpacaCot.Cli.Screens;

using Text = Spectre.Console.Text;

/// <summary>The output of <c>evaluate</c>: benchmarks, prompts, progress and scores.</summary>
internal sealed class EvaluationScreen(Terminal terminal, bool json)
{
    /// <summary>Lists the benchmarks with their prompts and scoring.</summary>
    public void List(IReadOnlyList<IBenchmark> benchmarks)
    {
        if (json)
            terminal.WriteJson(w => w.Object(o => o.Array("benchmarks", benchmarks.Select(b => b.About), b => o.Object(e =>
            {
                foreach (var (name, text) in Facts(b)) e.WriteString(name.Replace(' ', '_'), text);
                e.WriteBoolean("judged", b.IsJudged);
            }))));
        else
            foreach (var about in benchmarks.Select(b => b.About))
            {
                terminal.Console.MarkupLine($"[bold]{Markup.Escape(about.Name)}[/]  {Markup.Escape(about.Title)}");
                foreach (var (name, text) in Facts(about).Skip(2)) terminal.Out.WriteLine($"  {name,-10}  {text}");
                terminal.Out.WriteLine();
            }
    }

    /// <summary>Prints the exact prompts.</summary>
    public void ShowPrompts(IReadOnlyList<BenchmarkQuestion> questions, IChatFormat template)
    {
        if (json)
        {
            terminal.WriteJson(w => w.Object(o => o.Array("prompts", questions, q => o.Object(e =>
            {
                e.WriteString("id", q.Id);
                e.WriteString("category", q.Category);
                e.WriteString("prompt", ModelAnswerer.PromptText(template, q, []));
                e.WriteNumber("shots", q.Shots.Count);
                e.Strings("follow_ups", q.FollowUps);
                e.Strings("choices", q.Choices);
                e.Strings("references", q.References);
                e.Strings("stop", q.Stop);
            }))));
            return;
        }
        foreach (var q in questions)
        {
            var shots = q.Shots.Count == 0 ? "" : $"{q.Shots.Count} solved example{(q.Shots.Count == 1 ? "" : "s")}, ";
            terminal.Console.MarkupLine($"[grey]--- {Markup.Escape(q.Id)} ({Markup.Escape(q.Category)}), {shots}"
                + $"{(q.IsCompletion ? "without a template" : $"template {Markup.Escape(template.Name)}")} ---[/]");
            terminal.Out.WriteLine(ModelAnswerer.PromptText(template, q, []));
            foreach (var turn in q.FollowUps) terminal.Out.WriteLine($"[then] {turn}");
            foreach (var choice in q.Choices)
                terminal.Out.WriteLine($"[choice]{choice}{(q.References.Contains(choice) ? "  <- right" : "")}");
            if (q.Choices.Count == 0 && q.References.Count > 0)
                terminal.Out.WriteLine($"[right] {string.Join(" | ", q.References)}");
        }
    }

    /// <summary>Runs work with a progress bar on a terminal.</summary>
    public async Task<T> Follow<T>(string what, int count, Func<IProgress<int>?, Task<T>> work)
    {
        if (!terminal.IsLive(json: true)) return await work(null).ConfigureAwait(false);
        return await terminal.ErrorConsole.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(view => Task.Run(() => work(new Bar(view.AddTask($"{count:N0} {what}", maxValue: count)))))
                .ConfigureAwait(false);
    }

    /// <summary>Prints the scores of a run.</summary>
    public void Show(BenchmarkRun run, int reused, JudgeCost? cost, JudgeAgreement? agreement, string? generations,
        TimeSpan elapsed)
    {
        if (json) WriteJson(run, reused, cost, agreement, generations, elapsed);
        else Write(run, reused, cost, agreement, generations, elapsed);
    }

    private void WriteJson(BenchmarkRun run, int reused, JudgeCost? cost, JudgeAgreement? agreement, string? generations,
        TimeSpan elapsed) =>
        terminal.WriteJson(w => w.Object(o =>
        {
            var scale = run.Benchmark.Scale;
            o.WriteString("benchmark", run.Benchmark.Name);
            o.WriteString("metric", run.Benchmark.Metric);
            o.WriteString("model", run.Model);
            o.WriteNumber("scale", scale);
            Number(o, "headline", run.Headline * scale);
            Write(o, run.Summary(), scale);
            o.Array("categories", run.Categories, category => o.Object(e =>
            {
                e.WriteString("category", category);
                Write(e, run.Summary(category), scale);
            }));
            var reasons = run.Answers.Where(a => a.Score.Value is null).CountBy(a => a.Score.Missing ?? "").ToList();
            o.Object("missing_because", m => reasons.ForEach(r => m.WriteNumber(r.Key, r.Value)));
            o.WriteNumber("shortened", run.Shortened);
            o.WriteNumber("reused", reused);
            if (cost is not null) Write(o, cost);
            if (agreement is not null)
                o.Object("agreement", a =>
                {
                    a.WriteNumber("answers", agreement.Answers);
                    a.WriteNumber("same", agreement.Same);
                    Number(a, "kappa", agreement.Kappa);
                    Number(a, "rank_correlation", agreement.Correlation);
                });
            o.WriteString("generations", generations);
            o.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 2));
        }));

    /// <summary>The cost of a judge as one line of text.</summary>
    public static string Text(JudgeCost cost) =>
        Invariant($"judge: {cost.Requests} requests, {cost.Kept} verdicts reused, ")
        + Invariant($"{cost.InputTokens:N0} input tokens, {cost.OutputTokens:N0} output tokens")
        + (cost.Price > 0 ? Invariant($", price {cost.Price:0.####}") : "");

    /// <summary>Writes the cost of a judge as a field of a JSON object.</summary>
    public static void Write(Utf8JsonWriter json, JudgeCost cost) => json.Object("judge", j =>
    {
        j.WriteNumber("requests", cost.Requests);
        j.WriteNumber("kept", cost.Kept);
        j.WriteNumber("input_tokens", cost.InputTokens);
        j.WriteNumber("output_tokens", cost.OutputTokens);
        j.WriteNumber("price", cost.Price);
    });

    private static void Write(Utf8JsonWriter json, CategoryScore score, double scale)
    {
        json.WriteNumber("questions", score.Questions);
        json.WriteNumber("missing", score.Missing);
        Number(json, "score", score.Mean * scale);
        if (score.Interval?.Times(scale) is { } interval)
            json.Array("interval", (double[])[interval.Low, interval.High], v => json.WriteNumberValue(v));
        else json.WriteNull("interval");
        json.Object("measures", m =>
        {
            foreach (var (name, value) in score.Measures) m.WriteNumber(name, value);
        });
    }

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }

    private void Write(BenchmarkRun run, int reused, JudgeCost? cost, JudgeAgreement? agreement, string? generations,
        TimeSpan elapsed)
    {
        var (console, scale) = (terminal.Console, run.Benchmark.Scale);
        var table = new Table { Border = TableBorder.Rounded, BorderStyle = new Style(Color.Grey) };
        table.Title = new TableTitle($"{Markup.Escape(run.Benchmark.Title)}{(scale == 100 ? ", percent" : "")}",
            new Style(decoration: Decoration.Bold));
        table.AddColumn("category");
        foreach (var title in (string[])["questions", "score", "95 % interval", "missing"])
            table.AddColumn(new TableColumn(title).RightAligned());
        if (run.Categories.Count > 1)
            foreach (var category in run.Categories) Row(category, run.Summary(category));
        Row("all questions", run.Summary());
        console.Write(table);
        if (run.Benchmark.MeanOfCategories && run.Categories.Count > 1 && run.MeanOfCategories is { } mean)
            terminal.Out.WriteLine(Invariant($"mean of the categories, as published: {mean * scale:0.0}"));
        foreach (var (name, value) in run.Summary().Measures) terminal.Out.WriteLine(Invariant($"  {name,-16} {value:0.####}"));
        foreach (var (reason, count) in run.Answers.Where(a => a.Score.Value is null).CountBy(a => a.Score.Missing ?? "?"))
            console.MarkupLine($"[yellow]{count} without a score: {Markup.Escape(reason)}[/]");
        if (run.Shortened > 0)
            console.MarkupLine($"[yellow]{run.Shortened} prompts were longer than the context of the model: their solved "
                + "examples were dropped, and then, if necessary, their beginning[/]");
        if (cost is not null) terminal.Out.WriteLine(Text(cost));
        if (agreement is not null)
            terminal.Out.WriteLine(Invariant($"agreement with human grades on {agreement.Answers} answers: ")
                + Invariant($"{agreement.Same:0.0%} equal, kappa {agreement.Kappa:0.00}, ")
                + Invariant($"rank correlation {agreement.Correlation:0.00}"));
        terminal.Out.WriteLine(Invariant($"{elapsed.TotalSeconds:0.0} s")
            + (reused > 0 ? Invariant($", {reused} answers reused") : "")
            + (generations is null ? "" : $"; answers in {generations}"));

        void Row(string name, CategoryScore score) => table.AddRow(new Text(name), new Text($"{score.Questions}"),
            new Text(score.Mean is { } m ? Invariant($"{m * scale:0.0}") : "-"),
            new Text(score.Interval?.Times(scale) is { } i && Bounded(i) ? Invariant($"{i.Low:0.0} to {i.High:0.0}") : "-"),
            new Text(score.Missing > 0 ? $"{score.Missing}" : ""));
    }

    private static bool Bounded(ConfidenceInterval interval) => double.IsFinite(interval.Low) && interval.High > interval.Low;

    private static IEnumerable<(string Name, string Text)> Facts(BenchmarkDescription b) =>
    [
        ("name", b.Name), ("title", b.Title), ("source", b.Source), ("data", b.Data), ("prompt", b.Prompt), ("shots", b.Shots),
        ("answering", b.Answering), ("extraction", b.Extraction), ("metric", b.Metric),
    ];

    private sealed class Bar(ProgressTask task) : IProgress<int>
    {
        public void Report(int value) => task.Value = value;
    }
}
