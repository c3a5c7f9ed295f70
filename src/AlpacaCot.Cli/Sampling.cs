using System.CommandLine;
using AlpacaCot.Data;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;

namespace AlpacaCot.Cli;

/// <summary>The options of <c>generate</c> and <c>chat</c> that say how the next token is chosen and when to stop.</summary>
internal sealed class Sampling
{
    private readonly Option<int> _most = Options.MaxNewTokens();
    private readonly Option<bool> _greedy = Options.Greedy();
    private readonly Option<double?> _temperature = Options.Temperature(), _topP = Options.TopP();
    private readonly Option<int?> _topK = Options.TopK();
    private readonly Option<int> _seed = Options.Seed();

    private readonly Option<double> _penalty = Options.Number(
        "--repetition-penalty", "Above 1 tokens already used lose", "P", 1.0, v => v > 0, "a number above 0");

    private readonly Option<int?> _ngram = Options.Positive<int?>("--no-repeat-ngram", "No N tokens in a row occur twice", "N");
    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "A text that ends the answer; may be given several times", HelpName = "TEXT", DefaultValueFactory = _ => [],
    };

    public void AddTo(Command verb)
    {
        Option[] options = [_most, _greedy, _temperature, _topP, _topK, _penalty, _ngram, _stop, _seed];
        foreach (var option in options) verb.Add(option);
    }

    /// <summary>What the command line says; without any of temperature, top-p and top-k the likeliest token is taken.</summary>
    public GenerationOptions Read(ParseResult parsed, LanguageModel model, bool withTemplate)
    {
        var (temperature, topP, topK) = (parsed.GetValue(_temperature), parsed.GetValue(_topP), parsed.GetValue(_topK));
        var draws = temperature is not null || topP is not null || topK is not null;
        if (draws && parsed.GetValue(_greedy))
            throw new InputException("--greedy draws nothing; leave out --temperature, --top-p and --top-k, or --greedy");
        return new GenerationOptions
        {
            MaxNewTokens = parsed.GetValue(_most),
            Greedy = !draws,
            Temperature = temperature ?? 1,
            TopP = topP ?? 1,
            TopK = topK ?? 0,
            RepetitionPenalty = parsed.GetValue(_penalty),
            NoRepeatNgram = parsed.GetValue(_ngram) ?? 0,
            Seed = parsed.GetValue(_seed),
            StopStrings = [.. parsed.GetValue(_stop)!, .. withTemplate ? model.Template.Stop : []],
            EndTokens = model.EndTokens,
        };
    }
}
