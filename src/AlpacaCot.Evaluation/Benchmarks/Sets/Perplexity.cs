using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>Perplexity of given answers.</summary>
internal sealed class Perplexity : IBenchmark
{
    public BenchmarkDescription About { get; } = new("perplexity", "Perplexity of given answers", "yours")
    {
        Data = "instruction data of any form that training reads, or a set of the collection; of each conversation only the "
            + "last answer is scored",
        Prompt = "the turns before that answer in the model's prompt template",
        Answering = "log-likelihood of the answer",
        Extraction = "none",
        Metric = "the mean probability of a token (geometric); also nats_per_token, whose exponential is the perplexity",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Conversations(path, options).Index()
            .Where(c => c.Item.Turns is [.., { Role: Role.User, Media.Count: 0 }, { Role: Role.Assistant, Calls.Count: 0 }])
            .Select(c => new BenchmarkQuestion($"{c.Index + 1:D6}", "all", c.Item.Turns[^2].Text)
            {
                Input = c.Item.Turns[^2].Input, Choices = [c.Item.Turns[^1].Text], References = [c.Item.Turns[^1].Text],
            });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        var nats = -response.Choices[0].LogLikelihood / response.Choices[0].Tokens;
        return new(Math.Exp(-nats))
        {
            Measures = new Dictionary<string, double> { ["nats_per_token"] = nats, ["tokens"] = response.Choices[0].Tokens },
        };
    }
}
