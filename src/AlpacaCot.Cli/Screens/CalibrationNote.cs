using AlpacaCot.Cli.Output;
using Spectre.Console;

namespace AlpacaCot.Cli.Screens;

/// <summary>Announces a measurement of the machine, which takes some seconds.</summary>
internal static class CalibrationNote
{
    public const string Text = "measuring matrix products and memory, once for this machine: some seconds";

    public static void Show(Terminal terminal, bool json) => terminal.Beside(json).MarkupLine($"[grey]{Markup.Escape(Text)}[/]");
}
