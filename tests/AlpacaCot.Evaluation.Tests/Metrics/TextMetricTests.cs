using System.Text.Json;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Tests.Metrics;

public sealed class TextMetricTests
{
    [Fact]
    public void Rouge_agrees_with_the_reference_cases()
    {
        var folder = ReferenceData.Path("data/metrics/google_rouge");
        var expected = JsonSerializer.Deserialize<JsonElement>(File.ReadAllText($"{folder}/expected.json"));
        string[] Lines(string file) => File.ReadAllText($"{folder}/{file}").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var (targets, predictions) = (Lines("target.txt"), Lines("prediction.txt"));
        foreach (var c in expected.GetProperty("file_cases").EnumerateArray())
        {
            var one = c.GetProperty("case").ValueKind == JsonValueKind.Number;
            var (target, prediction) = one ? (targets[c.GetProperty("case").GetInt32()],
                predictions[c.GetProperty("case").GetInt32()])
                : (File.ReadAllText($"{folder}/target_multi.0.txt"), File.ReadAllText($"{folder}/prediction_multi.0.txt"));
            Check(c, Compute(c.GetProperty("type").GetString()!, prediction, target, c.GetProperty("stemmer").GetBoolean()), 5);
        }
        foreach (var c in expected.GetProperty("literal_cases").EnumerateArray())
            Check(c, Compute(c.GetProperty("type").GetString()!, c.GetProperty("prediction").GetString()!,
                c.GetProperty("target").GetString()!, false), c.TryGetProperty("places", out var places) ? places.GetInt32()
                    : 12);
    }

    private static RougeScore Compute(string type, string answer, string reference, bool stems) => type switch
    {
        "rouge1" => Rouge.Ngrams(1, answer, reference, stems),
        "rouge2" => Rouge.Ngrams(2, answer, reference, stems),
        "rougeL" => Rouge.Longest(answer, reference, stems),
        _ => Rouge.LongestByLine(answer, reference, stems),
    };

    private static void Check(JsonElement c, RougeScore score, int places)
    {
        Assert.Equal(c.GetProperty("precision").GetDouble(), score.Precision, places);
        Assert.Equal(c.GetProperty("recall").GetDouble(), score.Recall, places);
        Assert.Equal(c.GetProperty("fmeasure").GetDouble(), score.F, places);
    }

    [Fact]
    public void Rouge_counts_chinese_characters()
    {
        // 6 characters against 5, 我 爱 北 京 in common and in order.
        var score = Rouge.Longest("我爱大北京城", "我爱北京！A");
        Assert.Equal(4 / 6.0, score.Precision, 12);
        Assert.Equal(4 / 5.0, score.Recall, 12);
        Assert.Equal(["我", "爱", "gpt4"], MetricTokens.Rouge("我爱 GPT4"));
    }

    [Theory]
    [InlineData("caresses", "caress")]
    [InlineData("ponies", "poni")]
    [InlineData("ties", "tie")]
    [InlineData("agreed", "agre")]
    [InlineData("hopping", "hop")]
    [InlineData("relational", "relat")]
    [InlineData("conditional", "condit")]
    [InlineData("electriciti", "electr")]
    [InlineData("adjustable", "adjust")]
    [InlineData("controlling", "control")]
    [InlineData("happy", "happi")]
    [InlineData("dying", "die")]
    public void Stems_are_those_of_the_reference(string word, string stem) => Assert.Equal(stem, PorterStemmer.Stem(word));

