using System.Globalization;

namespace AlpacaCot.Cli.Machine;

/// <summary>What the system says about the signals of this process.</summary>
internal static class ProcessSignals
{
    private const int ClosedPipe = 32; // EPIPE: the reader of the output has ended, as in "| head"

    /// <summary>Whether the process was started to go on when its terminal closes, as by nohup.</summary>
    public static bool IgnoresHangUp { get; } = IsIgnored(1);

    /// <summary>Whether an exception only says that nobody reads the output any more.</summary>
    public static bool IsClosedPipe(Exception e) => e is IOException && !OperatingSystem.IsWindows() && e.HResult == ClosedPipe;

    /// <summary>Whether the process was started with a signal ignored.</summary>
    public static bool IsIgnored(int signal)
    {
        const string Mask = "SigIgn:";
        if (!OperatingSystem.IsLinux()) return false;
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith(Mask, StringComparison.Ordinal)) ?? Mask;
        return ulong.TryParse(line.AsSpan(Mask.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask)
            && (mask >> (signal - 1) & 1) == 1;
    }
}
