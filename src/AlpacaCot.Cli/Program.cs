using System.CommandLine;
using System.Runtime.InteropServices;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Commands;
using AlpacaCot.Cli.Commands.Adapters;
using AlpacaCot.Cli.Commands.Data;
using AlpacaCot.Cli.Machine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Text;
using AlpacaCot.Training.Loop;

namespace AlpacaCot.Cli;

/// <summary>The command line <c>alpaca-cot</c>: its commands, and the exit code of each exception.</summary>
internal static class Program
{
    /// <summary>The commands, in the order of the first screen.</summary>
    private static DocumentedCommand[] Commands(Terminal terminal) =>
    [
        QuickstartCommand.Create(terminal),
        DataCommand.Create(terminal),
        InspectCommand.Create(terminal),
        TokenizeCommand.Create(terminal),
        RenderCommand.Create(terminal),
        PlanCommand.Create(terminal),
        TrainCommand.Create(terminal),
        VerifyCommand.Create(terminal),
        StudyCommand.Create(terminal),
        GenerateCommand.Create(terminal),
        ChatCommand.Create(terminal),
        ScoreCommand.Create(terminal),
        EvaluateCommand.Create(terminal),
        MergeCommand.Create(terminal),
        ExportCommand.Create(terminal),
        ExtendCommand.Create(terminal),
        AdaptersCommand.Create(terminal),
        QuantizeCommand.Create(terminal),
        DoctorCommand.Create(terminal),
    ];

    public static async Task<int> Main(string[] args)
    {
        using var cancel = new CancellationTokenSource();
        var terminal = Terminal.OfThisProcess();
        // The first signal asks the command to stop; the second one is left to the system and ends the process.
        void Stop(PosixSignalContext context)
        {
            if (cancel.IsCancellationRequested)
            {
                terminal.RestoreCursor();
                return;
            }
            context.Cancel = true;
            terminal.SayStopping();
            cancel.Cancel();
        }
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        // Under nohup, the end of the terminal is to be ignored.
        using var hangUp = ProcessSignals.IgnoresHangUp ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        return await RunAsync(args, terminal, cancel.Token).ConfigureAwait(false);
    }

    /// <summary>Parses a command line; runs nothing.</summary>
    internal static ParseResult Parse(string[] args, Terminal terminal)
    {
        var debug = new Option<bool>("--debug")
        {
            Description = "Print the stack trace of an unexpected error (environment: ALPACACOT_DEBUG=1)", Recursive = true,
        };
        var root = new RootCommand("AlpacaCot: instruction tuning of large language models.") { debug };
        foreach (var command in Commands(terminal)) root.Add(command);
        root.Add(StudyCellCommand.Create(terminal));
        HelpScreen.Install(root);
        Options.RequirePaths(root);
        root.SetAction(_ =>
        {
            FirstScreen.Show(root.Subcommands.OfType<DocumentedCommand>().Where(c => !c.Hidden), terminal);
            return ExitCode.Done;
        });

        // "--text=" means the empty text, but the parser would take the next word. "--text @home" is a text, not a response file.
        string[] words = [.. args.SelectMany<string, string>(a =>
            a.StartsWith("--") && a.IndexOf('=') == a.Length - 1 ? [a[..^1], ""] : [a])];
        return root.Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });
    }

    /// <summary>Runs one command line and returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken cancel)
    {
        var trace = args.Contains("--debug") || Environment.GetEnvironmentVariable("ALPACACOT_DEBUG") == "1";
        try
        {
            var parsed = Parse(args, terminal);
            if (UsageErrors.Of(parsed) is { Count: > 0 } errors)
            {
                foreach (var error in errors) terminal.WriteError(error);
                terminal.Error.WriteLine($"Help: {UsageErrors.HelpCommand(parsed)}");
                return ExitCode.WrongUsage;
            }
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = terminal.Out, Error = terminal.Error,
                EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, // Main and the catches below do both
            }, cancel).ConfigureAwait(false);
        }
        catch (InputException e)
        {
            terminal.WriteError(trace ? e.ToString() : e.Message);
            return ExitCode.WrongUsage;
        }
        catch (TrainingFailedException e)
        {
            terminal.WriteError(e.Message);
            return ExitCode.Failed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            terminal.Error.WriteLine("Stopped.");
            return ExitCode.Failed;
        }
        catch (Exception e) when (WriteProblem.Is(e) && !trace)
        {
            if (!ProcessSignals.IsClosedPipe(e)) terminal.WriteError(WriteProblem.Explain(e, null).Message);
            return ExitCode.Failed;
        }
#pragma warning disable CA1031 // the last catch of the program: users get one line, developers the stack trace
        catch (Exception e)
#pragma warning restore CA1031
        {
            terminal.WriteError(trace ? e.ToString()
                : $"{e.Message.ReplaceLineEndings(" ")} ({e.GetType().Name}; --debug prints the stack trace)");
            return ExitCode.Failed;
        }
    }
}
