namespace AlpacaCot.Models.Runtime;

/// <summary>The result of loading libtorch.</summary>
public sealed record LibtorchReport
{
    /// <summary>The libtorch release that TorchSharp's library was built against.</summary>
    public const string BuiltAgainst = "2.10";

    /// <summary>The folder of the loaded libraries.</summary>
    public string? Folder { get; init; }

    /// <summary>True if the folder was set by <see cref="Libtorch.FolderVariable"/>.</summary>
    public bool External { get; init; }

    /// <summary>Whether the library has CUDA.</summary>
    public bool HasCuda { get; init; }

    /// <summary>Which libtorch it is, in a few words.</summary>
    public string Description => (External ? $"libtorch in {Folder} ({Libtorch.FolderVariable})"
        : $"libtorch {BuiltAgainst}, included") + (HasCuda ? ", with CUDA" : ", for the CPU");

    /// <summary>True if this system's C++ library is older than TorchSharp's build and the nominal version requirement was made
    /// optional.</summary>
    public bool Adapted { get; init; }

    /// <summary>How the threads wait for the next product.</summary>
    public ThreadWaits Waits { get; init; }

    /// <summary>The message why libtorch cannot be used; null if it was loaded.</summary>
    public string? Problem { get; init; }
}
