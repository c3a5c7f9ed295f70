using System.CommandLine;
using AlpacaCot.Data;

namespace AlpacaCot.Cli.Verbs.Data;

/// <summary>STAND-IN until the formats are there.</summary>
internal static class DataConvertVerb
{
    public static Verb Create(Terminal terminal)
    {
        var from = new Option<string>("--in") { Description = "in", HelpName = "PATH", Required = true };
        var output = Options.Out("out");
        output.Required = true;
        var skip = new Option<bool>("--skip-bad") { Description = "skip" };
        var json = Options.Json();
        var source = new SourceConversion();
        var verb = new Verb("convert", VerbGroup.Data, "Convert", SourceConversion.Examples) { from, output, skip, json };
        source.AddTo(verb);
        verb.SetAction((parsed, cancel) =>
        {
            if (!source.IsGiven(parsed)) throw new InputException("no --source");
            source.Run(parsed, parsed.GetValue(from)!, parsed.GetValue(output)!, parsed.GetValue(skip), null, terminal, parsed.GetValue(json), cancel);
            return Task.FromResult(Program.Done);
        });
        return verb;
    }
}
