using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace AlpacaCot.Tests;

/// <summary>
/// Programs under <c>tests/node</c>, which ask other authors' libraries for their answers. Tests that need them skip, visibly,
/// where Node or its modules are absent.
/// </summary>
internal static class NodeProgram
{
    private const int OldestNode = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly string Folder = Checkout.Path("tests/node");

    /// <summary>Skips the running test where Node or an npm package is absent.</summary>
    public static void Require(string package)
    {
        var version = Version();
        Assert.SkipWhen(version < OldestNode,
            $"needs Node {OldestNode} or newer ({(version < 0 ? "there is none" : $"found {version}")})");
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules", package)),
            $"needs the npm package {package}: npm ci --prefix tests/node");
    }

    /// <summary>Runs a program with JSON on its standard input and gives the JSON it prints.</summary>
    /// <param name="script">Its file.</param>
    /// <param name="package">The npm package it needs.</param>
    /// <param name="input">What it reads.</param>
    public static JsonElement Run(string script, string package, object input)
    {
        Require(package);
        var (code, output, error) = Start(JsonSerializer.Serialize(input), Path.Combine(Folder, script));
        Assert.True(code == 0, $"{script} ended with {code}: {error}");
        return JsonDocument.Parse(output).RootElement;
    }

    private static int Version()
    {
        try
        {
            return int.Parse(Start("", "--version").Output.TrimStart('v').Split('.')[0]);
        }
        catch (Win32Exception)
        {
            return -1; // no such program
        }
    }

    private static (int Code, string Output, string Error) Start(string input, string argument)
    {
        using var process = Process.Start(new ProcessStartInfo("node", [argument])
        {
            WorkingDirectory = Folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"node {argument} did not end");
        }
        return (process.ExitCode, output.Result, error.Result);
    }
}
