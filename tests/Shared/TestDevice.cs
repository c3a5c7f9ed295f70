#if USES_TORCH
using System.Diagnostics;
using System.Runtime.InteropServices;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Tests;

/// <summary>
/// Where the golden tests compute: on the CPU, or, in a child process that <see cref="Run"/> starts, on libtorch's lazy
/// device. It is a second device on any machine: an operation that mixes it with a CPU tensor fails, and its tensors have no
/// host memory.
/// </summary>
internal static unsafe class TestDevice
{
    private const string DeviceVariable = "ALPACACOT_TEST_DEVICE", ControlVariable = "ALPACACOT_TEST_CONTROL";
    private const DeviceType Lazy = (DeviceType)17;

    private static readonly Lazy<Compute> Chosen = new(() =>
        IsSecond ? new Compute(StartLazyDevice(), ScalarType.Float32) : Compute.Cpu);

    /// <summary>Whether this process tests the second device.</summary>
    public static bool IsSecond => Environment.GetEnvironmentVariable(DeviceVariable) == "lazy";

    public static Compute Compute => Chosen.Value;

    /// <summary>Greedy tokens and training steps that are compared: the second device compiles each new length anew.</summary>
    public static int Tokens => IsSecond ? 4 : 20;

    public static Device Device => Compute.Device;

    /// <summary>In a run that must fail: puts a fault into a model's first linear layer.</summary>
    public static CausalModel WithFault(CausalModel model)
    {
        if (Environment.GetEnvironmentVariable(ControlVariable) is { Length: > 0 } fault)
            model.Linears.Values.First().Adapter = new Fault(fault);
        return model;
    }

    /// <summary>Runs test classes of this project on the second device, in a process that a mixed operation may end.</summary>
    /// <param name="tests">The name of the class.</param>
    /// <param name="control">The fault to put in, or none.</param>
    public static (int Code, string Output) Run(string tests, string? control = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            ArgumentList = { "-class", "*." + tests, "-noColor" },
        };
        // A child of a test run under Microsoft.Testing.Platform must not speak to the parent's server.
        string[] others = [.. start.Environment.Keys.Where(k => k.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal))];
        foreach (var name in others) start.Environment.Remove(name);
        start.Environment[DeviceVariable] = "lazy";
        start.Environment[ControlVariable] = control;
        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return (child.ExitCode, output + errors.Result);
    }

    private static Device StartLazyDevice()
    {
        Libtorch.EnsureLoaded();
        var library = NativeLibrary.Load(Path.Combine(Libtorch.Report.Folder!, "libtorch_cpu.so"));
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(library, "_ZN5torch4lazy22InitTorchScriptBackendEv"))();
        return new Device(Lazy, 0);
    }

    private sealed class Fault(string fault) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var y = nn.functional.linear(x, layer.Weight, layer.Bias);
            if (fault == "memory") _ = *TensorMemory.Floats(y.contiguous());
            return fault == "tensor" ? y - zeros(1) : y;
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => throw new NotSupportedException();
    }
}
#endif
