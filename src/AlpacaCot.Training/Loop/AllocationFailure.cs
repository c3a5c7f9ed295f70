using System.Runtime.InteropServices;

namespace AlpacaCot.Training.Loop;

/// <summary>Recognizes that memory could not be allocated, by libtorch or by .NET.</summary>
internal static class AllocationFailure
{
    // The messages of libtorch's allocators, and of the C++ library.
    private static readonly string[] Messages = ["can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc"];

    public static bool Is(Exception e) => e is OutOfMemoryException
        || e is ExternalException && Messages.Any(m => e.Message.Contains(m, StringComparison.OrdinalIgnoreCase));
}
