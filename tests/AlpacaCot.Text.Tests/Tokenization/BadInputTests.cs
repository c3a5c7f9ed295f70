using System.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

public sealed class BadInputTests
{
    private static string Message(string name, string content) => Message(name, Encoding.UTF8.GetBytes(content));

    private static string Message(string name, byte[] content) =>
        Assert.Throws<InputException>(() => Golden.Load((name, content))).Message;

    private const string NoModel = "\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}";

    [Theory]
    [InlineData("""{"normalizer": {"type": "Nope"}, """ + NoModel, "normalizer Nope")]
    [InlineData("""{"pre_tokenizer": {"type": "UnicodeScripts"}, """ + NoModel, "pre-tokenizer UnicodeScripts")]
    [InlineData("""{"decoder": {"type": "CTC"}, """ + NoModel, "decoder CTC")]
    [InlineData("""{"post_processor": {"type": "Odd"}, """ + NoModel, "post-processor Odd")]
    [InlineData("""{"model": {"type": "WordPiece", "vocab": {}}}""", "model type WordPiece")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}""", "merge 1 (a b)")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}""", "a and b have the same id, 0")]
    [InlineData("""{"added_tokens": [{"id": 9, "content": "x"}, {"id": 9, "content": "y"}], """ + NoModel,
        "x and y have the same id")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 4000000000}, "merges": []}}""", "token a")]
    [InlineData("{\n\"model\": {\"type\": \"BPE\",", "line 2")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a&&b]"}}, """ + NoModel, "[a&&b]")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}}, """ + NoModel, "(a")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull")]
    public void A_tokenizer_json_that_cannot_be_used_says_why(string json, string expected)
    {
        var message = Message("tokenizer.json", json);
        Assert.Contains(expected, message);
        Assert.Contains("tokenizer.json", message);
    }

    [Fact]
    public void Other_files_too()
    {
        Assert.Contains("the file or folder does not exist",
            Assert.Throws<InputException>(() => Tokenizer.Load("/nowhere/at/all")).Message);
        Assert.Contains("line 2", Message("tokenizer.model", "YQ== 0\nnot a line\n"));
        Assert.Contains("merges.txt", Message("vocab.json", """{"a": 0}"""));
        Assert.Contains("not a SentencePiece model", Message("tokenizer.model", [0xFF, 0xFF, 0xFF]));
        var empty = Directory.CreateTempSubdirectory("alpaca-cot-empty-").FullName;
        Assert.Contains("contains no tokenizer", Assert.Throws<InputException>(() => Tokenizer.Load(empty)).Message);
        Directory.Delete(empty);
    }

    [Fact]
    public void A_damaged_SentencePiece_file_never_fails_otherwise()
    {
        var whole = File.ReadAllBytes(ReferenceData.Path("data/tokenizer/sentencepiece/test_model.model"));
        var random = new Random(1);
        for (var i = 0; i < 60; i++)
        {
            var damaged = i % 2 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (var hits = i % 2 * 20; hits > 0; hits--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                var tokenizer = Golden.Load(("tokenizer.model", damaged));
                foreach (var text in Fuzz.Texts(10)) tokenizer.Decode(tokenizer.Encode(text));
            }
            catch (InputException e)
            {
                Assert.Contains("tokenizer.model", e.Message);
            }
        }
    }
}
