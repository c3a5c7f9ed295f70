using System.CommandLine;
using System.Diagnostics;
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

/// <summary><c>data mix</c>: writes the mixture that a recipe, or a list of sets, describes.</summary>
internal static class MixCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var path = new Argument<string>("RECIPE") { Description = "A recipe; its data and mixture are used",
            Arity = ArgumentArity.ZeroOrOne };
        var sources = new Option<string[]>("--source")
        {
            Description = "A file, with a weight behind a colon, or weight=, share=, epochs=, limit=, skip=",
                HelpName = "FILE[:WEIGHT]",
        };
        var order = new Option<string>("--order") { Description = "How the sets follow each other; shuffle without a recipe",
            HelpName = "ORDER" };
        order.AcceptOnlyFromAmong(Words<MixtureOrder>.LowerCase.All);
        var temperature = Options.Number<double?>("--temperature", "Above 1 small sets gain: records^(1 / T)", "T", null, v =>
            v > 0,
            "a number above 0");
        var size = Options.Positive<int?>("--size", "Records in the mixture", "N");
        var seed = new Option<int?>("--seed") { Description = "Seed of the shuffle; 42 without a recipe", HelpName = "N" };
        var set = Options.Set();
        var output = Options.Out("The file of the mixture");
        output.Required = true;
        var format = PreparationStep.FormatOption();
        var skipBad = new Option<bool>("--skip-bad") { Description = "Name and leave out records that cannot be read" };
        var json = Options.Json();
        var verb = new DocumentedCommand("mix", CommandGroup.Data, "Write a mixture of sets, with its fingerprint",
            "data mix --source alpaca.json --source cot.json:0.5 --out mixture.jsonl",
            "data mix --source alpaca.json:share=0.7 --source belle.json:share=0.3,epochs=2 --order interleave --out m.jsonl",
            "data mix recipes/alpaca-lora.yaml --out mixture.jsonl --json")
        {
            path, sources, order, temperature, size, seed, set, output, format, skipBad, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            var recipe = (parsed.GetValue(path), parsed.GetValue(sources)) switch
            {
                (null, { Length: > 0 } given) => OfSources(given),
                ({ } file, null or { Length: 0 }) => RecipeFile.LoadData(file, parsed.GetValue(set)),
                _ => throw new InputException(
                    "data mix takes a recipe, or sets, as in: data mix --source a.json --source b.json:0.5 "
                    + "--out mixture.jsonl"),
            };
            recipe = recipe with
            {
                Mixture = new MixtureSpec
                {
                    Order = parsed.GetValue(order) is { } word
                        ? Words<MixtureOrder>.LowerCase.Find(word)!.Value : recipe.Mixture.Order,
                    Temperature = parsed.GetValue(temperature) ?? recipe.Mixture.Temperature,
                    Size = parsed.GetValue(size) ?? recipe.Mixture.Size,
                },
                Training = recipe.Training with { Seed = parsed.GetValue(seed) ?? recipe.Training.Seed },
            };
            Mix(recipe, parsed.GetValue(output)!, parsed.GetValue(format)!, parsed.GetValue(skipBad),
                parsed.GetValue(json), terminal, cancel);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static void Mix(Recipe recipe, string output, string format, bool skipBad, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        ConversationWriter.Check(output, format);
        var bad = 0;
        var mixture = Training.Recipes.RecipeData.Mixture(recipe, new PreparationStep(terminal).Reading(skipBad, _ => bad++));
        var clock = Stopwatch.StartNew();
        using (var progress = new RecordProgress(terminal, json))
            ConversationWriter.Write(output, progress.Follow(mixture.Read(), cancel), format);
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
                o.WriteNumber("seconds", Math.Round(clock.Elapsed.TotalSeconds, 3));
            }));
            return;
        }
        foreach (var (name, available, taken) in report.Parts)
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{taken,11:N0} of {available,11:N0}  {100.0 * taken / Math.Max(1, report.Records),5:0.0} %  {Shown(name)}"));
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Records:N0} records in {clock.Elapsed.TotalSeconds:0.0} s: {output}"));
        terminal.Out.WriteLine($"fingerprint {report.Fingerprint}");
    }

    private static string Shown(string name) =>
        Path.GetRelativePath(Directory.GetCurrentDirectory(), name) is var near && near.StartsWith("..", StringComparison.Ordinal)
            ? name : near;

    // A list of sets is the data of a recipe, so it is read as one: names, settings and mistakes mean the same.
    private static Recipe OfSources(string[] sources) => RecipeFile.ParseData("data:\n"
        + string.Concat(sources.Select(source => $"  - {{ {Entry(source)} }}\n")) + "mixture: { order: shuffle }\n",
        "--source", null, Directory.GetCurrentDirectory());

    // What stands behind the last colon is a weight or settings only where it looks like them: a path may hold a colon.
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
