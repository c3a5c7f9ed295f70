using System.CommandLine;
using AlpacaCot.Models.Quantization;

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

    public static Option<int> Seed() =>
        new("--seed") { Description = "Seed of the random generator", HelpName = "N", DefaultValueFactory = _ => 42 };

    public static Option<string> Quantization() =>
        new Option<string>("--quantization")
        {
            Description = "Quantize the linear layers to 8 or 4 bits while loading", DefaultValueFactory = _ => "none",
        }.AcceptOnlyFromAmong(["none", .. QuantizationOptions.Names]);

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
    public static Option<string> OneOf(string name, string description, string standard, string[] values, string reason)
    {
        var option = new Option<string>(name)
        {
            Description = description, HelpName = string.Join('|', values), DefaultValueFactory = _ => standard,
        };
        option.Validators.Add(result =>
            Check(values.Contains(result.GetValueOrDefault<string>()), result, $"{string.Join(", ", values)}; {reason}"));
        return option;
    }

    public static Option<T> Positive<T>(string name, string description, string helpName, T? standard = default)
    {
        var option = new Option<T>(name) { Description = description, HelpName = helpName };
        if (standard is not null) option.DefaultValueFactory = _ => standard;
        option.Validators.Add(result => Check(Convert.ToInt64(result.GetValueOrDefault<T>() ?? (object)1L,
            System.Globalization.CultureInfo.InvariantCulture) >= 1, result, "a whole number from 1"));
        return option;
    }

    public static Option<T> Number<T>(
        string name, string description, string helpName, T? standard, Func<double, bool> valid, string allowed)
    {
        var option = new Option<T>(name) { Description = description, HelpName = helpName };
        if (standard is not null) option.DefaultValueFactory = _ => standard;
        option.Validators.Add(result => Check(result.GetValueOrDefault<T>() is not { } value
            || valid(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture)), result, allowed));
        return option;
    }

    private static void Check(bool valid, System.CommandLine.Parsing.OptionResult result, string allowed)
    {
        if (!valid) result.AddError($"{result.Option.Name}: found {string.Join(' ', result.Tokens.Select(t => t.Value))}, " +
            $"allowed is {allowed}");
    }
}
