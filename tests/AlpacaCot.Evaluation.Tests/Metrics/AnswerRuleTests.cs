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

    // sglang 29933: the last number of a text is often one of a question that the model asks itself.
    [Theory]
    [InlineData("9*2=<<9*2=18>>18\n#### 18\n\nQuestion: Tom has 5 apples\nAnswer: 7\n#### 7", "18")]
    [InlineData("#### 18\n\nTom has 5 apples and eats 2. He keeps 3.\n#### 3", "18")]
    [InlineData("The answer is 18.\n\nQ: What is 5+5?\nA: The answer is 10.", "18")]
    [InlineData("She makes 18 dollars.\n\nQuestion 2: Tom has 5 apples. How many?", "18")]
    [InlineData("The answer is 18.\n\n### Instruction:\nAdd 4 and 5.\n\n### Response:\nThe answer is 9.", "18")]
    [InlineData("18\n### Question\nTom has 5 apples\n#### 5", "18")]
    [InlineData("The answer is 7.Human: thanks, what is 3+3? Assistant: the answer is 6", "7")]
    [InlineData("答案是18。\n\n问题：小明有5个苹果，吃了2个。\n答案是3。", "18")]
    [InlineData("It is 18.<|im_end|>\n<|im_start|>user\nAnd 4+4?<|im_end|>\n<|im_start|>assistant\n8", "18")]
    [InlineData("Question: how many eggs remain? 16 - 7 = 9. The answer is 9.", "9")]
    public void A_number_is_that_of_the_first_answer_not_of_a_run_on(string text, string number) =>
        Assert.Equal(number, NumericAnswer.Extract(text));

    [Theory]
    [InlineData("The answer is 1/2.", "0.5")]
    [InlineData("So each gets 3/4 of a cake", "0.75")]
    [InlineData("The answer is $\\frac{3}{4}$.", "0.75")]
    [InlineData("The answer is 2 1/2 cups", "2.5")]
    [InlineData("The answer is 1.5 million.", "1500000")]
    [InlineData("They sold 3 thousand tickets", "3000")]
    [InlineData("The answer is $2.5k.", "2500")]
    [InlineData("答案是3.5万", "35000")]
    [InlineData("总共是 2亿", "200000000")]
    [InlineData("It costs $1,234.50.", "1234.50")]
    [InlineData("The answer is 50%.", "50")]
    [InlineData("#### $600", "600")]
    [InlineData("The answer is 1 234.", "1234")]
    [InlineData("The answer is 5 1.", "5")]
    [InlineData("The answer is 1.000,00", "1000.00")]
    [InlineData("Therefore, the answer is $10^{1}$", "10")]
    [InlineData("the answer is 10^3", "1000")]
    [InlineData("The answer is 1.2 × 10^4", "12000")]
    [InlineData("The answer is 12 + 6 = 18.", "18")]
    [InlineData("The answer is −3.", "-3")]
    [InlineData("The answer is 18. (Note: 2024 prices)", "18")]
    [InlineData("Answer: eighteen (18).", "18")]
    [InlineData("2 blue + 1 white = 3", "3")]
    [InlineData("on 3/4/2024", "2024")]
    public void Fractions_powers_and_number_words_have_their_value(string text, string number) =>
        Assert.Equal(number, NumericAnswer.Extract(text));

    [Theory]
    [InlineData("0.5", "The answer is 1/2.", 1)]
    [InlineData("1/2", "The answer is 0.5", 1)]
    [InlineData("1/2", "The answer is 1/3.", 0)]
    [InlineData("12", "The answer is 1/2.", 0)]
    [InlineData("50%", "It rises by 50 %.", 1)]
    [InlineData("1.5 million", "1,500,000 people", 1)]
    [InlineData("B", "The answer is (B).\n\nQ: Next?\nA: The answer is (C).", 1)]
    [InlineData("yes", "So the answer is yes.\n\nQ: Is ice hot?\nA: The answer is no.", 1)]
    [InlineData("Paris", "Paris.\n\nQuestion: And of Spain?\nAnswer: Madrid.", 1)]
    public void Answers_are_scored_by_the_value_of_the_first_one(string reference, string text, double score) =>
        Assert.Equal(score, AnswerScoring.Score(text, [reference]).Value);

    [Theory]
    [InlineData("A dog barks, so it must be (C)", "C")]
    [InlineData("A is right because the others are not", "A")]
    [InlineData("B\n\nQuestion: Which is red?\nThe answer is (D).", "B")]
    [InlineData("答案是C。\n\n题目：下列哪项正确？答案是A。", "C")]
    public void Letters_are_those_of_the_first_answer_and_no_articles(string text, string letter) =>
        Assert.Equal(letter, AnswerRules.ChosenLetter(text));

    [Fact]
    public void Bbh_takes_the_conclusion_of_the_first_answer()
    {
        var bbh = BenchmarkSuite.Find("bbh");
        Assert.Equal(1, bbh.Score(new("1", "navigate", "?") { References = ["No"] },
            new("... So the answer is No.\n\nQ: If you turn left?\nA: So the answer is Yes.")).Value);
    }

    [Fact]
    public void Gsm8k_scores_the_shared_cases_right()
    {
        var file = ReferenceData.Path("cases/train/gsm8k_run_on.jsonl");
        var (name, model, questions, responses) = GenerationsFile.Read(file);
        var run = BenchmarkRunner.Score(BenchmarkSuite.Find(name), model, questions, responses);
        // The one answer that is wrong is empty.
        Assert.Equal(["00017"], run.Answers.Where(a => a.Score.Value != 1).Select(a => a.Question.Id));
    }

    [Theory]
    [InlineData("5", "5.00", true)]
    [InlineData("1,000", "1000", true)]
    [InlineData("0.8333333333333333", "0.8333333333333334", true)]
    [InlineData("5", "-5", false)]
    [InlineData("12", "12.1", false)]
    [InlineData("1/2", "0.50", true)]
    [InlineData("1/2", "12", false)]
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
