namespace AlpacaCot.Cli.Output;

/// <summary>Objects that are disposed at the end of a command.</summary>
internal sealed class Owned : IDisposable
{
    public List<IDisposable> All { get; } = [];

    public void Dispose()
    {
        foreach (var one in All) one.Dispose();
    }
}
