using System.CommandLine;
using System.Globalization;
using AlpacaCot.Data;
using AlpacaCot.Models;
using AlpacaCot.Studies.Benchmarks;
using AlpacaCot.Studies.Judges;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Cli;

/// <summary>The options that say who grades answers.</summary>
internal sealed class JudgeOptions
{
    private const string KeyVariable = "ALPACACOT_JUDGE_KEY";

    private readonly Option<string> _judge = new("--judge")
    {
        Description = $"Who grades: an OpenAI-compatible endpoint (its key in {KeyVariable}) or a model folder",
        HelpName = "URL|DIR",
    };

    private readonly Option<string> _model = new("--judge-model")
    {
        Description = "The judge's name at its endpoint", HelpName = "NAME",
    };

    private readonly Option<string> _prompts = new("--judge-prompts")
    {
        Description = $"Prompt files of your own: {string.Join(", ", JudgePrompts.Names.Select(n => n + ".txt"))}",
        HelpName = "DIR",
    };

    private readonly Option<string> _price = new("--judge-price")
    {
        Description = "The judge's price for a million tokens read and written, as 0.15,0.6", HelpName = "IN,OUT",
    };

    private readonly Option<string> _human = new("--human")
    {
        Description = "People's grades of the same answers (id, grade): how far the judge agrees with them", HelpName = "FILE",
    };

    private readonly Option<double> _patience = Options.Number("--judge-timeout", "Seconds that one verdict may take", "S", 120.0,
        v => v is > 0 and <= 86400, "seconds above 0");

    private readonly Option<int> _parallel = Options.Positive<int>("--judge-parallel", "Verdicts asked for at once", "N", 4);

    public void AddTo(Command verb)
    {
        Option[] options = [_judge, _model, _prompts, _price, _human, _patience, _parallel];
        foreach (var option in options) verb.Add(option);
    }

    /// <summary>Whether there is a judge.</summary>
    public bool Given(ParseResult parsed) => parsed.GetValue(_judge) is not null;

    /// <summary>How far the scores agree with people's, where their grades are given.</summary>
    public JudgeAgreement? Agreement(ParseResult parsed, BenchmarkRun run) =>
        parsed.GetValue(_human) is { } path ? JudgeAgreement.Of(run, path) : null;

    /// <summary>The texts the judge is asked with.</summary>
    public JudgePrompts Prompts(ParseResult parsed)
    {
        var folder = parsed.GetValue(_prompts);
        if (folder is not null && !Directory.Exists(folder))
            throw new InputException($"{folder}: there is no such folder of judge prompts");
        return new JudgePrompts(folder);
    }

    /// <summary>The judge; what it needs is added to <paramref name="owned"/>.</summary>
    public Judge Create(ParseResult parsed, ResponseStore store, List<IDisposable> owned)
    {
        var where = parsed.GetValue(_judge)!;
        IChatClient client;
        string name;
        if (Uri.TryCreate(where, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
        {
            name = parsed.GetValue(_model) ?? throw new InputException("--judge with an endpoint needs --judge-model NAME");
            client = new OpenAiChatClient(address, name, Environment.GetEnvironmentVariable(KeyVariable),
                TimeSpan.FromSeconds(parsed.GetValue(_patience)));
            name = $"{name} at {address.GetLeftPart(UriPartial.Path)}";
        }
        else
        {
            var model = LanguageModel.Load(where);
            owned.Add(model);
            (client, name) = (new ModelChatClient(model), ModelFingerprint.Of(where));
        }
        owned.Add(client);
        return new Judge(client, name, store)
        {
            Parallel = client is ModelChatClient ? 1 : parsed.GetValue(_parallel), Price = Price(parsed.GetValue(_price)),
        };
    }

    private static (double, double) Price(string? text)
    {
        if (text is null) return (0, 0);
        if (text.Split(',') is [var input, var output]
            && double.TryParse(input, NumberStyles.Float, CultureInfo.InvariantCulture, out var read) && read >= 0
            && double.TryParse(output, NumberStyles.Float, CultureInfo.InvariantCulture, out var written) && written >= 0)
            return (read, written);
        throw new InputException($"--judge-price: found {text}, allowed are two prices, as 0.15,0.6");
    }
}
