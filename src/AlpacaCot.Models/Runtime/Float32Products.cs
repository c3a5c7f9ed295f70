using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Runtime;

/// <summary>The library that computes libtorch's fp32 matrix products on the CPU.</summary>
public enum Float32Path
{
    /// <summary>libtorch's choice: MKL, which uses AVX2 on processors of other makers than Intel.</summary>
    Default,

    /// <summary>oneDNN, which uses AVX-512 on all processors that have it.</summary>
    OneDnn,
}

/// <summary>
/// The choice of the library for fp32 products. libtorch has a switch for it, the "medium" precision of fp32 products, which its
/// C++ library exports. On processors with AMX the switch rounds to bf16, so it is not used there; elsewhere oneDNN computes in
/// fp32, which <see cref="Error"/> verifies before the choice.
/// </summary>
public static unsafe class Float32Products
{
    private const string Context = "_ZN2at13globalContextEv",
        Setter = "_ZN2at7Context25setFloat32MatmulPrecisionERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";

    private static readonly Lazy<(nint Context, nint Setter)?> Exports = new(Find);

    /// <summary>Whether this machine and libtorch allow <see cref="Float32Path.OneDnn"/>.</summary>
    public static bool HasOneDnn => Avx512F.IsSupported && !Processor.HasAmx && Exports.Value is not null;

    /// <summary>The path in use.</summary>
    public static Float32Path Path { get; private set; }

    /// <summary>Selects the path of all later products of this process.</summary>
    /// <exception cref="NotSupportedException">The path is not available here.</exception>
    public static void Use(Float32Path path)
    {
        if (path == Path) return;
        if (!HasOneDnn || Exports.Value
            is not { } found) throw new NotSupportedException($"fp32 products by {path} are not available");
        Set(found, path == Float32Path.OneDnn ? "medium"u8 : "highest"u8);
        Path = path;
    }

    /// <summary>The relative error of fp32 products on the path in use against fp64, and the bound of fp32 sums.</summary>
    internal static (double Error, double Bound) Error()
    {
        const int rows = 96, width = 1024, outputs = 320;
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var quiet = TorchSharp.torch.no_grad();
        var (a, b) = (Numbers(rows, width, 1), Numbers(outputs, width, 2));
        var exact = a.to(TorchSharp.torch.ScalarType.Float64).mm(b.to(TorchSharp.torch.ScalarType.Float64).t());
        var difference = a.mm(b.t()).to(TorchSharp.torch.ScalarType.Float64) - exact;
        return (difference.norm().item<double>() / exact.norm().item<double>(), Math.Sqrt(width) * Math.Pow(2, -24));
    }

    // Numbers of a fixed sequence: the generator of the process is not touched.
    private static TorchSharp.torch.Tensor Numbers(int rows, int columns, int start)
    {
        var (values, state) = (new float[rows * columns], (uint)start);
        for (var i = 0; i < values.Length; i++) values[i] = (state = state * 1664525 + 1013904223) / (float)uint.MaxValue - 0.5f;
        return Tensors.Of(values, [rows, columns], TorchSharp.torch.CPU);
    }

    // std::string of libstdc++: the address of its characters, their number, and 16 bytes for short texts.
    private static void Set((nint Context, nint Setter) found, ReadOnlySpan<byte> word)
    {
        var text = stackalloc byte[32];
        new Span<byte>(text, 32).Clear();
        word.CopyTo(new Span<byte>(text + 16, 15));
        *(byte**)text = text + 16;
        *(nint*)(text + 8) = word.Length;
        var context = ((delegate* unmanaged<void*>)found.Context)();
        ((delegate* unmanaged<void*, void*, void>)found.Setter)(context, text);
    }

    private static (nint, nint)? Find()
    {
        if (!OperatingSystem.IsLinux() || Libtorch.Report is not { Problem: null, Folder: { } folder }) return null;
        return NativeLibrary.TryLoad(System.IO.Path.Combine(folder, "libtorch_cpu.so"), out var library)
            && NativeLibrary.TryGetExport(library, Context, out var context)
            && NativeLibrary.TryGetExport(library, Setter, out var setter) ? (context, setter) : null;
    }
}