    [Fact]
    public void Bleu_is_what_its_definition_gives_by_hand()
    {
        // Tokens: the cat sat on the mat . (7) against: the cat is on the mat . (7)
        // 1-grams 6/7; 2-grams the-cat, on-the, the-mat, mat-. 4/6; 3-grams on-the-mat, the-mat-. 2/5; 4-grams on-the-mat-. 1/4.
        var expected = 100 * Math.Pow(6 / 7.0 * 4 / 6.0 * 2 / 5.0 * 1 / 4.0, 0.25);
        Assert.Equal(expected, Bleu.Sentence("the cat sat on the mat.", "the cat is on the mat."), 10);
        // Shorter than the reference by 2 of 6 tokens: the brevity penalty is e^(1 - 6/4).
        Assert.Equal(100 * Math.Exp(1 - 6 / 4.0), Bleu.Sentence("a b c d", "a b c d e f"), 10);
        // No 2-gram of two: the order counts 100 / (2 * 1) by exponential smoothing, and there are only two orders.
        Assert.Equal(Math.Sqrt(100 * 50.0), Bleu.Sentence("b a", "a b"), 10);
        Assert.Equal(0, Bleu.Sentence("x", "y"));
        // Chinese: each character is a token: 我 爱 你 。 against 我 爱 她 。: 3/4, 1/3, then smoothed 1/(2*2), 1/(4*1).
        Assert.Equal(100 * Math.Pow(3 / 4.0 * 1 / 3.0 * 1 / 4.0 * 1 / 4.0, 0.25), Bleu.Sentence("我爱你。", "我爱她。"),
            10);
        // Over a corpus counts are added before they are divided: 7+4 tokens, 6+4 right, ...
        var corpus = Bleu.Corpus(["the cat sat on the mat.", "a b c d"], [["the cat is on the mat."], ["a b c d"]]);
        Assert.Equal(100 * Math.Pow(10 / 11.0 * 7 / 9.0 * 4 / 7.0 * 2 / 5.0, 0.25), corpus, 10);
        Assert.Equal(["Hello", ",", "U", ".", "S", ".", "costs", "$", "3.5", ",", "won't", "it", "?"],
            MetricTokens.Bleu("Hello, U.S. costs $3.5, won't it?"));
    }

    [Fact]
    public void ChrF_is_what_its_definition_gives_by_hand()
    {
        // "ab c" and "abd" without spaces: abc, abd. 1-grams 2/3 both; 2-grams 1/2 both; 3-grams 0/1.
        var mean = (2 / 3.0 + 1 / 2.0 + 0) / 3;
        Assert.Equal(100 * 5 * mean * mean / (4 * mean + mean), ChrF.Sentence("ab c", "abd"), 10);
        // abcd against ab: precision (2/4 + 1/3)/2, recall 1.
        var precision = (2 / 4.0 + 1 / 3.0) / 2;
        Assert.Equal(100 * 5 * precision / (4 * precision + 1), ChrF.Sentence("abcd", "ab"), 10);
        Assert.Equal(100, ChrF.Sentence("我爱你", "x", "我爱你"), 10);
        Assert.Equal(0, ChrF.Sentence("", "abc"));
    }

    [Fact]
    public void Measures_tell_language_reasoning_and_loops()
    {
        Assert.True(TextMeasures.IsInLanguageOf("怎么让自己提高专注力？", "每天早睡，少看手机。"));
        Assert.False(TextMeasures.IsInLanguageOf("怎么让自己提高专注力？",
            "Sleep early, and leave your phone in another room."));
        Assert.Null(TextMeasures.IsInLanguageOf("二加二等于几？", "4"));
        Assert.True(TextMeasures.HasRationale("She had 3 and found 4 more: 3 + 4 = 7. The answer is 7."));
        Assert.False(TextMeasures.HasRationale("The answer is 7."));
        Assert.Equal(0, TextMeasures.Repetition("one two three four five six"));
        Assert.True(TextMeasures.Repetition(string.Concat(Enumerable.Repeat("很好很好", 50))) > 0.9);
        Assert.Equal(3, TextMeasures.Of("?", "我爱GPT")["words"]);
    }

    [Theory]
    [InlineData(10, 0, 1, 0)]
    [InlineData(10, 3, 1, 0.3)]
    [InlineData(10, 3, 5, 1 - 21 / 252.0)] // C(7,5) / C(10,5)
    [InlineData(5, 5, 5, 1)]
    public void Pass_at_k_is_the_unbiased_estimate(int programs, int passing, int k, double expected) =>
        Assert.Equal(expected, PassAtK.Estimate(programs, passing, k), 12);

    [Fact]
    public void Programs_run_only_by_the_users_command_and_never_longer_than_allowed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs sh");
        var runner = new CodeRunner("sh {file}") { TimeLimit = TimeSpan.FromSeconds(1) };
        Assert.True(runner.Passes("exit 0", ".sh"));
        Assert.False(runner.Passes("exit 3", ".sh"));
        Assert.False(runner.Passes("sleep 60", ".sh"));
        Assert.Contains("{file}", Assert.Throws<Text.InputException>(() => new CodeRunner("sh").Passes("")).Message,
            StringComparison.Ordinal);
        Assert.Throws<Text.InputException>(() => new CodeRunner("no-such-sandbox {file}").Passes(""));
    }
}
