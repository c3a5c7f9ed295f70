using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data</c>: the verbs of the instruction collection. A new one is a file in this folder and a line here.</summary>
internal static class DataVerb
{
    /// <summary>The verbs, in the order of the help.</summary>
    private static Verb[] Verbs(Terminal terminal) =>
    [
        ListVerb.Create(terminal),
        ShowVerb.Create(terminal),
        ConvertVerb.Create(terminal),
        AnswersVerb.Create(terminal),
        MixVerb.Create(terminal),
        CleanVerb.Create(terminal),
        DedupeVerb.Create(terminal),
        DecontaminateVerb.Create(terminal),
        DownloadVerb.Create(terminal),
        StatsVerb.Create(terminal),
    ];

    public static Verb Create(Terminal terminal)
    {
        var verbs = Verbs(terminal);
        var data = new Verb("data", VerbGroup.Data, "The instruction collection: list, convert, mix, clean, measure",
            [.. verbs.Select(verb => verb.Examples[0])]);
        foreach (var verb in verbs) data.Add(verb);
        return data;
    }
}
