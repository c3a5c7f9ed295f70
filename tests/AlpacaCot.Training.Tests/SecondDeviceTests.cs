namespace AlpacaCot.Training.Tests;

/// <summary>
/// On a device that is not the CPU optimizers follow their formulas, and a step of training is the CPU's for every architecture.
/// </summary>
[Trait("level", "full")]
public sealed class SecondDeviceTests
{
    [Theory]
    [InlineData("OptimizerTests FamilyStepTests"), InlineData("DeviceRunTests")]
    public Task Tests_pass_there(string tests) => TestDevice.AllPass(TestDevice.Run(tests));
}
