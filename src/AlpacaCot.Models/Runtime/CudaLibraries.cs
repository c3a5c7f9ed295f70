using System.Runtime.InteropServices;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// The CUDA libraries that a libtorch needs beside it. PyTorch's packages keep them in folders of their own; they are loaded
/// first, each after those it needs, so that neither LD_LIBRARY_PATH nor an installed CUDA toolkit is needed.
/// </summary>
internal static class CudaLibraries
{
    // Each library after those it needs.
    private static readonly string[] Order =
    [
        "libcudart", "libnvrtc", "libnvJitLink", "libcublasLt", "libcublas", "libcusparse", "libcufft", "libcurand",
        "libcusolver", "libcusparseLt", "libcudnn_graph", "libcudnn_ops", "libcudnn_cnn", "libcudnn_adv",
        "libcudnn_engines_precompiled", "libcudnn_engines_runtime_compiled", "libcudnn_heuristic", "libcudnn", "libnvToolsExt",
        "libcupti", "libcufile", "libnccl", "libnvshmem_host",
    ];

    /// <summary>The library files of a libtorch in the order of loading.</summary>
    /// <param name="folder">The folder of libtorch; PyTorch's NVIDIA packages are beside its package.</param>
    public static IReadOnlyList<string> Of(string folder)
    {
        var packages = Path.GetFullPath(Path.Combine(folder, "..", "..", "nvidia"));
        string[] folders =
        [
            folder, .. Directory.Exists(packages)
                ? Directory.EnumerateDirectories(packages).Order(StringComparer.Ordinal)
                    .SelectMany(package => new[] { Path.Combine(package, "lib"), Path.Combine(package, "lib64") })
                : [],
        ];
        var files = folders.Where(Directory.Exists).SelectMany(Directory.EnumerateFiles).ToList();
        return [.. from name in Order
                   let file = files.FirstOrDefault(f => IsNamed(Path.GetFileName(f), name))
                   where file is not null
                   select file];
    }

    /// <summary>Loads what is there; what is missing is found by the loader or named by its message.</summary>
    public static void Preload(string folder)
    {
        foreach (var file in Of(folder)) _ = NativeLibrary.TryLoad(file, out _);
    }

    // libNAME.so, libNAME.so.12 or libNAME-0123abcd.so.12: the same library in the packages of different makers.
    private static bool IsNamed(string file, string name) => file.StartsWith(name, StringComparison.Ordinal)
        && file.Length > name.Length && file[name.Length] is '.' or '-' && file.Contains(".so", StringComparison.Ordinal);
}
