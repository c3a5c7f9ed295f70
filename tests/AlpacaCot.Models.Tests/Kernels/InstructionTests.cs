using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>The kernels on processors that lack the widest instructions: the same tests, without them.</summary>
public sealed class InstructionTests
{
    [Theory]
    [InlineData("AVX512"), InlineData("AVXVNNI"), InlineData("AVX2")]
    public Task Kernels_are_right_without(string group) => TestDevice.AllPass(TestDevice.RunWithout(group,
        "KernelTests DecodeKernelTests LowRankKernelTests ArithmeticTests InstructionTests.Control_the_group_is_off"));

    [Fact]
    public void Control_the_group_is_off()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_EnableAVX512") == "0") Assert.False(Avx512F.IsSupported);
        if (Environment.GetEnvironmentVariable("DOTNET_EnableAVXVNNI") == "0") Assert.False(AvxVnni.IsSupported);
        if (Environment.GetEnvironmentVariable("DOTNET_EnableAVX2") == "0") Assert.False(Avx2.IsSupported);
    }
}
