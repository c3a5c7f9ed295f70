using AlpacaCot.Evaluation.Benchmarks;

namespace AlpacaCot.Studies.Tests;

public sealed class ExactMatchTests
{
    [Theory]
    [InlineData("Hugo lives in Brookby.", "Hugo lives in Brookby.", true)]
    [InlineData("  hugo LIVES\n in\tBrookby ", "Hugo lives in Brookby.", true)]
    [InlineData("Hugo lives in Brookby .", "Hugo lives in Brookby", true)]
    [InlineData("Hugo lives in Brookby..", "Hugo lives in Brookby.", false)] // one period is ignored, not all
    [InlineData("Hugo lives in Eastwick.", "Hugo lives in Brookby.", false)]
    [InlineData("Hugo lives in Brookby. He is 31.", "Hugo lives in Brookby.", false)]
    [InlineData("莉莉住在洛谷", "莉莉住在洛谷。", true)]
    [InlineData("莉莉住在洛谷.", "莉莉住在洛谷。", true)]
    [InlineData("莉莉　住在洛谷。", "莉莉 住在洛谷。", true)]
    [InlineData("莉莉住在北湾。", "莉莉住在洛谷。", false)]
    [InlineData("丹恩今年６３岁。", "丹恩今年63岁。", true)]
    [InlineData("丹恩今年６４岁。", "丹恩今年63岁。", false)]
    [InlineData("", "Hugo lives in Brookby.", false)]
    [InlineData("", "", true)]
    [InlineData(".", "", true)]
    public void Texts_are_equal_but_for_case_white_space_and_a_final_period(string answer, string reference, bool right) =>
        Assert.Equal(right, ExactMatch.IsRight(answer, reference));

    [Theory]
    [InlineData("9 drawers with 5 each: 9 × 5 = 45. The answer is 45.", true)]
    [InlineData("Another way entirely. THE ANSWER IS 45", true)]
    [InlineData("The answer is 44. No, wait. The answer is 45.", true)]
    [InlineData("The answer is 45. No, wait. The answer is 44.", false)]
    [InlineData("the answer\nis: ４５", true)]
    [InlineData("The answer is 45.0", true)]
    [InlineData("The answer is 45.5", false)]
    [InlineData("The answer is -45.", false)]
    [InlineData("The answer is 450.", false)]
    [InlineData("答案是45。", true)]
    [InlineData("答案是：４５。", true)]
    [InlineData("45", false)] // a number alone concludes nothing
    [InlineData("9 × 5 = 45.", false)]
    [InlineData("The answer is forty-five.", false)]
    [InlineData("The answer is 99999999999999999999999999999999999999.", false)]
    [InlineData("", false)]
    public void Where_the_reference_concludes_with_a_number_only_the_last_such_number_counts(string answer, bool right)
    {
        Assert.Equal(right, ExactMatch.IsRight(answer, "9 drawers with 5 each: 9 × 5 = 45. The answer is 45."));
        Assert.Equal(right, ExactMatch.IsRight(answer, "每个抽屉5本，9个抽屉：9 × 5 = 45。答案是45。"));
    }

    [Theory]
    [InlineData("The answer is 1,250.", "The answer is 1250.")]
    [InlineData("答案是−3。", "The answer is -3.")]
    [InlineData("The answer is yes", "The answer is yes.")] // not a number: the text counts
    public void Numbers_are_compared_by_value(string answer, string reference) =>
        Assert.True(ExactMatch.IsRight(answer, reference));
}
