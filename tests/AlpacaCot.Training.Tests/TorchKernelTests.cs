namespace AlpacaCot.Training.Tests;

/// <summary>Training curves and optimizers hold on the CPU with the kernels of libtorch, within the same tolerances.</summary>
[Trait("level", "full")]
public sealed class TorchKernelTests
{
    [Theory]
    [InlineData("TrajectoryTests QuantizedTrainingTests StoriesGoldenTests OwnTrajectoryTests OptimizerTests MethodTests " +
        "ResumeTests TrainingRunTests SuspendTests ObjectiveTests")]
    public Task Golden_tests_pass_with_them(string tests) => TestDevice.AllPass(TestDevice.RunWithTorchKernels(tests));
}
