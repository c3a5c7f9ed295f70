namespace AlpacaCot.Tests;

/// <summary>
/// Tests that measure the memory of the whole process. They run one after the other, while no other test of their project runs.
/// </summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone
{
    /// <summary>Frees objects that earlier tests left to finalizers, so that it does not shrink the memory measured
    /// next.</summary>
    internal static void Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}
