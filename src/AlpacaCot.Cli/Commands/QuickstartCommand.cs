using System.Diagnostics;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Text;
using AlpacaCot.Training;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Cli.Commands;

/// <summary>
/// <c>quickstart</c>: the whole way from a base model and data to a measured improvement, on the samples beside the program.
/// </summary>
internal static class QuickstartCommand
{
    // Written before anything else of a run: a folder that holds it is a quickstart's and may be replaced.
    private const string AnswersBefore = "answers-before.jsonl", AnswersAfter = "answers-after.jsonl";
    private const int BatchSize = 64;

    private static string Samples => Path.Combine(AppContext.BaseDirectory, "samples");

    public static DocumentedCommand Create(Terminal terminal)
    {
        var output = Options.Out("The run folder; a quickstart that is there is replaced");
        (output.HelpName, output.DefaultValueFactory) = ("DIR", _ => Path.Combine("runs", "quickstart"));
        var limit = Options.Number<int?>("--limit", "Ask only this many held-out questions", "N", null, v => v >= 3,
            "a whole number from 3"); // one of each kind
        var steps = Options.Positive<int?>("--steps", "Train only this many steps", "N");
        var (seed, json) = (Options.Seed(), Options.Json());
        var verb = new DocumentedCommand("quickstart", CommandGroup.Train, "Tune a small model here and now, and see what it learned",
            "quickstart",
            "quickstart --steps 100 --limit 30 --out runs/short")
        {
            output, limit, steps, seed, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            string[] settings = [$"training.seed={parsed.GetValue(seed)}",
                .. parsed.GetValue(steps) is { } most ? new[] { $"training.max_steps={most}" } : []];
            var recipe = LoadRecipe(settings) with { Output = parsed.GetValue(output)! };
            return Task.FromResult(Run(recipe, parsed.GetValue(limit), parsed.GetValue(json), terminal, cancel));
        });
        return verb;
    }

    private static int Run(Recipe recipe, int? limit, bool json, Terminal terminal, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        CheckFolder(recipe.Output);
        var questions = HeldOutQuestion.Read(Path.Combine(Samples, "data", "heldout.json"), limit);
        var live = json ? terminal.ErrorIsTerminal : terminal.OutIsTerminal;
        var screen = new QuickstartScreen(terminal.Beside(json), live);
        screen.Introduce(questions.Count, recipe.Output);

        HeldOutEvaluation Ask(string who, string? adapter) => screen.Ask(who, questions.Count, progress =>
        {
            using var model = LanguageModel.Load(recipe.Model.Path!, adapter, recipe.Template);
            return HeldOutEvaluation.Run(model, questions, progress, BatchSize, cancel: cancel);
        });
        var before = Ask("base model", null);
        if (Directory.Exists(recipe.Output)) Directory.Delete(recipe.Output, recursive: true);
        before.Write(Path.Combine(recipe.Output, AnswersBefore));

        var display = new TrainingDisplay(terminal.Beside(json), live);
        var result = display.Follow(() => TrainingRun.Execute(recipe, display, resume: false, overwrite: false, cancel));
        if (result.Cancelled) throw new OperationCanceledException(cancel);

        var after = Ask("tuned model", result.OutputFolder);
        after.Write(Path.Combine(recipe.Output, AnswersAfter));
        LossCurveFigure.Write(Path.Combine(recipe.Output, "metrics.jsonl"), Path.Combine(recipe.Output, "loss"),
            "AlpacaCot quickstart");

        screen.Compare(before, after);
        screen.ShowSamples(before, after);
        screen.Conclude(recipe, result.OutputFolder, clock.Elapsed);
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                WritePercentages(o, "before", before);
                WritePercentages(o, "after", after);
                o.WriteString("run", recipe.Output);
                o.WriteNumber("seconds", Math.Round(clock.Elapsed.TotalSeconds, 1));
            }));
        return ExitCode.Done;
    }

    private static Recipe LoadRecipe(string[] settings)
    {
        if (!File.Exists(Path.Combine(Samples, "base", "config.json")))
            throw new InputException($"the sample model is not beside the program: {Path.Combine(Samples, "base")} holds none. "
                + "In a clone, samples/make.sh makes it; then build again");
        return RecipeFile.Load(Path.Combine(AppContext.BaseDirectory, "recipes", "quickstart.yaml"), settings);
    }

    private static void CheckFolder(string folder)
    {
        if (File.Exists(folder)) throw new InputException($"{folder} is a file; --out names a folder");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()
            && !File.Exists(Path.Combine(folder, AnswersBefore)))
            throw new InputException($"{folder} holds something else than a quickstart: choose another folder with --out");
    }

    private static void WritePercentages(Utf8JsonWriter json, string name, HeldOutEvaluation evaluation) => json.Object(name, o =>
    {
        foreach (var category in (string?[])[.. QuickstartScreen.Categories, null])
            if (evaluation.Percent(category) is { } percent) o.WriteNumber(category ?? "all", Math.Round(percent, 1));
            else o.WriteNull(category ?? "all");
    });
}
