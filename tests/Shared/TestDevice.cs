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
/// Where the golden tests compute: on the CPU, or, in a child process that <see cref="Run(string, string?)"/> starts, on
/// libtorch's lazy device. It is a second device on any machine: an operation that mixes it with a CPU tensor fails, and its
/// tensors have no host memory.
/// </summary>
internal static class TestDevice
{
    private const string DeviceVariable = "ALPACACOT_TEST_DEVICE", ControlVariable = "ALPACACOT_TEST_CONTROL";
    private const DeviceType Lazy = (DeviceType)17;

    private static readonly Lazy<Compute> Chosen = new(() =>
        IsSecond ? new Compute(StartLazyDevice(), ScalarType.Float32) : Compute.Cpu);

    private static readonly SemaphoreSlim Processes = new(2);

    private static readonly Lazy<nint> LibtorchCpu =
        new(() => NativeLibrary.Load(Path.Combine(Libtorch.Report.Folder!, "libtorch_cpu.so")));

    /// <summary>Whether this process tests the second device.</summary>
    public static bool IsSecond => Environment.GetEnvironmentVariable(DeviceVariable) == "lazy";

    public static Compute Compute => Chosen.Value;

    /// <summary>The word of the device in recipes and options.</summary>
    public static string Word => Compute.IsCpu ? "cpu" : "lazy";

    /// <summary>The same device with activations in bf16.</summary>
    public static Compute Narrow => Compute with { Activations = ScalarType.BFloat16 };

    /// <summary>Greedy tokens and training steps that are compared: the second device compiles each new length anew.</summary>
    public static int Tokens => IsSecond ? 3 : 20;

    public static Device Device => Compute.Device;

    /// <summary>In a run that must fail: puts a fault into a model's first linear layer.</summary>
    public static CausalModel WithFault(CausalModel model)
    {
        if (Environment.GetEnvironmentVariable(ControlVariable) is { Length: > 0 } fault)
            model.Linears.Values.First().Adapter = new Fault(fault);
        return model;
    }

    /// <summary>Runs tests of this project in a process of their own, on the second device.</summary>
    /// <param name="tests">Methods or classes, <c>Class</c> or <c>Class.Method</c>.</param>
    /// <param name="control">The fault to put in, or none.</param>
    public static Task<(int Code, string Output)> Run(string tests, string? control = null)
    {
        SkipWhereThereIsNone();
        return Run(tests, (DeviceVariable, "lazy"), (ControlVariable, control));
    }

    /// <summary>Runs tests of this project in a process of their own, on the CPU with the kernels of libtorch.</summary>
    public static Task<(int Code, string Output)> RunWithTorchKernels(string tests) =>
        Run(tests, (Compute.KernelsVariable, "torch"));

    /// <summary>Runs tests of this project in a process of their own, where .NET uses no instructions of a group.</summary>
    /// <param name="tests">Methods or classes.</param>
    /// <param name="group">The group, as .NET names it: <c>AVX512</c>, <c>AVX2</c>.</param>
    public static Task<(int Code, string Output)> RunWithout(string group, string tests) =>
        Run(tests, ($"DOTNET_Enable{group}", "0"), ($"DOTNET_Enable{group}F", "0"));

    /// <summary>Checks that a process ran tests and that all of them passed.</summary>
    public static async Task AllPass(Task<(int Code, string Output)> run)
    {
        var (code, text) = await run;
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.True(code == 0, text[Math.Max(0, text.Length - 4000)..]);
        Assert.Matches("Total: [1-9]", text);
    }

    private static async Task<(int Code, string Output)> Run(string tests, params (string Name, string? Value)[] variables)
    {
        string[] filters =
            [.. tests.Split(' ').SelectMany(t => new[] { "-method", "*." + t + (t.Contains('.') ? "" : ".*") })];
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        foreach (var argument in (string[])[.. filters, "-noColor", "-parallel", "none"]) start.ArgumentList.Add(argument);
        // A child of a test run under Microsoft.Testing.Platform must not speak to the parent's server.
        string[] others = [.. start.Environment.Keys.Where(k => k.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal))];
        foreach (var name in others) start.Environment.Remove(name);
        foreach (var (name, value) in variables) start.Environment[name] = value;
        start.Environment["OMP_NUM_THREADS"] = "1"; // two such processes run at once
        await Processes.WaitAsync();
        try
        {
            using var child = Process.Start(start)!;
            var errors = child.StandardError.ReadToEndAsync();
            var output = await child.StandardOutput.ReadToEndAsync();
            await child.WaitForExitAsync();
            return (child.ExitCode, output + await errors);
        }
        finally
        {
            Processes.Release();
        }
    }

    private static void SkipWhereThereIsNone() =>
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch's lazy device is started by a symbol of the Linux library");

    /// <summary>
    /// On the lazy device: computes everything that is pending. Without it, each read of a result compiles and computes all
    /// operations since the last read anew.
    /// </summary>
    public static unsafe void Synchronize()
    {
        if (!IsSecond) return;
        var executor = ((delegate* unmanaged<void*>)Export("_ZN5torch4lazy17LazyGraphExecutor3GetEv"))();
        ((delegate* unmanaged<void*, void*, void*, nint, byte, void>)Export(
            "_ZN5torch4lazy17LazyGraphExecutor20SyncLiveTensorsGraphEPKNS0_13BackendDeviceEN3c108ArrayRefI" +
            "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEb"))(executor, null, null, 0, 1);
    }

    private static unsafe Device StartLazyDevice()
    {
        Libtorch.EnsureLoaded();
        ((delegate* unmanaged<void>)Export("_ZN5torch4lazy22InitTorchScriptBackendEv"))();
        // Graphs run once here: the executor that profiles and optimizes them costs far more than they do.
        *((delegate* unmanaged<byte*>)Export("_ZN5torch3jit16getProfilingModeEv"))() = 0;
        *(byte*)Export("FLAGS_torch_lazy_use_thread_pool") = 1;
        var device = new Device(Lazy, 0);
        AppContext.SetData("AlpacaCot.Device.lazy", device); // recipes and options can name it
        return device;
    }

    private static nint Export(string symbol) => NativeLibrary.GetExport(LibtorchCpu.Value, symbol);

    private sealed class Fault(string fault) : ILinearAdapter
    {
        public unsafe Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var y = nn.functional.linear(x, layer.Weight, layer.Bias);
            if (fault == "memory") _ = *TensorMemory.Floats(y.contiguous());
            return fault == "tensor" ? y - zeros(1) : y;
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => throw new NotSupportedException();
    }
}
#endif
