using System.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that say how instruction data is read, as <c>format</c> and <c>columns</c> of a recipe do.</summary>
internal sealed class ReadingOptions
{
    private readonly Option<string> _format = new("--format", "--from")
    {
        Description = "Format of the records, if it cannot be detected: " + string.Join(", ", RecordFormats.Names),
        HelpName = "FORMAT",
    };

    private readonly Option<string> _columns = new("--columns")
    {
        Description = "Names of the fields in the file, for example instruction=q,output=a", HelpName = "FIELD=NAME,...",
    };

    /// <summary>All options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_format, _columns];

    /// <summary>Whether one of the options is given.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_format) is not null || parsed.GetValue(_columns) is not null;

    /// <summary>The format and the names; what is recognised is shown once for each file, on standard error.</summary>
    public ReadOptions Read(ParseResult parsed, Terminal terminal) => Shown(terminal) with
    {
        Format = parsed.GetValue(_format), Columns = Columns(parsed.GetValue(_columns) ?? ""),
    };

    /// <summary>Options that show what is recognised once for each file.</summary>
    public static ReadOptions Shown(Terminal terminal)
    {
        var shown = new HashSet<string>();
        return new ReadOptions
        {
            OnRecognized = what =>
            {
                lock (shown)
                    if (shown.Add(what)) terminal.Error.WriteLine(what);
            },
        };
    }

    /// <summary>Reads the value of <c>--columns</c>.</summary>
    private static Dictionary<string, string> Columns(string text)
    {
        var columns = new Dictionary<string, string>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } field, { Length: > 0 } name]
                || !columns.TryAdd(field, name))
                throw new InputException($"--columns: found {text}, allowed is a list, for example instruction=q,output=a");
        return columns;
    }
}
