namespace AlpacaCot.Training.Tests;

/// <summary>The optimizers follow their formulas on a device that is not the CPU.</summary>
[Trait("level", "full")]
public sealed class SecondDeviceTests(ITestOutputHelper output)
{
    [Fact]
    public void Optimizer_tests_pass_there()
    {
        Assert.SkipWhen(TestDevice.IsSecond, "this is the child process");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch's lazy device is started by a symbol of the Linux library");
        var (code, text) = TestDevice.Run("OptimizerTests");
        output.WriteLine(text);
        Assert.True(code == 0, text[Math.Max(0, text.Length - 4000)..]);
        Assert.DoesNotContain("Total: 0,", text);
    }
}
