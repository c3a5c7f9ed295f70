using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Runtime;

/// <summary>The processor of this machine.</summary>
public static class Processor
{
    private static readonly Lazy<HashSet<string>> KernelFlags =
        new(() => [.. (Line("flags") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

    /// <summary>The model, as the system names it.</summary>
    public static string Name { get; } = Line("model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The units that matter to matrix products, such as AVX-512 and bf16, in the order of their age.</summary>
    public static IReadOnlyList<string> Units { get; } =
    [
        .. Avx512F.IsSupported ? ["AVX-512"] : Avx2.IsSupported ? ["AVX2"] : (string[])[],
        .. Has("avx512_vnni") || Has("avx_vnni") ? ["VNNI"] : (string[])[],
        .. Has("avx512_bf16") ? ["bf16"] : (string[])[],
        .. HasAmx ? ["AMX"] : (string[])[],
    ];

    /// <summary>Whether it has matrix units (AMX), with which libtorch rounds reduced-precision products to bf16.</summary>
    public static bool HasAmx => Has("amx_tile");

    private static bool Has(string flag) => KernelFlags.Value.Contains(flag);

    private static string? Line(string key) => Platform.Field("/proc/cpuinfo", key);
}
