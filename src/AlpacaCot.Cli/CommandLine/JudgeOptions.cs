using System.CommandLine;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options of the judge that grades answers.</summary>
internal sealed class JudgeOptions
{
    private readonly Option<string> _judge = new("--judge")
    {
        Description = $"Judge: an OpenAI-compatible endpoint (API key in {JudgeSpec.KeyVariable}) or a model folder",
        HelpName = "URL|DIR",
    };

    private readonly Option<string> _model = new("--judge-model")
    {
        Description = "Name of the judge model at the endpoint", HelpName = "NAME",
    };

    private readonly Option<string> _prompts = new("--judge-prompts")
    {
        Description = $"Folder with your own judge prompts: {string.Join(", ", JudgePrompts.Names.Select(n => n + ".txt"))}",
        HelpName = "DIR",
    };

    private readonly Option<string> _price = new("--judge-price")
    {
        Description = "Price per million input and output tokens, for example 0.15,0.6", HelpName = "IN,OUT",
    };

    private readonly Option<string> _human = new("--human")
    {
        Description = "Human grades of the same answers (id, grade); prints how well the judge agrees", HelpName = "FILE",
    };

    private readonly Option<double> _timeout = Options.Number("--judge-timeout", "Time limit of one verdict in seconds", "S",
        120.0, v => v is > 0 and <= 86400, "a number above 0, at most 86400", 120);

    private readonly Option<int> _parallel = Options.Positive<int>("--judge-parallel", "Requests to the judge at a time", "N", 4);

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_judge, _model, _prompts, _price, _human, _timeout, _parallel];

    /// <summary>Whether a judge is named.</summary>
    public bool Given(ParseResult parsed) => parsed.GetValue(_judge) is not null;

    /// <summary>How well the scores agree with human grades; null without <c>--human</c>.</summary>
    public JudgeAgreement? Agreement(ParseResult parsed, BenchmarkRun run) =>
        parsed.GetValue(_human) is { } path ? JudgeAgreement.Of(run, path) : null;

    /// <summary>The judge of the command line.</summary>
    /// <exception cref="InputException">A value is wrong, or --judge-model is missing.</exception>
    public JudgeSpec Spec(ParseResult parsed)
    {
        var judge = parsed.GetValue(_judge)!;
        if (parsed.GetValue(_prompts) is { } folder && !Directory.Exists(folder))
            throw new InputException($"{folder}: folder of judge prompts not found");
        var price = (0.0, 0.0);
        if (parsed.GetValue(_price) is { } text && !JudgeSpec.TryPrice(text, out price))
            throw new InputException($"--judge-price: found {text}, allowed are two prices, for example 0.15,0.6");
        var isAddress = Uri.TryCreate(judge, UriKind.Absolute, out var address) && address.Scheme is "http" or "https";
        return new JudgeSpec
        {
            Endpoint = isAddress ? address : null, Folder = isAddress ? null : judge,
            Model = isAddress ? parsed.GetValue(_model)
                ?? throw new InputException("--judge with an endpoint needs --judge-model NAME") : null,
            Prompts = parsed.GetValue(_prompts), Price = price, Timeout = parsed.GetValue(_timeout),
            Parallel = parsed.GetValue(_parallel),
        };
    }
}
