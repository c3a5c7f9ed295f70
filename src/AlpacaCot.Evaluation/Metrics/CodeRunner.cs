using System.ComponentModel;
using System.Diagnostics;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// Runs model-written programs with a user-supplied sandbox command (a container, bubblewrap, another machine). Without such a
/// command no model-written program is run.
/// </summary>
/// <param name="command">
/// The command with its arguments, separated by spaces; <c>{file}</c> is replaced by the program's path, and exit code 0 means
/// success: <c>bwrap --ro-bind / / --tmpfs /tmp --unshare-all --die-with-parent python3 {file}</c>.
/// </param>
public sealed class CodeRunner(string command)
{
    private const string FileMark = "{file}";

    /// <summary>Time limit of a program. Default: 10 seconds.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether a program ends with exit code 0 within the time limit.</summary>
    /// <exception cref="InputException">The command cannot be started or lacks the file placeholder.</exception>
    public bool Passes(string program, string extension = ".py")
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 || !command.Contains(FileMark, StringComparison.Ordinal))
            throw new InputException($"the runner \"{command}\" lacks the placeholder {FileMark} for the program's file");
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-code-").FullName;
        try
        {
            var file = Path.Combine(folder, "program" + extension);
            File.WriteAllText(file, program);
            var start = new ProcessStartInfo(words[0])
            {
                RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
                WorkingDirectory = folder,
            };
            foreach (var word in words.Skip(1)) start.ArgumentList.Add(word.Replace(FileMark, file, StringComparison.Ordinal));
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null); // a full pipe would block it
            _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
            if (process.WaitForExit(TimeLimit)) return process.ExitCode == 0;
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return false;
        }
        catch (Win32Exception e)
        {
            throw new InputException($"the runner \"{words[0]}\" cannot be started: {e.Message}", e);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
