using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Tests.Metrics;

public sealed class AnswerRuleTests
{
    [Theory]
    [InlineData("48/2 = <<48/2=24>>24 clips.\n#### 72", "72")]
    [InlineData("So the answer is $1,234.50.", "1234.50")]
    [InlineData("The answer is 5. No: the answer is 6. I had 7 once.", "6")]
    [InlineData("The answer (arabic numerals) is: -3", "-3")]
    [InlineData("她又找到6张：10 + 6 = 16。答案是１６。", "16")]
    [InlineData("答案：25个，不是 26 个", "25")]
    [InlineData("So we get \\boxed{42} in 3 steps", "42")]
    [InlineData("First 3-2 apples, then 12.5 kg", "12.5")]
    [InlineData("It costs .75 in all", ".75")]
    [InlineData("none", null)]
    public void Numbers_are_taken_by_the_published_rules(string text, string? number) =>
        Assert.Equal(number, NumericAnswer.Extract(text));

    [Theory]
    [InlineData("5", "5.00", true)]
    [InlineData("1,000", "1000", true)]
    [InlineData("0.8333333333333333", "0.8333333333333334", true)]
    [InlineData("5", "-5", false)]
    [InlineData("12", "12.1", false)]
    public void Numbers_are_compared_by_value(string a, string b, bool equal) =>
        Assert.Equal(equal, NumericAnswer.AreEqual(a, b));

    [Theory]
    [InlineData("B", "B")]
    [InlineData("正确答案的序号是：ACD", "ACD")]
    [InlineData("答案是DCA，因为……", "ACD")] // a set: the order is free
    [InlineData("ＡＢ", "AB")]
    [InlineData("AAB", "A")] // ends before a letter comes twice
    [InlineData("ABCDA", "ABCD")]
    [InlineData("A、B", "A")] // one run: what a separator cuts off is lost, as published
    [InlineData("我不知道", null)]
    public void Mmcu_takes_the_first_run_of_letters_without_repeats(string text, string? letters) =>
        Assert.Equal(letters, AnswerRules.LetterSet(text));

    [Fact]
    public void Mmcu_wants_the_exact_set()
    {
        var mmcu = BenchmarkSuite.Find("mmcu");
        double? Score(string right, string said) =>
            mmcu.Score(new("1", "法律", "?") { References = [right] }, new(said)).Value;
        Assert.Equal(1, Score("ACD", "DCA"));
        Assert.Equal(0, Score("ACD", "AC"));
        Assert.Equal(0, Score("AC", "ACD"));
        Assert.Equal(0, Score("A", "不知道"));
    }

    [Theory]
    [InlineData("open qa", "open qa")]
    [InlineData("open QA", "open qa")]
    [InlineData("closed\u00a0qa", "closed qa")]
    [InlineData("Closed QA", "closed qa")]
    [InlineData(" summarization ", "summarization")]
    [InlineData("poetry", null)]
    public void Classes_of_belle_are_found_however_they_are_written(string name, string? expected) =>
        Assert.Equal(expected, BelleEval.ClassOf(name));

    [Theory]
    [InlineData("B", "B")]
    [InlineData("(C) because A is wrong", "C")]
    [InlineData("The options A and B look right, but the answer is (D).", "D")]
    [InlineData("答案是Ｂ。", "B")]
    [InlineData("经过分析，应选C", "C")]
    [InlineData("I think A is wrong and B is right", null)]
    [InlineData("Answering is hard", null)]
    [InlineData("It must be E", null)] // there are four options
    public void Letters_are_chosen_only_where_a_text_says_so(string text, string? letter) =>
        Assert.Equal(letter, AnswerRules.ChosenLetter(text));

    [Theory]
    [InlineData("Whales are long, trucks are longer. So the answer is yes.", "yes")]
    [InlineData("No, because it is too wide. Yes would be a joke.", "no")]
    [InlineData("It is not known.", null)]
    public void Yes_and_no_are_taken_from_the_conclusion_first(string text, string? said) =>
        Assert.Equal(said, AnswerScoring.YesOrNo(text));
}
