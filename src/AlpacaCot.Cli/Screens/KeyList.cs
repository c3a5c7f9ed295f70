using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Configuration;
using Spectre.Console;

namespace AlpacaCot.Cli.Screens;

/// <summary>Prints the keys of a recipe or a study with their defaults.</summary>
internal static class KeyList
{
    public static int Show(IReadOnlyList<DocumentedKey> keys, bool json, Terminal terminal)
    {
        if (json)
            terminal.WriteJson(w => w.Object(o => o.Array("keys", keys, k => o.Object(key =>
            {
                key.WriteString("name", k.Name);
                key.WriteString("allowed", k.Allowed);
                key.WriteString("default", k.Default);
                key.WriteString("meaning", k.Meaning);
            }))));
        else
            foreach (var k in keys)
                terminal.Console.MarkupLine($"[aqua]{k.Name,-28}[/] {Markup.Escape(k.Meaning)}\n{"",-28} "
                    + $"[grey]{Markup.Escape(k.Allowed + (k.Default.Length > 0 ? $"; default {k.Default}" : ""))}[/]");
        return ExitCode.Done;
    }
}
