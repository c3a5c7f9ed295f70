using System.Diagnostics;
using System.Text;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>Small files that ask for gigabytes, patterns that backtrack, texts that are no text.</summary>
public sealed class HostileTokenizerTests
{
    [Theory]
    [InlineData("tik.model", "AA== 0\nAQ== 1\nAg== 2\nAw== 3\nBA== 4\naGVsbG8= 16777215\n",
        "the rank 16777215 of a file with 6 tokens")]
    [InlineData("tokenizer.json", """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 16777215}, "merges": []}}""",
        "the id 16777215 in a vocabulary of 2 tokens")]
    [InlineData("tokenizer.json", """{"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 5}}""",
        "unk_id is 5; there are 1 pieces")]
    [InlineData("tokenizer.json",
        """{"added_tokens": [{"id": 2000000000, "content": "x"}], "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""",
        "the added token x has the id 2000000000")]
    [InlineData("tokenizer.json", """{"model": {"type": "BPE", "vocab": {"\ud800": 0}, "merges": []}}""",
        "half of a surrogate pair")]
    [InlineData("tokenizer.json", """{"model": {"type": "BPE", "vocab": {"\\\udc00x": 0}, "merges": []}}""",
        "half of a surrogate pair")]
    public void A_small_file_that_asks_for_much_or_has_no_text_is_refused_at_once(string name, string content, string message)
    {
        var before = GC.GetTotalAllocatedBytes();
        Assert.Contains(message, Assert.Throws<InputException>(() => Golden.Load((name, Encoding.UTF8.GetBytes(content))))
            .Message);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 50_000_000);
    }

    [Fact]
    public void Invalid_UTF8_in_a_string_is_refused()
    {
        byte[] file = [.. "{\"model\": {\"type\": \"BPE\", \"vocab\": {\""u8, 0xFF, .. "\": 0}, \"merges\": []}}"u8];
        Assert.Contains("not UTF-8", Assert.Throws<InputException>(() => Golden.Load(("tokenizer.json", file))).Message);
    }

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(?=(a+)+$)b")]
    [InlineData("(?:a|aa)+(?!a|!)c")]
    public void A_pattern_of_the_file_never_hangs(string pattern)
    {
        var tokenizer = Golden.Load(("tokenizer.json", Encoding.UTF8.GetBytes(
            $$$"""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "{{{pattern}}}"}, "behavior": "Isolated"}, "model": {"type": "BPE", "vocab": {"a": 0, "!": 1}, "merges": []}}""")));
        var watch = Stopwatch.StartNew();
        try
        {
            tokenizer.Encode(new string('a', 3000) + "!");
        }
        catch (InputException e)
        {
            Assert.Contains("time limit", e.Message);
        }
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 9);
    }

    [Fact]
    public void Replacements_that_double_a_text_again_and_again_are_stopped()
    {
        var doubling = string.Join(", ",
            Enumerable.Repeat("""{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}""", 40));
        var tokenizer = Golden.Load(("tokenizer.json", Encoding.UTF8.GetBytes(
            $$$"""{"normalizer": {"type": "Sequence", "normalizers": [{{{doubling}}}]}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""")));
        Assert.Contains("normalizer", Assert.Throws<InputException>(() => tokenizer.Encode("aaaa")).Message);
    }
}
