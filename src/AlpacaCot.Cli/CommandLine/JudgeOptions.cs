using System.CommandLine;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options that say who grades answers.</summary>
internal sealed class JudgeOptions
{
    private readonly Option<string> _judge = new("--judge")
    {
        Description = $"Who grades: an OpenAI-compatible endpoint (its key in {JudgeSpec.KeyVariable}) or a model folder",
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

    /// <summary>Who grades.</summary>
    public JudgeSpec Spec(ParseResult parsed)
    {
        var where = parsed.GetValue(_judge)!;
        if (parsed.GetValue(_prompts) is { } folder && !Directory.Exists(folder))
            throw new InputException($"{folder}: there is no such folder of judge prompts");
        var price = (0.0, 0.0);
        if (parsed.GetValue(_price) is { } text && !JudgeSpec.TryPrice(text, out price))
            throw new InputException($"--judge-price: found {text}, allowed are two prices, as 0.15,0.6");
        var isAddress = Uri.TryCreate(where, UriKind.Absolute, out var address) && address.Scheme is "http" or "https";
        return new JudgeSpec
        {
            Endpoint = isAddress ? address : null, Folder = isAddress ? null : where,
            Model = isAddress ? parsed.GetValue(_model)
                ?? throw new InputException("--judge with an endpoint needs --judge-model NAME") : null,
            Prompts = parsed.GetValue(_prompts), Price = price, Timeout = parsed.GetValue(_patience),
            Parallel = parsed.GetValue(_parallel),
        };
    }
}
