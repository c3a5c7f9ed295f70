using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>
/// Reads exams with four options in MMLU's layout: one CSV file per subject (question, A to D, answer as a letter or zero-based
/// number, with or without a header), few-shot examples in the folder <c>dev</c> next to it; or the hub's tables.
/// </summary>
/// <param name="heading">Start of the prompt for a subject.</param>
/// <param name="before">Text before each question.</param>
/// <param name="mark">Text that asks for the answer.</param>
/// <param name="space">Separator between that text and the letter.</param>
/// <param name="folders">Names of folders with scorable questions, in search order.</param>
internal sealed class ExamFiles(Func<string, string> heading, string before, string mark, string space, params string[] folders)
{
    private static readonly string[] Letters = ["A", "B", "C", "D"];

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options)
    {
        foreach (var file in FilesIn(path))
            foreach (var subject in Rows(file).GroupBy(row => row.Subject))
            {
                var shots = options.Shots == 0 ? [] : Shots(path, file, subject.Key, options.Shots ?? 5);
                var opening = heading(subject.Key) + string.Concat(shots);
                foreach (var (i, row) in subject.Index())
                    yield return new($"{row.Subject}/{i + 1:D5}", row.Subject, opening + before + row.Text + mark)
                    {
                        IsCompletion = options.ByLikelihood != false,
                        Choices = options.ByLikelihood == false ? [] : [.. Letters.Select(l => space + l)],
                        References = [options.ByLikelihood == false ? row.Answer : space + row.Answer],
                        Stop = ["\n"], Shots = shots,
                    };
            }
    }

    public static QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        response.Choices.Count > 0 ? ChoiceScoring.ByLikelihood(question, response, normalized: false)
            : ChoiceScoring.ByLetter(question, response, 'D');

    private IReadOnlyList<string> FilesIn(string path)
    {
        if (!Directory.Exists(path)) return PublishedFile.In(path);
        return folders.Select(split => Tables(path, split)).FirstOrDefault(found => found.Count > 0)
            ?? PublishedFile.In(folders.Select(f => Path.Combine(path, f)).FirstOrDefault(Directory.Exists) ?? path, ".csv");
    }

    // The hub's layout: one table for all subjects with a subject column, or one folder per subject.
    private static List<string> Tables(string folder, string split) =>
        [.. FolderFiles.Below(folder, $"{split}-*.parquet").Order(StringComparer.Ordinal)];

    private List<string> Shots(string path, string file, string subject, int count)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var found = IsTable(file) ? Tables(folder, "dev")
            : new[] { Path.Combine(path, "dev"), Path.Combine(folder, "..", "dev"), folder }.Where(Directory.Exists)
                .SelectMany(d => Directory.EnumerateFiles(d, "*.csv"))
                .Where(f => SubjectOf(f) == subject && Path.GetFullPath(f) != Path.GetFullPath(file));
        var shots = found.Take(1).SelectMany(Rows).Where(row => row.Subject == subject).Take(count)
            .Select(row => before + row.Text + mark + space + row.Answer + "\n\n").ToList();
        return shots.Count > 0 ? shots
            : throw new InputException($"{file}: the few-shot examples of {subject} (dev/{subject}_dev.csv) are missing; "
                + "use --shots 0 to evaluate without them");
    }

    private sealed record Row(string Subject, string Text, string Answer);

    private static IEnumerable<Row> Rows(string file) => IsTable(file) ? TableRows(file) : CsvRows(file);

    private static bool IsTable(string file) => file.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<Row> TableRows(string file)
    {
        var folder = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)))!;
        foreach (var record in PublishedFile.Records(file))
            yield return RowOf(record.Find("subject") ?? folder, record.Text("question"),
                record.Field("choices").ValueKind == JsonValueKind.Array ? record.Texts("choices")
                    : [.. Letters.Select(l => record.Text(l))], record.Text("answer"), record.Origin);
    }

    private static IEnumerable<Row> CsvRows(string file)
    {
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
                    throw new InputException($"{file}: the column \"answer\" is missing; test files without answers cannot be "
                        + "scored, use the validation file");
                continue;
            }
            var at = question ?? 0;
            if (question is null) answer = 5;
            if (cells.Length <= Math.Max(answer, at + 4))
                throw new InputException($"{file}, row {row}: expected a question, four options and the answer, "
                    + $"found {cells.Length} cells.");
            yield return RowOf(SubjectOf(file), cells[at], cells[(at + 1)..(at + 5)], cells[answer], $"{file}, row {row}");
        }
    }

    private static Row RowOf(string subject, string question, IReadOnlyList<string> options, string answer, string origin)
    {
        var right = answer.Trim() is [>= '0' and <= '3'] index ? Letters[index[0] - '0'] : answer.Trim();
        if (options.Count != Letters.Length || !Letters.Contains(right))
            throw new InputException($"{origin}: found {options.Count} options and the answer \"{right}\", expected four and "
                + "A to D.");
        return new(subject, question + string.Concat(Letters.Zip(options, (l, option) => $"\n{l}. {option}")), right);
    }

    private static string SubjectOf(string file)
    {
        var stem = PublishedFile.Stem(file);
        foreach (var split in (string[])["_test", "_dev", "_val"])
            if (stem.EndsWith(split, StringComparison.Ordinal)) return stem[..^split.Length];
        return stem;
    }
}
