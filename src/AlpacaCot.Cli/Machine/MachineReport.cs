using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Cli.Machine;

/// <summary>Checks the parts of this machine that training and figures need. Changes nothing.</summary>
internal static class MachineReport
{
    private const long Gigabyte = 1L << 30;

    /// <param name="folder">The folder that is searched for leftovers of killed writes.</param>
    public static IReadOnlyList<MachineFinding> Findings(string folder) =>
    [
        OperatingSystemRow(), Glibc(), DotNet(), Processor(), Memory(), Disk(), LeftoverRow(folder), Cache(), Torch(), Threads(),
        Gpu(), Mpi(), Fonts(),
        Chromium(),
    ];

    private static MachineFinding LeftoverRow(string folder)
    {
        const int Shown = 5;
        var found = RunLeftovers.In(folder);
        if (found.Count == 0) return new("leftovers", FindingState.Ok, $"none of killed writes in {Path.GetFullPath(folder)}");
        var more = found.Count > Shown ? $" and {found.Count - Shown} more" : "";
        return new("leftovers", FindingState.Warning, string.Create(CultureInfo.InvariantCulture,
                $"{found.Count} of killed writes, {found.Sum(Leftovers.BytesOf) / 1e6:0.0} MB: "
                    + $"{string.Join(", ", found.Take(Shown))}{more}"),
            "no running process uses them; the next run of the same output removes them",
            $"rm -r {string.Join(" ", found.Take(Shown).Select(path => $"'{path}'"))}");
    }

    private static MachineFinding Cache()
    {
        try
        {
            if (EncodedCache.OfUser() is not { } cache)
                return new("cache", FindingState.Optional, $"none ({UserCache.FolderVariable})", "tokenized data is not kept");
            return new("cache", FindingState.Ok, string.Create(CultureInfo.InvariantCulture,
                    $"{cache.Size / 1e9:0.000} GB of at most {UserCache.Limit() / 1e9:0.###} GB in {cache.Folder}"),
                string.Create(CultureInfo.InvariantCulture,
                    $"tokenized data of {cache.Count} recipes, made again where it is removed; ")
                    + $"{UserCache.FolderVariable} names another folder or \"off\", {UserCache.LimitVariable} the limit");
        }
        catch (InputException wrong)
        {
            return new("cache", FindingState.Warning, wrong.Message);
        }
    }

    private static MachineFinding OperatingSystemRow()
    {
        var name = Line("/etc/os-release", "PRETTY_NAME=")?.Trim('"') ?? RuntimeInformation.OSDescription;
        return new("system", FindingState.Ok, $"{name}, {RuntimeInformation.RuntimeIdentifier}");
    }

    private static MachineFinding Glibc() => (OperatingSystem.IsLinux(), Platform.GlibcVersion) switch
    {
        (false, _) => new("C library", FindingState.Ok, "that of the system"),
        (_, null) => new("C library", FindingState.Missing, "not glibc",
            "libtorch needs glibc 2.34 or newer (Alpine's musl is not supported)",
                "use Debian 12, Ubuntu 22.04, RHEL 9 or newer"),
        (_, { } version) when version < new Version(2, 34) => new("C library", FindingState.Missing, $"glibc {version}",
            "libtorch needs 2.34 or newer", "use Debian 12, Ubuntu 22.04, RHEL 9 or newer"),
        (_, { } version) => new("C library", FindingState.Ok, $"glibc {version}"),
    };

    private static MachineFinding DotNet() => new(".NET", FindingState.Ok, Environment.Version.ToString());

