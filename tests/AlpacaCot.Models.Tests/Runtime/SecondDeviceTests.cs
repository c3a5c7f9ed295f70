namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>
/// The golden values hold on a device that is not the CPU, within the same tolerances: every architecture, every method, bases in
/// int8 and in 4 bits; logits, losses, gradients, steps, greedy tokens.
/// </summary>
[Trait("level", "full")]
public sealed class SecondDeviceTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("FamilyGoldenTests"), InlineData("LlamaGoldenTests"), InlineData("PeftGoldenTests")]
    [InlineData("QloraGoldenTests")]
    public void Golden_tests_pass_there(string tests)
    {
        SkipWhereThereIsNone();
        var (code, text) = TestDevice.Run(tests);
        output.WriteLine(text);
        Assert.True(code == 0, text[Math.Max(0, text.Length - 4000)..]);
        Assert.DoesNotContain("Total: 0,", text);
    }

    [Theory]
    [InlineData("tensor"), InlineData("memory")]
    public void Control_a_tensor_without_a_device_and_a_read_of_host_memory_are_noticed(string fault)
    {
        SkipWhereThereIsNone();
        Assert.NotEqual(0, TestDevice.Run("GenerationGoldenTests", fault).Code);
    }

    private static void SkipWhereThereIsNone()
    {
        Assert.SkipWhen(TestDevice.IsSecond, "this is the child process");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch's lazy device is started by a symbol of the Linux library");
    }
}
