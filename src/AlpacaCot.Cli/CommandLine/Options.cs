using System.CommandLine;
using System.Globalization;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that more than one command has: one name, one meaning and one text everywhere.</summary>
internal static class Options
{
    public static Option<string> Model(bool required = false,
        string description = "Model: a Hugging Face folder, a GGUF file, or a folder with params.json") =>
        new("--model") { Description = description, HelpName = "PATH", Required = required };

    public static Option<string> Tokenizer(string description = "Tokenizer file or folder, if it is not in the model folder") =>
        new("--tokenizer") { Description = description, HelpName = "PATH" };

    public static Option<string> Adapter(bool required = false) =>
        new("--adapter")
        {
            Description = "PEFT adapter folder, or a run folder that contains adapter/", HelpName = "DIR", Required = required,
        };

    public static Option<string> Template() =>
        new("--template")
        {
            Description = "Prompt template: a name, a JSON or Jinja file, or \"model\" for the model's own. Default: the "
                + "adapter's, else the model's own, else alpaca",
            HelpName = "NAME",
        };

    public static Option<string> In(string description, bool required = false) =>
        new("--in") { Description = description, HelpName = "FILE", Required = required };

    public static Option<string> Out(string description, string helpName = "FILE", bool required = false) =>
        new("--out") { Description = description, HelpName = helpName, Required = required };

    public static Option<int> Seed() => Whole("--seed", "Seed of the random generator", "N", 42, 0);

    public static Option<string> Quantization() =>
        new Option<string>("--quantization")
        {
            Description = "Quantize the linear layers to 8 or 4 bits while loading", DefaultValueFactory = _ => "none",
        }.Among(["none", .. QuantizationOptions.Names]);

    public static Option<bool> SkipBad() =>
        new("--skip-bad") { Description = "Skip records that cannot be read, and report them" };

    public static Option<int?> Limit(string description) => Positive<int?>("--limit", description, "N");

    public static Option<string> Text(string name, string description) =>
        new(name) { Description = description, HelpName = "TEXT" };

    public static Option<string> File(string name, string description, bool required = false) =>
        new(name) { Description = description, HelpName = "FILE", Required = required };

    public static Option<string> InputIds(string description) =>
        new("--input-ids") { Description = description + ", for example \"1,2,3\"", HelpName = "IDS" };

    public static Option<bool> Json(string description = "Print one JSON document; messages go to standard error") =>
        new("--json") { Description = description };

    public static Option<bool> Keys(string file) =>
        new("--keys") { Description = $"List the keys of a {file} with their defaults, and exit" };

    public static Option<string[]> Set() => new("--set")
    {
        Description = "Override a value of the recipe, for example training.epochs=1; repeatable",
        HelpName = "KEY=VALUE",
        DefaultValueFactory = _ => [],
    };

    /// <summary>An option with a fixed list of values; any other value is refused with the reason.</summary>
    public static Option<string> OneOf(string name, string description, string standard, string[] values, string reason) =>
        new Option<string>(name)
        {
            Description = description, HelpName = string.Join('|', values), DefaultValueFactory = _ => standard,
        }.Among(values, reason);

    /// <summary>Allows a fixed list of values.</summary>
    /// <param name="option">The option.</param>
    /// <param name="values">The values.</param>
    /// <param name="reason">Why others are not allowed, for the message; null: the nearest value is suggested.</param>
    public static Option<T> Among<T>(this Option<T> option, IReadOnlyList<string> values, string? reason = null)
    {
        option.CompletionSources.Add([.. values]); // shown in the help
        option.Validators.Add(result =>
        {
            foreach (var word in result.Tokens.Select(t => t.Value).Where(word => !values.Contains(word)))
                result.AddError(Wrong(result.Option.Name, word, string.Join(" or ", values),
                    reason ?? (Spelling.Nearest(word, values) is { } near ? $"did you mean {near}?" : null)));
        });
        return option;
    }

    /// <summary>A whole number from 1.</summary>
    public static Option<T> Positive<T>(string name, string description, string helpName, T? standard = default) =>
        Whole(name, description, helpName, standard, 1);

    /// <summary>A whole number.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">Its text in the help.</param>
    /// <param name="helpName">Its value in the help.</param>
    /// <param name="standard">The default; null: none.</param>
    /// <param name="least">The least number allowed.</param>
    public static Option<T> Whole<T>(string name, string description, string helpName, T? standard, int least) =>
        Typed(name, description, helpName, standard, $"a whole number from {least}", whole: true,
            text => Numbers.Whole(text) is { } value && value >= least ? value : null, Math.Max(least, 8));

    /// <summary>A finite number in a range.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">Its text in the help.</param>
    /// <param name="helpName">Its value in the help.</param>
    /// <param name="standard">The default; null: none.</param>
    /// <param name="valid">Whether a number is allowed.</param>
    /// <param name="allowed">The range, for the message.</param>
    /// <param name="example">An allowed number, for the message.</param>
    public static Option<T> Number<T>(string name, string description, string helpName, T? standard, Func<double, bool> valid,
        string allowed, double example) =>
        Typed(name, description, helpName, standard, allowed, whole: false,
            text => Numbers.Real(text) is { } value && valid(value) ? value : null, example);

    // The one parser of numbers: those of recipes, with their messages.
    private static Option<T> Typed<T>(string name, string description, string helpName, T? standard, string allowed, bool whole,
        Func<string, object?> parse, object example)
    {
        var option = new Option<T>(name)
        {
            Description = description, HelpName = helpName,
            CustomParser = result =>
            {
                var text = result.Tokens is [var token] ? token.Value : "";
                if (parse(text) is { } value) return (T)value;
                result.AddError(Wrong(name, text, allowed, Numbers.Respelled(text, whole) is { } right ? $"write {name} {right}"
                    : string.Create(CultureInfo.InvariantCulture, $"for example {name} {standard ?? example}")));
                return default;
            },
        };
        if (standard is not null) option.DefaultValueFactory = _ => standard;
        return option;
    }

    /// <summary>Refuses an empty path in every option and argument of every command that takes a path.</summary>
    public static void RequirePaths(Command command)
    {
        foreach (var option in command.Options.Where(o => o.HelpName is { } kind && Paths.Any(kind.Split('|').Contains)))
            option.Validators.Add(result =>
            {
                if (result.Tokens.Any(t => string.IsNullOrWhiteSpace(t.Value)))
                    result.AddError(Wrong(option.Name, "", "a path", null));
            });
        foreach (var argument in command.Arguments)
            argument.Validators.Add(result =>
            {
                if (result.Tokens.Any(t => string.IsNullOrWhiteSpace(t.Value)))
                    result.AddError(Wrong(argument.Name, "", "a text that is not empty", null));
            });
        foreach (var sub in command.Subcommands) RequirePaths(sub);
    }

    private static readonly string[] Paths = ["PATH", "FILE", "DIR"];

    /// <summary>The message about a wrong value of an option.</summary>
    public static string Wrong(string name, string found, string allowed, string? remedy) =>
        $"{name}: found {(string.IsNullOrWhiteSpace(found) ? $"the text \"{found}\"" : found)}, allowed is {allowed}"
        + (remedy is null ? "" : $"; {remedy}");
}
