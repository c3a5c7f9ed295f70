using System.Diagnostics;
using System.Text.Json;

namespace AlpacaCot.Bench;

/// <summary>llama.cpp in a separate process, idle except during requests.</summary>
internal sealed class LlamaCpp : IDisposable
{
    private readonly Process _process;

    private LlamaCpp(Process process) => this._process = process;

    /// <summary>
    /// Seconds of wall-clock and processor time for reading the prompt and for decoding the tokens after the first.
    /// </summary>
    internal sealed record Run(double Prompt, double Decode, double PromptCpu, double DecodeCpu, int[] Ids);

    /// <summary>Starts the process; null if Node or its modules are missing.</summary>
    public static LlamaCpp? Start(int threads)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "llama-cpp-speed.mjs");
        if (NodeModules.Find("node-llama-cpp") is not { } modules) return null;
        return new LlamaCpp(Process.Start(new ProcessStartInfo("node", [script, modules, threads.ToString()])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!);
    }

    /// <summary>Reads a prompt and decodes greedily; with a count of 0 it only reads the prompt.</summary>
    public Run Ask(string model, int[] ids, int count)
    {
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(new { model, ids, count }));
        _process.StandardInput.Flush();
        while (_process.StandardOutput.ReadLine() is { } line)
            if (line.StartsWith("{\"prompt\"", StringComparison.Ordinal))
                return JsonSerializer.Deserialize<Run>(line, JsonSerializerOptions.Web)!;
        throw new InvalidOperationException("llama.cpp ended");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000)) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
