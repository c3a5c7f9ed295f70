using System.Runtime.InteropServices;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Looks up every symbol that TorchSharp's library requires of libtorch. Linux binds functions at their first call and ends
/// the process if one is missing, so another libtorch is checked in advance.
/// </summary>
internal static class SymbolAudit
{
    private static readonly string[] SystemLibraries = ["libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libc.so.6",
        "ld-linux-x86-64.so.2"];

    /// <summary>The symbols of the binding that none of the loaded libraries defines.</summary>
    public static IReadOnlyList<string> Missing(string bindingPath, IReadOnlyList<IntPtr> libtorch)
    {
        var libraries = libtorch.ToList();
        foreach (var name in SystemLibraries)
            if (NativeLibrary.TryLoad(name, out var handle)) libraries.Add(handle);
        return (from symbol in new ElfFile(File.ReadAllBytes(bindingPath)).UndefinedSymbols()
                where !symbol.Weak && symbol.Name != "_ZSt21ios_base_library_initv"
                where !libraries.Any(library => NativeLibrary.TryGetExport(library, symbol.Name, out _))
                select symbol.Name).ToArray();
    }
}
