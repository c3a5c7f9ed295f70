using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>PyTorch's libtorch and its CUDA libraries are found in trees as its packages make them.</summary>
public sealed class LibtorchFoldersTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Installations_are_found_those_with_cuda_first()
    {
        Add("a/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so");
        Add("a/lib/python3.11/site-packages/torch/version.py", "__version__ = '2.10.0+cpu'\ndebug = False\n");
        Add("b/lib/python3/dist-packages/torch/lib/libtorch_cpu.so");
        Add("b/lib/python3/dist-packages/torch/lib/libtorch_cuda.so");
        Add("b/lib/python3/dist-packages/torch/version.py", "from typing import Optional\n__version__ = '2.11.0+cu130'\n");
        Add("c/lib/python3.12/site-packages/numpy/version.py");
        var found = LibtorchFolders.Under([_folder.File("a"), _folder.File("b"), _folder.File("c"), _folder.File("none")]);
        Assert.Equal(
        [
            new FoundLibtorch(_folder.File("b/lib/python3/dist-packages/torch/lib"), "2.11.0+cu130", true),
            new FoundLibtorch(_folder.File("a/lib/python3.11/site-packages/torch/lib"), "2.10.0+cpu", false),
        ], found);
    }

    [Fact]
    public void Cuda_libraries_are_loaded_after_those_they_need()
    {
        string[] files =
        [
            "nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/lib/libcudnn_ops.so.9", "nvidia/cublas/lib/libcublas.so.12",
            "nvidia/cublas/lib/libcublasLt.so.12", "nvidia/cuda_runtime/lib/libcudart.so.12",
            "nvidia/cusparse/lib/libcusparse.so.12",
            "nvidia/cusparselt/lib/libcusparseLt.so.0", "torch/lib/libcusolver-01234567.so.11", "torch/lib/libtorch_cuda.so",
        ];
        foreach (var file in files) Add(file);
        Assert.Equal(
        [
            "libcudart.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcusparse.so.12", "libcusolver-01234567.so.11",
            "libcusparseLt.so.0", "libcudnn_ops.so.9", "libcudnn.so.9",
        ], CudaLibraries.Of(_folder.File("torch/lib")).Select(Path.GetFileName));
        CudaLibraries.Preload(_folder.File("torch/lib")); // files that cannot be loaded are left to the loader
    }

    private void Add(string path, string text = "")
    {
        var file = _folder.File(path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