    private static MachineFinding Processor()
    {
        var name = Line("/proc/cpuinfo", "model name")?.TrimStart('\t', ' ', ':')
            ?? RuntimeInformation.ProcessArchitecture.ToString();
        var flags = (Line("/proc/cpuinfo", "flags") ?? "").Split(' ').ToHashSet();
        var units = new List<string>();
        if (Avx512F.IsSupported) units.Add("AVX-512");
        else if (Avx2.IsSupported) units.Add("AVX2");
        if (flags.Contains("avx512_vnni") || flags.Contains("avx_vnni")) units.Add("VNNI");
        if (flags.Contains("avx512_bf16")) units.Add("bf16");
        if (flags.Contains("amx_tile")) units.Add("AMX");
        var cores = Environment.ProcessorCount;
        var value = $"{name}, {cores} {(cores == 1 ? "core" : "cores")}, " +
            $"{(units.Count == 0 ? "no vector units detected" : string.Join(" ", units))}";
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64 && !Avx2.IsSupported)
            return new("processor", FindingState.Warning, value, "without AVX2 training is several times slower", "");
        var note = units.Contains("AMX") || units.Contains("bf16") ? "computes in float32; has units for bfloat16"
            : "computes in float32; has no bf16 units";
        return new("processor", FindingState.Ok, value, note);
    }

    private static MachineFinding Memory()
    {
        var total = Kilobytes("MemTotal:") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = Kilobytes("MemAvailable:");
        var limit = ControlGroupLimit() is { } bytes && bytes < total ? bytes : (long?)null;
        var value = $"{Size(total)}" + (free is null ? "" : $", {Size(free.Value)} free")
            + (limit is null ? "" : $", limited to {Size(limit.Value)} for this process group");
        var usable = Math.Min(free ?? total, limit ?? long.MaxValue);
        // Frozen bfloat16 weights mapped from disk, activations and the adapter beside them.
        return usable < 4 * Gigabyte
            ? new("memory", FindingState.Warning, value, "enough for models up to about half a billion parameters",
                "close other programs")
            : new("memory", FindingState.Ok, value);
    }

    private static MachineFinding Disk()
    {
        var folder = Directory.GetCurrentDirectory();
        var free = new DriveInfo(folder).AvailableFreeSpace;
        return free < 5 * Gigabyte
            ? new("disk", FindingState.Warning, $"{Size(free)} free in {folder}",
                "a run keeps checkpoints, a model takes gigabytes", "du -sh runs/*")
            : new("disk", FindingState.Ok, $"{Size(free)} free in {folder}");
    }

    private static MachineFinding Torch()
    {
        var report = Libtorch.Report;
        if (report.Problem is { } problem) return new("libtorch", FindingState.Missing, "cannot be loaded", problem);
        var value = report.External ? $"{report.Folder} ({Libtorch.FolderVariable})" : $"{LibtorchReport.BuiltAgainst}, included";
        return new("libtorch", FindingState.Ok, value, report.Adapted ? "adapted to this system's older C++ library" : "");
    }

    private static MachineFinding Threads()
    {
        var report = Libtorch.Report;
        if (report.Problem is not null) return new("threads", FindingState.Optional, "unknown, without libtorch");
        var value = string.Create(CultureInfo.InvariantCulture, $"{TorchSharp.torch.get_num_threads()} for products");
        return new("threads", FindingState.Ok, value, report.Waits switch
        {
            ThreadWaits.Adaptive => "they wait in a loop on a quiet machine and sleep beside other work",
            ThreadWaits.Short => "they sleep between products",
            ThreadWaits.AsSet => "they wait as OMP_WAIT_POLICY, GOMP_SPINCOUNT or KMP_BLOCKTIME says",
            _ => "they wait as the system's libtorch does",
        });
    }

    private static MachineFinding Gpu()
    {
        var devices = Directory.Exists("/dev") ? Directory.GetFiles("/dev", "nvidia?").Length : 0;
        var names = Programs.Output("nvidia-smi", "--query-gpu=name,memory.total --format=csv,noheader");
        if (names is { Length: > 0 })
            return new("GPU", FindingState.Optional, string.Join("; ", names.Split('\n', StringSplitOptions.RemoveEmptyEntries)),
                "this version computes on the CPU");
        return devices > 0
            ? new("GPU", FindingState.Warning, $"{devices} NVIDIA device(s), but no working driver (nvidia-smi)", "",
                "apt install nvidia-driver")
            : new("GPU", FindingState.Optional, "none", "training runs on the CPU");
    }

    private static MachineFinding Mpi()
    {
        var library = Programs.Library("libmpi.so");
        var launcher = Programs.Find("mpirun");
        return library is not null && launcher is not null ? new("MPI", FindingState.Ok, library)
            : new("MPI", FindingState.Optional, library is null ? "none" : $"{library}, without mpirun",
                "only for training on several machines", "apt install openmpi-bin libopenmpi-dev");
    }

    private static MachineFinding Fonts()
    {
        string[] folders = ["/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", @"C:\Windows\Fonts"];
        var files = folders.Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*.*", SearchOption.AllDirectories))
            .Where(f => Path.GetExtension(f).ToLowerInvariant() is ".ttf" or ".otf" or ".ttc")
            .Select(f => Path.GetFileName(f)).ToList();
        if (files.Count == 0)
            return new("fonts", FindingState.Warning, "none", "figures have no text",
                "apt install fonts-dejavu-core fonts-noto-cjk");
        string[] chinese = ["CJK", "wqy", "SourceHan", "msyh", "simsun", "PingFang", "DroidSansFallback"];
        return files.Any(f => chinese.Any(c => f.Contains(c, StringComparison.OrdinalIgnoreCase)))
            ? new("fonts", FindingState.Ok, $"{files.Count}, including Chinese")
            : new("fonts", FindingState.Optional, $"{files.Count}, none for Chinese", "only for Chinese text in figures",
                "apt install fonts-noto-cjk");
    }

    private static MachineFinding Chromium()
    {
        var path = new[] { "chromium", "chromium-browser", "google-chrome" }.Select(Programs.Find)
            .FirstOrDefault(p => p is not null);
        return path is not null ? new("browser", FindingState.Ok, path)
            : new("browser", FindingState.Optional, "none", "only for the project's tests of web pages", "apt install chromium");
    }

    private static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)Gigabyte:0.0} GB");

    private static string? Line(string path, string start) =>
        File.Exists(path) && File.ReadLines(path).FirstOrDefault(l => l.StartsWith(start, StringComparison.Ordinal)) is { } line
            ? line[start.Length..].Trim() : null;

    private static long? Kilobytes(string key) =>
        Line("/proc/meminfo", key)?.Split(' ')[0] is { } number ? long.Parse(number, CultureInfo.InvariantCulture) * 1024 : null;

    private static long? ControlGroupLimit()
    {
        string[] files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        var text = files.Where(File.Exists).Select(f => File.ReadAllText(f).Trim()).FirstOrDefault();
        return long.TryParse(text, CultureInfo.InvariantCulture, out var bytes) ? bytes : null;
    }
}
