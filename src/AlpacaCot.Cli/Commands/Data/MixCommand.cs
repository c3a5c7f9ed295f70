using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Configuration;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data mix</c>: writes the mixture of a recipe or of a list of sets.</summary>
internal sealed class MixCommand(Terminal terminal)
{
    private readonly Argument<string> _recipe = new("RECIPE")
    {
        Description = "Recipe whose data and mixture are used", Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _sources = new("--source")
    {
        Description = "File or set, optionally with a weight after a colon, or with weight=, share=, epochs=, limit=, skip=; "
            + "repeatable",
        HelpName = "FILE[:WEIGHT]",
    };

    private readonly Option<string> _order = new Option<string>("--order")
    {
        Description = "Order of the records. Default: that of the recipe, else shuffle", HelpName = "ORDER",
    }.Among(Words<MixtureOrder>.LowerCase.All);

    private readonly Option<double?> _temperature = Options.Number<double?>("--temperature",
        "Sample each set in proportion to records^(1 / T); above 1 favours small sets", "T", null, v => v > 0,
        "a number above 0", 2);

    private readonly Option<int?> _size = Options.Positive<int?>("--size", "Number of records in the mixture", "N");
    private readonly Option<int?> _seed = Options.Whole<int?>("--seed",
        "Seed of the random generator. Default: that of the recipe, else 42", "N", null, 0);

    private readonly Option<string[]> _set = Options.Set();
    private readonly Option<string> _out = Options.Out("File to write", required: true),
        _format = PreparationStep.FormatOption();
    private readonly Option<bool> _skipBad = Options.SkipBad(), _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new MixCommand(terminal);
        return new DocumentedCommand("mix", CommandGroup.Data, "Write a mixture of sets, with its fingerprint",
            "data mix --source alpaca.json --source cot.json:0.5 --out mixture.jsonl",
            "data mix --source alpaca.json:share=0.7 --source belle.json:share=0.3,epochs=2 --order interleave --out m.jsonl",
            "data mix recipes/alpaca-lora.yaml --out mixture.jsonl --json")
        {
            command._recipe, command._sources, command._order, command._temperature, command._size, command._seed, command._set,
            command._out, command._format, command._skipBad, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var recipe = (parsed.GetValue(_recipe), parsed.GetValue(_sources)) switch
        {
            (null, { Length: > 0 } given) => OfSources(given),
            ({ } file, null or { Length: 0 }) => RecipeFile.LoadData(file, parsed.GetValue(_set)),
            _ => throw new InputException(
                "data mix needs a recipe or sets, for example: alpaca-cot data mix --source a.json --source b.json:0.5 "
                + "--out mixture.jsonl"),
        };
        recipe = recipe with
        {
            Mixture = new MixtureSpec
            {
                Order = parsed.GetValue(_order) is { } word
                    ? Words<MixtureOrder>.LowerCase.Find(word)!.Value : recipe.Mixture.Order,
                Temperature = parsed.GetValue(_temperature) ?? recipe.Mixture.Temperature,
                Size = parsed.GetValue(_size) ?? recipe.Mixture.Size,
            },
            Training = recipe.Training with { Seed = parsed.GetValue(_seed) ?? recipe.Training.Seed },
        };
        Mix(recipe, parsed.GetValue(_out)!, parsed.GetValue(_format)!, parsed.GetValue(_skipBad),
            parsed.GetValue(_json), terminal, cancel);
        return ExitCode.Done;
    }

    private static void Mix(Recipe recipe, string output, string format, bool skipBad, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        ConversationWriter.Check(output, format);
        var bad = 0;
        using var progress = new RecordProgress(terminal, json);
        var mixture = Training.Recipes.RecipeData.Mixture(recipe, progress.Following(
            new PreparationStep(terminal).Reading(ReadingOptions.Shown(terminal), skipBad, _ => bad++)));
        ConversationWriter.Write(output, progress.Follow(mixture.Read(), cancel), format);
        progress.Dispose();
        var report = mixture.Report!;
        if (json)
        {
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("out", output);
                o.WriteNumber("records", report.Records);
                o.WriteString("fingerprint", report.Fingerprint);
                o.WriteNumber("skipped", bad);
                o.Array("sources", report.Parts, part => o.Object(source =>
                {
                    source.WriteString("source", part.Name);
                    source.WriteNumber("available", part.Available);
                    source.WriteNumber("taken", part.Taken);
                }));
                o.WriteNumber("seconds", Math.Round(progress.Elapsed.TotalSeconds, 3));
            }));
            return;
        }
        foreach (var (name, available, taken) in report.Parts)
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{taken,11:N0} of {available,11:N0}  {100.0 * taken / Math.Max(1, report.Records),5:0.0} %  {Shown(name)}"));
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Records:N0} records in {progress.TimeAndSpeed}: {output}"));
        terminal.Out.WriteLine($"fingerprint {report.Fingerprint}");
    }

    private static string Shown(string name) =>
        Path.GetRelativePath(Directory.GetCurrentDirectory(), name) is var near && near.StartsWith("..", StringComparison.Ordinal)
            ? name : near;

    // A list of sets is read as the data of a recipe, so that names, settings and errors are the same.
    private static Recipe OfSources(string[] sources) => RecipeFile.ParseData("data:\n"
        + string.Concat(sources.Select(source => $"  - {{ {Entry(source)} }}\n")) + "mixture: { order: shuffle }\n",
        "--source", null, Directory.GetCurrentDirectory());

    // Text after the last colon is a weight or settings only if it has their form, because a path may contain a colon.
    private static string Entry(string source)
    {
        var colon = source.LastIndexOf(':');
        var (name, behind) = colon > 0 ? (source[..colon], source[(colon + 1)..]) : (source, "");
        var settings = double.TryParse(behind, CultureInfo.InvariantCulture, out _) ? $"weight: {behind}"
            : behind.Contains('=') ? behind.Replace("=", ": ", StringComparison.Ordinal) : null;
        // A JSON string is a YAML string.
        return $"source: {JsonSerializer.Serialize(settings is null ? source : name)}" +
            (settings is null ? "" : $", {settings}");
    }
}
