namespace AlpacaCot.World.Tests;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("alpacacot-world-");

    public string this[string name] => Path.Combine(root.FullName, name);

    public void Dispose() => root.Delete(recursive: true);
}
