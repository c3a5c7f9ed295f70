using System.CommandLine;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options of <c>generate</c> and <c>chat</c> that say how the next token is chosen and when to stop.</summary>
internal sealed class Sampling
{
    private const int MostTokens = 256;

    private readonly Option<int?> _most = Options.MaxNewTokens(MostTokens);
    private readonly Option<bool> _greedy = Options.Greedy();
    private readonly Option<double?> _temperature = Options.Temperature(), _topP = Options.TopP();
    private readonly Option<int?> _topK = Options.TopK();
    private readonly Option<int> _seed = Options.Seed();

    private readonly Option<double?> _penalty = Options.Number<double?>(
        "--repetition-penalty", "Above 1 tokens already used lose", "P", null, v => v > 0, "a number above 0");

    private readonly Option<int?> _ngram = Options.Positive<int?>("--no-repeat-ngram", "No N tokens in a row occur twice", "N");

    private readonly Option<int?> _beams = Options.Positive<int?>(
        "--beams", "Follow this many answers at once and give the best; the answer comes all at the end", "N");

    private readonly Option<double?> _lengthPenalty = Options.Number<double?>("--length-penalty",
        "With --beams: above 1 long answers gain, below 1 short ones", "P", null, v => Math.Abs(v) <= 100,
        "a number from -100 to 100");

    private readonly Option<string> _early = new("--early-stopping")
    {
        Description = "With --beams: end when full, by the usual heuristic (the default), or never before the best is certain",
        HelpName = "WHEN",
    };

    private readonly Option<string> _preset = new("--preset")
    {
        Description =
            "Begin with known settings; alpaca-cot: those of the original platform (draws by 4 beams, top-k 40, top-p 0.9, " +
            "repetition penalty 1.8, no 6 tokens twice, 512 new tokens)",
        HelpName = "NAME",
    };

    private readonly Option<string> _draft = new("--draft")
    {
        Description = "A smaller model of the same family that proposes tokens: same answers, sooner where the two agree",
        HelpName = "DIR",
    };

    private readonly Option<int> _draftTokens =
        Options.Positive("--draft-tokens", "With --draft: tokens proposed at a time", "N", 4);

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "A text that ends the answer; may be given several times", HelpName = "TEXT", DefaultValueFactory = _ => [],
    };

    public Sampling()
    {
        _early.AcceptOnlyFromAmong("full", "heuristic", "never");
        _preset.AcceptOnlyFromAmong("alpaca-cot");
    }

    /// <summary>The draft model's folder, if one is named.</summary>
    public string? Draft(ParseResult parsed) => parsed.GetValue(_draft);

    public void AddTo(Command verb)
    {
        Option[] options = [_most, _preset, _greedy, _temperature, _topP, _topK, _penalty, _ngram, _beams, _lengthPenalty, _early,
            _draft, _draftTokens, _stop, _seed];
        foreach (var option in options) verb.Add(option);
    }

    /// <summary>
    /// What the command line says beyond the preset; without any of preset, temperature, top-p and top-k the likeliest token is
    /// taken.
    /// </summary>
    public GenerationOptions Read(ParseResult parsed, LanguageModel model, bool withTemplate)
    {
        var preset = parsed.GetValue(_preset) is null
            ? new GenerationOptions { MaxNewTokens = MostTokens } : GenerationOptions.AlpacaCot;
        var (temperature, topP, topK) = (parsed.GetValue(_temperature), parsed.GetValue(_topP), parsed.GetValue(_topK));
        var draws = temperature is not null || topP is not null || topK is not null;
        if (draws && parsed.GetValue(_greedy))
            throw new InputException("--greedy draws nothing; leave out --temperature, --top-p and --top-k, or --greedy");
        var beams = parsed.GetValue(_beams) ?? preset.Beams;
        if (beams == 1 && (parsed.GetValue(_lengthPenalty) is not null || parsed.GetValue(_early) is not null))
            throw new InputException("--length-penalty and --early-stopping go with --beams N");
        if (beams > 1 && Draft(parsed) is not null)
            throw new InputException("--draft goes without beams; leave one of the two out");
        return preset with
        {
            MaxNewTokens = parsed.GetValue(_most) ?? preset.MaxNewTokens,
            Greedy = !draws && (preset.Greedy || parsed.GetValue(_greedy)),
            Temperature = temperature ?? preset.Temperature,
            TopP = topP ?? preset.TopP,
            TopK = topK ?? preset.TopK,
            RepetitionPenalty = parsed.GetValue(_penalty) ?? preset.RepetitionPenalty,
            NoRepeatNgram = parsed.GetValue(_ngram) ?? preset.NoRepeatNgram,
            Beams = beams,
            LengthPenalty = parsed.GetValue(_lengthPenalty) ?? preset.LengthPenalty,
            EarlyStopping = parsed.GetValue(_early) switch
            {
                "full" => EarlyStopping.WhenFull, "never" => EarlyStopping.Never, _ => EarlyStopping.Heuristic,
            },
            DraftTokens = parsed.GetValue(_draftTokens),
            Seed = parsed.GetValue(_seed),
            StopStrings = [.. parsed.GetValue(_stop)!, .. withTemplate ? model.Template.Stop : []],
            EndTokens = model.EndTokens,
        };
    }
}
