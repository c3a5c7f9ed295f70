using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;

namespace AlpacaCot.Models.Tests.Runtime;

public sealed class LibtorchTests
{
    [Fact]
    public void Loads_and_computes()
    {
        Assert.Null(Libtorch.Report.Problem);
        using var x = Range(0, 4, TorchSharp.torch.CPU, torch.float32);
        using var y = x.dot(x);
        Assert.Equal(14f, y.item<float>());
        NumericSelfTest.Run(torch.CPU);
    }

    [Fact]
    public void Audit_finds_every_symbol_in_its_own_libtorch_and_misses_them_without()
    {
        var binding = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(binding), "needs Linux with the packaged libtorch");
        var libraries = new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" }
            .Select(name => System.Runtime.InteropServices.NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, name)))
            .ToArray();
        Assert.Empty(SymbolAudit.Missing(binding, libraries));
        Assert.Contains(SymbolAudit.Missing(binding, [libraries[0]]), s => s.Contains("at4_ops", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_a_nominal_version_is_made_optional()
    {
        var binding = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(binding), "needs Linux with the packaged libtorch");
        var bytes = File.ReadAllBytes(binding);
        Assert.False(new ElfFile([.. bytes]).MakeVersionOptional("GLIBCXX_3.4.32", new HashSet<string>()));
        var elf = new ElfFile([.. bytes]);
        Assert.True(elf.MakeVersionOptional("GLIBCXX_3.4.32", new HashSet<string> { "_ZSt21ios_base_library_initv" }));
        Assert.Equal(1, elf.Bytes.ToArray().Zip(bytes).Count(pair => pair.First != pair.Second));
    }

    [Fact]
    public void Trimming_returns_memory()
    {
        for (var i = 0; i < 100; i++) torch.zeros(100_000).Dispose();
        Platform.TrimMemory();
        Assert.InRange(Platform.ResidentBytes, 1 << 20, Platform.PeakResidentBytes);
    }
}
