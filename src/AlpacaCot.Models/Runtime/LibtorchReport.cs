namespace AlpacaCot.Models.Runtime;

/// <summary>How libtorch was loaded.</summary>
public sealed record LibtorchReport
{
    /// <summary>The libtorch release that TorchSharp's library was built against.</summary>
    public const string BuiltAgainst = "2.10";

    /// <summary>The folder the libraries came from.</summary>
    public string? Folder { get; init; }

    /// <summary>True when the folder was named by <see cref="Libtorch.FolderVariable"/>.</summary>
    public bool External { get; init; }

    /// <summary>True when this system's C++ library is older than TorchSharp's build and the nominal need was lifted.</summary>
    public bool Adapted { get; init; }

    /// <summary>Why libtorch cannot be used, for a person; null when it can.</summary>
    public string? Problem { get; init; }
}
