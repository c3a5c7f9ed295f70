using System.CommandLine;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>The options of <c>generate</c> and <c>chat</c> that choose the next token and end the answer.</summary>
internal sealed class Sampling
{
    private const int DefaultNewTokens = 256;

    private readonly Option<int?> _maxNewTokens = Options.Positive<int?>("--max-new-tokens",
        $"Maximum number of tokens to generate. Default: {DefaultNewTokens}, or that of --preset", "N");

    private readonly Option<string> _preset = new Option<string>("--preset")
    {
        Description =
            "Start from named settings. alpaca-cot: those of the original platform (sampling with 4 beams, top-k 40, top-p " +
            "0.9, repetition penalty 1.8, no repeated 6-gram, 512 new tokens)",
        HelpName = "NAME",
    }.Among(["alpaca-cot"]);

    private readonly Option<bool> _greedy = new("--greedy")
    {
        Description = "Always take the most likely token; this is the default without --temperature, --top-p and --top-k",
    };

    private readonly Option<double?> _temperature = Options.Number<double?>("--temperature",
        "Sample with this temperature: below 1 favours likely tokens, above 1 unlikely ones", "T", null,
        v => v is > 0 and <= 100, "a number above 0, at most 100", 0.7);

    private readonly Option<double?> _topP = Options.Number<double?>("--top-p",
        "Sample from the most likely tokens whose probabilities add up to P", "P", null, v => v is > 0 and <= 1,
        "a number above 0, at most 1", 0.9);

    private readonly Option<int?> _topK = Options.Positive<int?>("--top-k", "Sample from the K most likely tokens", "K");

    private readonly Option<double?> _penalty = Options.Number<double?>("--repetition-penalty",
        "Above 1 makes tokens that were already used less likely", "P", null, v => v > 0, "a number above 0", 1.2);

    private readonly Option<int?> _ngram = Options.Positive<int?>("--no-repeat-ngram",
        "Never repeat a sequence of N tokens", "N");

    private readonly Option<int?> _beams = Options.Positive<int?>("--beams",
        "Beam search with N beams; the answer is printed when the search ends", "N");

    private readonly Option<double?> _lengthPenalty = Options.Number<double?>("--length-penalty",
        "With --beams: above 1 favours long answers, below 1 short ones", "P", null, v => Math.Abs(v) <= 100,
        "a number from -100 to 100", 1.2);

    private readonly Option<string> _early = new Option<string>("--early-stopping")
    {
        Description = "With --beams, when the search ends: full (enough finished answers), heuristic (the default), or never "
            + "(no better answer is possible)",
        HelpName = "WHEN",
    }.Among(["full", "heuristic", "never"]);

    private readonly Option<string> _draft = new("--draft")
    {
        Description = "Smaller model with the same tokenizer that proposes tokens: the same answers, faster where the two agree",
        HelpName = "PATH",
    };

    private readonly Option<int> _draftTokens =
        Options.Positive("--draft-tokens", "With --draft: tokens per proposal", "N", 4);

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "Text that ends the answer; repeatable", HelpName = "TEXT", DefaultValueFactory = _ => [],
    };

    private readonly Option<int> _seed = Options.Seed();

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_maxNewTokens, _preset, _greedy, _temperature, _topP, _topK, _penalty, _ngram, _beams,
        _lengthPenalty, _early, _draft, _draftTokens, _stop, _seed];

    /// <summary>The draft model's folder, if one is named.</summary>
    public string? Draft(ParseResult parsed) => parsed.GetValue(_draft);

    /// <summary>
    /// The options over those of the preset. Without preset, temperature, top-p and top-k the most likely token is taken.
    /// </summary>
    public GenerationOptions Read(ParseResult parsed, LanguageModel model, bool withTemplate)
    {
        var preset = parsed.GetValue(_preset) is null
            ? new GenerationOptions { MaxNewTokens = DefaultNewTokens } : GenerationOptions.AlpacaCot;
        var (temperature, topP, topK) = (parsed.GetValue(_temperature), parsed.GetValue(_topP), parsed.GetValue(_topK));
        var samples = temperature is not null || topP is not null || topK is not null;
        if (samples && parsed.GetValue(_greedy))
            throw new InputException("--greedy does not sample; leave out --greedy, or --temperature, --top-p and --top-k");
        var beams = parsed.GetValue(_beams) ?? preset.Beams;
        if (beams == 1 && (parsed.GetValue(_lengthPenalty) is not null || parsed.GetValue(_early) is not null))
            throw new InputException("--length-penalty and --early-stopping need --beams N");
        if (beams > 1 && Draft(parsed) is not null)
            throw new InputException("--draft does not work with beam search; leave out --draft or --beams");
        return preset with
        {
            MaxNewTokens = parsed.GetValue(_maxNewTokens) ?? preset.MaxNewTokens,
            Greedy = !samples && (preset.Greedy || parsed.GetValue(_greedy)),
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
