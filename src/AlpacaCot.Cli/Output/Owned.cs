namespace AlpacaCot.Cli.Output;

/// <summary>What lives as long as a command.</summary>
internal sealed class Owned : IDisposable
{
    public List<IDisposable> All { get; } = [];

    public void Dispose()
    {
        foreach (var one in All) one.Dispose();
    }
}
