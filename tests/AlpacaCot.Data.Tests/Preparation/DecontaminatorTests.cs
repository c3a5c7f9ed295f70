using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Contamination;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class DecontaminatorTests
{
    private const string Question =
        "A farmer has seventeen sheep and buys nine more at the market, then sells a third of them to his brother.";

    private static List<RecordFinding> Hits(string text, ContaminationOptions? options = null, params string[] evaluation)
    {
        var hits = new List<RecordFinding>();
        var index = new Decontaminator((evaluation.Length > 0 ? evaluation : [Question]).Select((t, i) =>
            new EvaluationText($"eval {i}", t)), options);
        _ = index.Filter([Conversation.Instruction("Solve.", text, "x") with { Origin = "r" }], hits.Add).Count();
        return hits;
    }

    [Fact]
    public void A_copied_stretch_is_a_hit_with_its_passage_and_share()
    {
        var whole = Assert.Single(Hits($"Please: {Question.ToUpperInvariant().Replace(",", " ,")} How many?"));
        Assert.Equal(("r", "eval 0", 1.0), (whole.Record, whole.Other, whole.Score));
        Assert.StartsWith("A FARMER HAS", whole.Excerpt, StringComparison.Ordinal);
        Assert.EndsWith("TO HIS BROTHER", whole.Excerpt, StringComparison.Ordinal);

        // 13 words of 21 in a row are one of nine 13-grams; 12 are none.
        var words = Question.Split(' ');
        var part = Assert.Single(Hits("x " + string.Join(' ', words[3..16]) + " y"));
        Assert.Equal(1 / 9.0, part.Score!.Value, 1e-9);
        Assert.Equal(string.Join(' ', words[3..16]), part.Excerpt);
        Assert.Empty(Hits("x " + string.Join(' ', words[3..15]) + " y"));
        Assert.Empty(Hits("x " + string.Join(' ', words[3..16]) + " y", new() { Overlap = 0.5 }));
        Assert.Single(Hits("x " + string.Join(' ', words[3..8]) + " y", new() { Words = 5 }));
    }

    [Fact]
    public void Short_and_chinese_questions_are_found_whole_and_very_short_ones_do_not_count()
    {
        const string chinese = "下列关于我国古代科举制度的说法中，正确的一项是哪一个选项？";
        Assert.Single(Hits("请回答：下列关于我国古代科举制度的说法中正确的一项是", null, chinese));
        Assert.Empty(Hits("下列关于我国古代科举制度", null, chinese));
        const string small = "How many legs do three spiders have together?";   // eight words
        Assert.Single(Hits($"Now: {small}", null, small, Question));
        Assert.Empty(Hits("How many legs do three spiders have?", null, small, Question));
        Assert.Throws<InputException>(() => Hits("Name it.", null, "Name it."));
    }

    [Fact]
    public void Phrases_of_the_whole_set_do_not_count()
    {
        const string phrase =
            "The following is a multiple choice question about history, answer it with one of the letters given below please";
        var set = Enumerable.Range(0, 20).Select(i => $"{phrase} question number {i} is about king {i} of the land {i}")
            .ToArray();
        Assert.Empty(Hits(phrase, null, set));
        Assert.NotEmpty(Hits(set[3], null, set));
        Assert.NotEmpty(Hits(phrase, new() { MostTexts = 20 }, set));
    }

    [Fact]
    public void Questions_are_found_in_any_shape_of_benchmark()
    {
        using var json = JsonDocument.Parse("""
            {"canary":"c","examples":[{"input":"in 1","target":"t","n":5},{"question":"q","choices":["a","b"],"meta":{"note":"inner"}}]}
            """);
        Assert.Equal(["c", "in 1\nt", "q\na\nb", "inner"], EvaluationText.From(json.RootElement, "f").Select(text => text.Text));
    }

    [Fact]
    public void The_training_half_of_gsm8k_is_clean_of_the_test_half_and_a_planted_leak_is_found()
    {
        var test = RecordFile.Read(ReferenceData.Path("data/bench/gsm8k/test.jsonl.gz")).Take(500).ToList();
        var evaluation = new Decontaminator(test.SelectMany(record => EvaluationText.From(record.Value, record.Origin)));
        Assert.InRange(evaluation.SearchableTexts, 490, test.Count);
        var train = InstructionFile.Read(ReferenceData.Path("data/instruct/gsm_8k_train_alpaca.json.gz")).Take(3000).ToList();
        var leaks = test.Where((_, i) => i % 50 == 0).Select(record =>
            Conversation.Instruction("Think step by step.", record.Value.GetProperty("question").GetString()!,
                "42") with { Origin = "leak" }).ToList();
        var hits = new List<RecordFinding>();
        var kept = evaluation.Filter([.. train, .. leaks], hits.Add).ToList();
        Assert.DoesNotContain(kept, record => record.Origin == "leak");
        Assert.InRange(train.Count - kept.Count, 0, 30);   // stock phrases of the exercises
    }
}
