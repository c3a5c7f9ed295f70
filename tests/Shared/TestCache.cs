using System.Runtime.CompilerServices;
using AlpacaCot.Text;

namespace AlpacaCot.Tests;

/// <summary>Tests leave the cache of the user alone; those of the cache name a folder of their own.</summary>
internal static class TestCache
{
    [ModuleInitializer]
    internal static void TurnOff() => Environment.SetEnvironmentVariable(UserCache.FolderVariable, "off");
}
