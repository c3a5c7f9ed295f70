using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Text;
using AlpacaCot.Training;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Cli.Commands;

/// <summary>
/// <c>quickstart</c>: fine-tunes the sample model on the sample data, and measures it before and after.
/// </summary>
internal sealed class QuickstartCommand(Terminal terminal)
{
    // The first file of a run: a folder that contains it belongs to a quickstart and may be replaced.
    private const string AnswersBefore = "answers-before.jsonl", AnswersAfter = "answers-after.jsonl";
    private const int BatchSize = 64;

    private static string Samples => Path.Combine(AppContext.BaseDirectory, "samples");

    private readonly Option<string> _out = Options.Out("Run folder; an earlier quickstart in it is replaced", "DIR");
    private readonly Option<int?> _limit = Options.Whole<int?>("--limit", "Ask only the first N held-out questions", "N", null,
        3); // one question of each kind

    private readonly Option<int?> _steps = Options.Positive<int?>("--steps", "Train only N steps", "N");
    private readonly Option<int> _seed = Options.Seed();
    private readonly DeviceOptions _device = new();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new QuickstartCommand(terminal);
        command._out.DefaultValueFactory = _ => Path.Combine("runs", "quickstart");
        return new DocumentedCommand("quickstart", CommandGroup.Train,
            "Fine-tune the embedded small model and measure what it learned",
            "quickstart",
            "quickstart --steps 100 --limit 30 --out runs/short")
        {
            command._out, command._limit, command._steps, command._seed, command._device.All, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        string[] settings = [$"training.seed={parsed.GetValue(_seed)}",
            .. parsed.GetValue(_steps) is { } most ? new[] { $"training.max_steps={most}" } : [],
            .. _device.Settings(parsed)];
        var recipe = LoadRecipe(settings) with { Output = parsed.GetValue(_out)! };
        return Run(recipe, parsed.GetValue(_limit), parsed.GetValue(_json), terminal, cancel);
    }

    private static int Run(Recipe recipe, int? limit, bool json, Terminal terminal, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        CheckFolder(recipe.Output);
        var questions = HeldOutQuestion.Read(Path.Combine(Samples, "data", "heldout.json"), limit);
        var live = terminal.IsLive(json);
        var screen = new QuickstartScreen(terminal.Beside(json), live);
        screen.Introduce(questions.Count, recipe.Output);

        HeldOutEvaluation Ask(string who, string? adapter) => screen.Ask(who, questions.Count, progress =>
        {
            using var model = LanguageModel.Load(recipe.Model.Path!, adapter, recipe.Template,
                compute: DeviceChoice.Of(recipe.Device, recipe.Dtype));
            return HeldOutEvaluation.Run(model, questions, progress, BatchSize, cancel: cancel);
        });
        RunLock.RequireFree(recipe.Output); // before its folder is replaced
        var before = Ask("base model", null);
        if (Directory.Exists(recipe.Output)) Directory.Delete(recipe.Output, recursive: true);
        before.Write(Path.Combine(recipe.Output, AnswersBefore));

        var display = new TrainingDisplay(terminal.Beside(json), live);
        terminal.Stopping = () =>
            display.Stopping($"the run folder {recipe.Output} is kept, and the next quickstart replaces it");
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
            throw new InputException($"the sample model is missing: {Path.Combine(Samples, "base")} contains none. "
                + "In a clone, run samples/make.sh and build again");
        return RecipeFile.Load(Path.Combine(AppContext.BaseDirectory, "recipes", "quickstart.yaml"), settings);
    }

    private static void CheckFolder(string folder)
    {
        if (File.Exists(folder)) throw new InputException($"{folder} is a file; --out must be a folder");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()
            && !File.Exists(Path.Combine(folder, AnswersBefore)))
            throw new InputException($"{folder} is not empty and not a quickstart run; choose another folder with --out");
    }

    private static void WritePercentages(Utf8JsonWriter json, string name, HeldOutEvaluation evaluation) => json.Object(name, o =>
    {
        foreach (var category in (string?[])[.. QuickstartScreen.Categories, null])
            if (evaluation.Percent(category) is { } percent) o.WriteNumber(category ?? "all", Math.Round(percent, 1));
            else o.WriteNull(category ?? "all");
    });
}
