using System.Text;
using AlpacaCot.Data;

namespace AlpacaCot.Studies.Benchmarks;

/// <summary>
/// Exams with four options in the layout of MMLU: a file of rows for each subject (question, A to D, answer as a letter or its
/// number from 0, with or without a row of names), solved examples in a folder <c>dev</c> beside.
/// </summary>
/// <param name="heading">Opens the prompt; gets the subject.</param>
/// <param name="before">Stands before each question.</param>
/// <param name="mark">Asks for the answer.</param>
/// <param name="space">Stands between that and the letter.</param>
/// <param name="folders">Where questions with answers are looked for, in this order.</param>
internal sealed class ExamFiles(Func<string, string> heading, string before, string mark, string space, params string[] folders)
{
    private static readonly string[] Letters = ["A", "B", "C", "D"];

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options)
    {
        var from = folders.Select(f => Path.Combine(path, f)).FirstOrDefault(Directory.Exists) ?? path;
        foreach (var file in PublishedFile.In(from, ".csv"))
        {
            var subject = SubjectOf(file);
            var shots = options.Shots == 0 ? "" : Shots(path, file, subject, options.Shots ?? 5);
            var opening = heading(subject) + shots;
            foreach (var row in Rows(file))
                yield return new($"{subject}/{row.Number:D5}", subject, opening + before + row.Text + mark)
                {
                    IsCompletion = options.ByLikelihood != false,
                    Choices = options.ByLikelihood == false ? [] : [.. Letters.Select(l => space + l)],
                    References = [options.ByLikelihood == false ? row.Answer : space + row.Answer],
                    Stop = ["\n"],
                };
        }
    }

    public static QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        response.Choices.Count > 0 ? ChoiceScoring.ByLikelihood(question, response, normalized: false)
            : ChoiceScoring.ByLetter(question, response, 'D');

    private string Shots(string path, string file, string subject, int count)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var found = new[] { Path.Combine(path, "dev"), Path.Combine(folder, "..", "dev"), folder }.Where(Directory.Exists)
            .SelectMany(d => Directory.EnumerateFiles(d, "*.csv"))
            .FirstOrDefault(f => SubjectOf(f) == subject && Path.GetFullPath(f) != Path.GetFullPath(file))
            ?? throw new InputException($"{file}: the solved examples of {subject} (dev/{subject}_dev.csv) are not beside it; "
                + "--shots 0 asks without them");
        var text = new StringBuilder();
        foreach (var row in Rows(found).Take(count)) text.Append(before + row.Text + mark + space + row.Answer + "\n\n");
        return text.ToString();
    }

    private static IEnumerable<(string Text, string Answer, int Number)> Rows(string file)
    {
        var number = 0;
        int? question = null;
        var answer = 0;
        foreach (var (cells, row) in PublishedFile.Rows(file))
        {
            if (row == 1 && Array.FindIndex(cells, c => c.Equals("question", StringComparison.OrdinalIgnoreCase))
                is >= 0 and var q)
            {
                question = q;
                answer = Array.FindIndex(cells, c => c.Equals("answer", StringComparison.OrdinalIgnoreCase));
                if (answer < 0)
                    throw new InputException($"{file}: there is no column \"answer\"; a test file without answers cannot be "
                        + "scored, the validation file can");
                continue;
            }
            var at = question ?? 0;
            if (question is null) answer = 5;
            if (cells.Length <= Math.Max(answer, at + 4))
                throw new InputException($"{file}, row {row}: expected a question, four options and the answer, "
                    + $"found {cells.Length} cells.");
            var right = cells[answer].Trim() is [>= '0' and <= '3'] index ? Letters[index[0] - '0'] : cells[answer].Trim();
            if (!Letters.Contains(right))
                throw new InputException($"{file}, row {row}: the answer is \"{right}\", expected A to D.");
            yield return (cells[at] + string.Concat(Letters.Select((l, i) => $"\n{l}. {cells[at + 1 + i]}")), right, ++number);
        }
    }

    private static string SubjectOf(string file)
    {
        var stem = PublishedFile.Stem(file);
        foreach (var split in (string[])["_test", "_dev", "_val"])
            if (stem.EndsWith(split, StringComparison.Ordinal)) return stem[..^split.Length];
        return stem;
    }
}
