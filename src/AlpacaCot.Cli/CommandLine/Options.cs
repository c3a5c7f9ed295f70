using System.CommandLine;
using AlpacaCot.Models.Quantization;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that more than one verb has: one name and one meaning everywhere.</summary>
internal static class Options
{
    public static Option<string> Model(string description = "Hugging Face model folder") =>
        new("--model") { Description = description, HelpName = "DIR" };

    public static Option<string> Tokenizer() =>
        new("--tokenizer") { Description = "Tokenizer file or folder, where it is not in the model folder", HelpName = "FILE" };

    public static Option<string> Adapter() =>
        new("--adapter") { Description = "PEFT adapter folder; its prompt template is used", HelpName = "DIR" };

    public static Option<string> Template() =>
        new("--template")
        {
            Description = "Prompt template: a name, a JSON or Jinja file, or model for the model's own; by default that of the "
                + "adapter, else the model's own, else alpaca",
            HelpName = "NAME",
        };

    public static Option<string> Out(string description) => new("--out") { Description = description, HelpName = "FILE" };

    public static Option<int> Seed() =>
        new("--seed") { Description = "Seed of everything random", HelpName = "N", DefaultValueFactory = _ => 42 };

    public static Option<string> Device()
    {
        var option = new Option<string>("--device") { Description = "Where to compute", DefaultValueFactory = _ => "cpu" };
        return option.AcceptOnlyFromAmong("cpu");
    }

    public static Option<string> Dtype()
    {
        var option = new Option<string>("--dtype")
        {
            Description = "Number format to compute in", DefaultValueFactory = _ => "float32",
        };
        return option.AcceptOnlyFromAmong("float32");
    }

    public static Option<string?> Weights()
    {
        var option = new Option<string?>("--weights")
        {
            Description = "How matrices are kept while answering: int8 and int4 (GGUF's Q8_0 and Q4_0) answer fastest; as stored "
                + "by default",
        };
        return option.AcceptOnlyFromAmong("fp32", "bf16", "int8", "int4");
    }

    public static Option<string> Quantization()
    {
        var option = new Option<string>("--quantization")
        {
            Description = "Keep linear layers in 8 or 4 bits, quantized while loading", DefaultValueFactory = _ => "none",
        };
        return option.AcceptOnlyFromAmong(["none", .. QuantizationOptions.Names]);
    }

    public static Option<int?> Limit(string description) => Positive<int?>("--limit", description, "N");

    public static Option<string> Text(string name, string description) =>
        new(name) { Description = description, HelpName = "TEXT" };

    public static Option<string> InputIds() =>
        new("--input-ids") { Description = "Token ids, as in \"1,2,3\"", HelpName = "IDS" };

    public static Option<int?> MaxNewTokens(int standard) =>
        Positive<int?>("--max-new-tokens", $"The most tokens to generate; {standard} where nothing else is said", "N");

    public static Option<double?> Temperature() =>
        Number<double?>("--temperature", "Draw; below 1 the likely words gain, above 1 the unlikely ones", "T", null,
            v => v is > 0 and <= 100, "a number above 0, at most 100");

    public static Option<double?> TopP() =>
        Number<double?>("--top-p", "Draw from the likeliest tokens that together reach this probability", "P", null,
            v => v is > 0 and <= 1, "a number above 0, at most 1");

    public static Option<int?> TopK() => Positive<int?>("--top-k", "Draw from this many likeliest tokens", "K");

    public static Option<bool> Greedy() =>
        new("--greedy") { Description = "Always take the likeliest token; this is so without --temperature, --top-p, --top-k" };

    public static Option<bool> Json() =>
        new("--json") { Description = "Print one JSON document; everything else goes to standard error" };

    public static Option<string[]> Set() => new("--set")
    {
        Description = "Override a value of the recipe, as in training.epochs=1; may be given several times",
        HelpName = "KEY=VALUE",
        DefaultValueFactory = _ => [],
    };

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
