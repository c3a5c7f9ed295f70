using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Cli.Machine;

/// <summary>Checks the parts of this machine that training and figures need.</summary>
internal static class MachineReport
{
    private const long Gigabyte = 1L << 30;

    /// <param name="folder">The folder that is searched for leftovers of killed writes.</param>
    /// <param name="calibrate">Returns the measured speed of this machine.</param>
    public static IReadOnlyList<MachineFinding> Findings(string folder, Func<MachineCalibration> calibrate) =>
    [
        OperatingSystemRow(), Glibc(), DotNet(), Processor(), Memory(), Disk(), LeftoverRow(folder), Cache(), Torch(), Threads(),
        Products(Libtorch.Report.Problem is null ? calibrate() : null), Gpu(), PyTorch(), Mpi(), Fonts(),
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
        var units = Models.Runtime.Processor.Units;
        var cores = Environment.ProcessorCount;
        var value = $"{Models.Runtime.Processor.Name}, {cores} {(cores == 1 ? "core" : "cores")}, " +
            $"{(units.Count == 0 ? "no vector units detected" : string.Join(" ", units))}";
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64 && !Avx2.IsSupported)
            return new("processor", FindingState.Warning, value, "without AVX2 training is several times slower", "");
        return new("processor", FindingState.Ok, value);
    }

    // What it computes with; libtorch must be loaded.
    private static MachineFinding Products(MachineCalibration? measured)
    {
        if (measured is null) return new("products", FindingState.Warning, "not measured: libtorch cannot be loaded");
        var words = TrainingOptions.ArithmeticWords;
        var rates = Enum.GetValues<Arithmetic>().Select(a => $"{words.Of(a)} {Billions(measured.Rate(WeightForm.Float32, a))}");
        var path = measured.Path == Float32Path.OneDnn ? "oneDNN" : "libtorch's default library";
        var tried = measured.PathRates.TryGetValue(Float32Path.OneDnn, out var other)
            ? $" (default {Billions(measured.PathRates[Float32Path.Default])}, oneDNN {Billions(other)})" : "";
        var fastest = measured.Fastest([(WeightForm.Float32, 1 << 22)], 512);
        return new("products", FindingState.Ok, string.Create(CultureInfo.InvariantCulture,
                $"{string.Join(", ", rates)} billion operations/s both ways; memory copies {measured.CopyRate / 1e9:0.0} GB/s"),
            $"fp32 by {path}{tried}; training.compute: auto takes {words.Of(fastest)} for large fp32 matrices",
            "alpaca-cot doctor --fresh measures again");
    }

    private static string Billions(double rate) => (rate / 1e9).ToString("0", CultureInfo.InvariantCulture);

    private static MachineFinding Memory()
    {
        var (total, free, limit) = (Platform.TotalMemory, Platform.FreeMemory, Platform.MemoryLimit);
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
        return new("libtorch", FindingState.Ok, report.Description,
            report.Adapted ? "adapted to this system's older C++ library" : "");
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

    /// <summary>The row about GPUs.</summary>
    /// <param name="state">The driver and libtorch.</param>
    /// <param name="found">The libtorch of Python installations.</param>
    /// <param name="devices">The number of NVIDIA's device files.</param>
    internal static MachineFinding Gpu(GpuState state, IReadOnlyList<FoundLibtorch> found, int devices)
    {
        var driver = state.Driver;
        if (driver is { Gpus.Count: 0, Version: null, Cuda: null } && devices == 0)
            return new("GPU", FindingState.Optional, "none", "training runs on the CPU");
        var gpus = string.Join("; ", driver.Gpus.Select((gpu, index) =>
            $"cuda:{index} {gpu.Name}, {Size(gpu.MemoryBytes)}, compute capability {gpu.Capability}"));
        var value = (gpus.Length > 0 ? gpus : devices > 0 ? $"{devices} NVIDIA device file(s)" : "no GPU")
            + $"; driver {driver.Version ?? "of unknown version"}"
            + (driver.Cuda is { } cuda ? $" for CUDA up to {cuda}" : "");
        if (state.Missing is not { } missing)
            return new("GPU", FindingState.Ok, value, $"{state.Libtorch.Description}; device: auto takes cuda:0");
        var remedy = driver.Gpus.Count == 0 ? "apt install nvidia-driver"
            : !state.Libtorch.HasCuda && found.FirstOrDefault(f => f.HasCuda) is { } torch
                ? $"export {Libtorch.FolderVariable}={torch.Folder}" : "";
        return new("GPU", FindingState.Warning, value, $"not used: {missing}", remedy);
    }

    private static MachineFinding Gpu() => Gpu(GpuState.OfMachine, LibtorchFolders.OfMachine(),
        Directory.Exists("/dev") ? Directory.GetFiles("/dev", "nvidia?").Length : 0);

    private static MachineFinding PyTorch()
    {
        var found = LibtorchFolders.OfMachine();
        return found.Count == 0 ? new("PyTorch", FindingState.Optional, "none",
                "not needed; its libtorch with CUDA can be used instead of the included one")
            : new("PyTorch", FindingState.Ok, string.Join("; ", found.Select(f =>
                $"{f.Version ?? "of unknown version"} in {f.Folder}{(f.HasCuda ? ", with CUDA" : ", for the CPU")}")),
                $"{Libtorch.FolderVariable} takes its libtorch, which must be {LibtorchReport.BuiltAgainst} or fit it");
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
}
