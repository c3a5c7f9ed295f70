using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

internal static class Tensors
{
    /// <summary>Same type, same shape, same bits.</summary>
    public static void AssertSame(Tensor expected, Tensor actual, string name)
    {
        Assert.True(expected.dtype == actual.dtype, $"{name}: {actual.dtype}, not {expected.dtype}");
        Assert.True(expected.shape.SequenceEqual(actual.shape), $"{name}: [{string.Join(", ", actual.shape)}]");
        using var scope = NewDisposeScope();
        Assert.True(expected.contiguous().bytes.SequenceEqual(actual.contiguous().bytes), $"{name}: other values");
    }

    /// <summary>Writes a file into the folder and gives its path.</summary>
    public static string Write(this TemporaryFolder folder, string name, byte[] bytes)
    {
        var path = folder.File(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
