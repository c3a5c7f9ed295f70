using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;

namespace AlpacaCot.Cli.Commands.Adapters;

/// <summary><c>adapters</c>: a folder of adapters.</summary>
internal static class AdaptersVerb
{
    public static Verb Create(Terminal terminal)
    {
        Verb[] verbs = [ListVerb.Create(terminal), ShowVerb.Create(terminal), VerifyVerb.Create(terminal)];
        var adapters = new Verb("adapters", VerbGroup.Use, "A collection of adapters: list, show where one comes from, verify",
            [.. verbs.Select(verb => verb.Examples[0])]);
        foreach (var verb in verbs) adapters.Add(verb);
        return adapters;
    }
}
