using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AlpacaCot.Text;
using TorchSharp;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Loads libtorch before TorchSharp looks for it, so that it works on any Linux with glibc 2.34 or newer.
/// <para>
/// TorchSharp 0.107's library requires GLIBCXX_3.4.32 (GCC 13), which Debian 12 and Ubuntu 22.04 lack. The only symbol of
/// that version is a marker without a relocation, so the requirement is nominal: a copy of the library with the version marked
/// optional is loaded from memory. No file is changed or written.
/// </para>
/// <para>
/// <c>ALPACACOT_LIBTORCH</c> may name a folder with another libtorch (PyTorch's <c>torch/lib</c>, with CUDA). Every symbol
/// TorchSharp needs is then looked up, and a numeric self-test is run, before the library is used.
/// </para>
/// </summary>
public static partial class Libtorch
{
    /// <summary>The environment variable that names a folder with another libtorch.</summary>
    public const string FolderVariable = "ALPACACOT_LIBTORCH";

    /// <summary>The switch of <see cref="AppContext"/> that leaves loading to <see cref="EnsureLoaded"/>.</summary>
    public const string OnDemandSwitch = "AlpacaCot.LibtorchOnDemand";

    private static readonly string[] Parts = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];
    private static readonly HashSet<string> NominalSymbols = ["_ZSt21ios_base_library_initv"];
    private static readonly Lazy<LibtorchReport> Loaded = new(Load);

    /// <summary>The loaded library and its folder, or the reason why loading failed.</summary>
    public static LibtorchReport Report => Loaded.Value;

    /// <summary>Loads libtorch once; further calls return at once.</summary>
    /// <exception cref="InputException">libtorch cannot be loaded; the message gives the reason and the remedy.</exception>
    public static void EnsureLoaded()
    {
        if (Report.Problem is { } problem) throw new InputException(problem);
    }

    // A program may use any type of this assembly first; libtorch must be loaded before TorchSharp searches for it. A program
    // that sets the switch calls EnsureLoaded itself, before it uses TorchSharp.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void LoadWithAssembly()
    {
        if (!(AppContext.TryGetSwitch(OnDemandSwitch, out var onDemand) && onDemand)) _ = Report;
    }

    private static LibtorchReport Load()
    {
        var external = Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named ? named : null;
        try
        {
            if (!OperatingSystem.IsLinux()) return LoadByTorchSharp();
            if (external is not null && !File.Exists(Path.Combine(external, "libtorch_cpu.so")))
                return new LibtorchReport { Problem = $"{FolderVariable} names {external}, which contains no libtorch_cpu.so. " +
                    "Point it at a folder with libtorch, such as site-packages/torch/lib, or unset it." };

            var binding = Find("libLibTorchSharp.so")
                ?? throw new DllNotFoundException("libLibTorchSharp.so is not in the program's folder");
            var folder = external ?? Path.GetDirectoryName(Find("libtorch_cpu.so")
                ?? throw new DllNotFoundException("libtorch_cpu.so is not in the program's folder"))!;
            var waiting = ThreadWaiting.BeforeLoading(folder);
            var hasCuda = File.Exists(Path.Combine(folder, "libtorch_cuda.so"));
            if (hasCuda) CudaLibraries.Preload(folder);
            var handles = (from part in Parts
                           let path = Path.Combine(folder, $"lib{part}.so")
                           where File.Exists(path)
                           select NativeLibrary.Load(path)).ToArray();
            var adapted = !NativeLibrary.TryLoad(binding, out var bindingHandle);
            if (adapted) bindingHandle = LoadWithoutNominalVersion(binding);
            foreach (var assembly in (Assembly[])[typeof(torch).Assembly, typeof(Libtorch).Assembly])
                NativeLibrary.SetDllImportResolver(assembly,
                    (name, _, _) => name == "LibTorchSharp" ? bindingHandle : IntPtr.Zero);

            if (external is not null)
            {
                var missing = SymbolAudit.Missing(binding, handles);
                if (missing.Count > 0)
                    return new LibtorchReport { Folder = folder, Problem =
                        $"libtorch in {folder} lacks {missing.Count} symbols that TorchSharp needs (first: {missing[0]}). " +
                        $"Use libtorch {LibtorchReport.BuiltAgainst} (PyTorch {LibtorchReport.BuiltAgainst}), or " +
                        $"unset {FolderVariable} " +
                            "to use the one included in AlpacaCot." };
                NumericSelfTest.Run(torch.CPU);
            }
            waiting.Watch(handles);
            return new LibtorchReport
            {
                Folder = folder, External = external is not null, Adapted = adapted, Waits = waiting.Waits, HasCuda = hasCuda,
            };
        }
        catch (Exception e) when (e
            is DllNotFoundException or BadImageFormatException or IOException or TypeInitializationException)
        {
            return new LibtorchReport { Folder = external, Problem = Explain(e) };
        }
    }

    /// <summary>The CUDA devices that the loaded libtorch finds; 0 where it has no CUDA or is not loaded.</summary>
    public static int CudaDevices => Report.Problem is null ? CountDevices() : 0;

    private static LibtorchReport LoadByTorchSharp()
    {
        torch.InitializeDeviceType(DeviceType.CPU);
        return new LibtorchReport { Folder = AppContext.BaseDirectory, HasCuda = Find("torch_cuda.dll") is not null };
    }

    private static IntPtr LoadWithoutNominalVersion(string path)
    {
        var elf = new ElfFile(File.ReadAllBytes(path));
        // throws the loader's message
        if (!elf.MakeVersionOptional("GLIBCXX_3.4.32", NominalSymbols)) return NativeLibrary.Load(path);
        // A memory file needs no writable folder, leaves no file behind and cannot be changed by another process.
        var descriptor = MemfdCreate("libLibTorchSharp.so", 0);
        if (descriptor < 0) throw new IOException("the kernel created no memory file (memfd_create failed)");
        using var file = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true),
            FileAccess.Write);
        file.Write(elf.Bytes);
        file.Flush();
        return NativeLibrary.Load($"/proc/self/fd/{descriptor}");
    }

    private static string? Find(string name) => SearchFolders().Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists);

    private static IEnumerable<string> SearchFolders()
    {
        var assemblyFolder = Path.GetDirectoryName(typeof(Libtorch).Assembly.Location);
        string?[] bases = [AppContext.BaseDirectory, assemblyFolder];
        foreach (var folder in bases.OfType<string>().Where(f => f.Length > 0).Distinct())
        {
            yield return folder;
            yield return Path.Combine(folder, "runtimes", "linux-x64", "native");
        }
        var probed = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        foreach (var folder in probed.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)) yield return folder;
    }

    private static string Explain(Exception e)
    {
        var glibc = Platform.GlibcVersion;
        if (glibc is not null && glibc < new Version(2, 34))
            return $"This system's C library is glibc {glibc}; libtorch needs 2.34 or newer " +
                "(Debian 12, Ubuntu 22.04, RHEL 9 or later).";
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return $"libtorch is not included for {RuntimeInformation.RuntimeIdentifier} in this build; " +
                "linux-x64, win-x64 and osx-arm64 are supported.";
        return $"libtorch could not be loaded: {(e.InnerException ?? e).Message.Split('\n')[0].Trim()} " +
            "Run `alpaca-cot doctor` for details.";
    }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTorchCuda_device_count")]
    private static partial int CountDevices();

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);
}
