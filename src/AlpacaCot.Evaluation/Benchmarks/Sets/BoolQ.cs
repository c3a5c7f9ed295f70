namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>BoolQ (Clark et al., 2019): yes-no questions about a passage.</summary>
internal sealed class BoolQ : IBenchmark
{
    public BenchmarkDescription About { get; } = new("boolq", "BoolQ", "google-research-datasets/boolean-questions")
    {
        Data = "dev.jsonl: question, passage, answer (true or false); or CSV",
        Address = "https://huggingface.co/datasets/google/boolq/blob/main/data/validation-00000-of-00001.parquet",
        Prompt = "the passage, \"Question: ...?\", \"Answer:\"",
        Answering = "log-likelihood of yes and no",
        Extraction = "the more probable one",
        Metric = "accuracy",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record => new BenchmarkQuestion(record.Id, "boolq",
            $"{record.Text("passage")}\nQuestion: {record.Text("question").TrimEnd('?')}?\nAnswer:")
        {
            IsCompletion = true, Choices = [" no", " yes"], References = [record.Text("answer").ToLowerInvariant() switch
            {
                "true" or "1" => " yes",
                "false" or "0" => " no",
                _ => throw record.Bad("the answer must be true or false"),
            }],
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        ChoiceScoring.ByLikelihood(question, response, normalized: false);
}
