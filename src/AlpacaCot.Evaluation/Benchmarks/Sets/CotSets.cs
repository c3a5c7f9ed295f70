using AlpacaCot.Data.Collection;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>The nine Chain-of-Thought sets of FLAN, evaluated on rows held out from training.</summary>
internal sealed class CotSets : IBenchmark
{
    public BenchmarkDescription About { get; } = new("cot", "Chain of Thought, held-out rows", "google-research/FLAN")
    {
        Data = "a TSV file of question, answer and rationale, or a folder of such files: rows held out from training",
        Prompt = "the question, then \"Let's think step by step.\" (--trigger for another)",
        Extraction = "by the type of the reference: a letter, yes or no, a number, or the text after \"the answer is\"",
        Metric = "accuracy; categories are the sets",
        MeanOfCategories = true,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options)
    {
        foreach (var file in PublishedFile.In(path, ".tsv"))
        {
            var set = FlanCot.SetOf(file);
            foreach (var (i, line) in PublishedFile.Text(file).Split('\n').Index())
            {
                if (line.Length == 0) continue;
                var fields = line.TrimEnd('\r').Replace(@"\n", "\n").Split('\t');
                if (fields.Length != 3)
                    throw new Text.InputException($"{file}:{i + 1}: expected question, answer and rationale, "
                        + $"found {fields.Length} fields.");
                yield return new($"{set}/{i + 1:D5}", set, fields[0] + (options.Trigger ?? "\nLet's think step by step."))
                {
                    References = [fields[1]],
                };
            }
        }
    }

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        AnswerScoring.Score(response.Text, question.References);
}
