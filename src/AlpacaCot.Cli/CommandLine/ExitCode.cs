namespace AlpacaCot.Cli.CommandLine;

/// <summary>Exit codes of <c>alpaca-cot</c>.</summary>
internal static class ExitCode
{
    /// <summary>The command succeeded.</summary>
    public const int Done = 0;

    /// <summary>The command failed; the message gives the reason.</summary>
    public const int Failed = 1;

    /// <summary>The command line or a recipe is wrong; nothing was started.</summary>
    public const int WrongUsage = 2;
}
