using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>What must hold for any text.</summary>
public sealed partial class PropertyTests
{
    private const int ThreadProcessorTime = 3;

    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out Time time);

    private const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static Tokenizer Llama() => Golden.Shared("data/tokenizer/llama/tokenizer.model");

    private static Tokenizer ChatGlm() => Golden.Shared("data/tokenizer/hf/chatglm-6b");

    private static int[] Plain(Tokenizer tokenizer, string text) =>
        tokenizer.Encode(text, addSpecial: false, parseSpecial: false);

    private static Tokenizer Gpt2() => Golden.Shared("data/tokenizer/gpt2");

    private static Tokenizer Llama3() => Golden.Shared("data/tokenizer/llama3");

    private static readonly Lazy<Func<string, string, double?>> Gpt2Ranks =
        new(() => NaiveBpe.Ranks(File.ReadLines(ReferenceData.Path("data/tokenizer/gpt2/merges.txt")).Skip(1)));

    [Fact]
    public void Character_bpe_equals_the_definition_and_ties_go_left_to_right()
    {
        var tokenizer = Llama();
        var gguf = new GgufVocabulary(Golden.Unpack("data/tokenizer/gguf_vocab/ggml-vocab-llama-spm.gguf.gz"));
        var scores = gguf.Tokens.Zip(gguf.Scores, gguf.Kinds).Where(t => t.Third == 1)
            .ToDictionary(t => t.First, t => -(double)t.Second);
        // Runs that the vocabulary holds in several lengths tie all along: "====" is "==" "==" from either end, "=====" is not.
        string[] texts = [.. Fuzz.Texts(400).Where(t => t.Length > 0), "===========", "-------", "          x", "aaaaaaaaa"];
        Assert.All(texts, text => Assert.Equal(Naive(text, false), Plain(tokenizer, text)));

        // The control: merging the rightmost of equals is another tokenizer, and the golden cases see it.
        var golden = GoldenCase.Read("data/golden/sentencepiece/llama_tokenizer.model.dev.json")
            .Where(c => c.Text.Length is > 0 and < 300).ToList();
        Assert.All(golden, c => Assert.Equal(c.Ids, Naive(c.Text, false)));
        Assert.Contains(golden, c => !c.Ids.SequenceEqual(Naive(c.Text, true)));

        IEnumerable<int> Naive(string text, bool rightToLeft)
        {
            var symbols = NaiveBpe.Characters(Fuzz.WellFormed("▁" + text.Replace(' ', '▁')));
            var merged = NaiveBpe.Merge(symbols, (l, r) => scores.TryGetValue(l + r, out var score) ? score : null, rightToLeft);
            return merged.SelectMany(m => scores.ContainsKey(m)
                ? [tokenizer.TokenToId(m)!.Value]
                : Encoding.UTF8.GetBytes(m).Select(b => b + 3));
        }
    }

    [Fact]
    public void Byte_bpe_equals_the_definition_over_the_published_pattern()
    {
        var tokenizer = Gpt2();
        var pattern = new Regex(Gpt2Pattern, RegexOptions.CultureInvariant);
        // .NET's \p{L} does not see beyond the first plane; the scanner's own test covers that.
        Assert.All(Fuzz.Texts(400).Select(Fuzz.WellFormed).Where(t => !t.Any(char.IsSurrogate)), text =>
            Assert.Equal(
                pattern.Matches(text).SelectMany(word => NaiveBpe.Merge(NaiveBpe.ByteCharacters(word.Value), Gpt2Ranks.Value))
                    .Select(token => tokenizer.TokenToId(token)!.Value),
                tokenizer.Encode(text)));
    }

    [Fact]
    public void Byte_level_text_survives_the_round_trip()
    {
        foreach (var tokenizer in new[] { Gpt2(), Llama3() })
        {
            Assert.All(Fuzz.Texts(500, seed: 2), text =>
                Assert.Equal(Fuzz.WellFormed(text), tokenizer.Decode(Plain(tokenizer, text))));
        }
    }

    [Fact]
    public void Streaming_equals_decoding_at_once_and_never_splits_a_character()
    {
        var random = new Random(3);
        Tokenizer[] tokenizers = [Llama(), Gpt2(), Llama3(), Golden.HuggingFace("llama2"), ChatGlm()];
        foreach (var tokenizer in tokenizers)
        {
            var sequences = Fuzz.Texts(150, seed: 4).Select(text => tokenizer.Encode(text))
                // Ids at random make byte sequences that no text has.
                .Concat(Enumerable.Range(0, 150).Select(_ => Enumerable.Range(0, random.Next(1, 30))
                    .Select(_ => random.Next(random.Next(3) == 0 ? tokenizer.VocabularySize : 300)).ToArray()));
            foreach (var ids in sequences)
            {
                var decoder = tokenizer.StreamDecoder();
                List<string> parts = [.. ids.Select(decoder.Add), decoder.Flush()];
                Assert.Equal(tokenizer.Decode(ids), string.Concat(parts));
                Assert.All(parts, part => Assert.Equal(Fuzz.WellFormed(part), part));
            }
        }
    }

    [Fact]
    public void An_emoji_in_four_tokens_appears_with_the_last()
    {
        var decoder = Llama().StreamDecoder();
        string[] parts = [.. new[] { 29871, 243, 162, 156, 133, 243, 243, 29874 }.Select(decoder.Add), decoder.Flush()];
        Assert.Equal(["", "", "", "", "🙂", "", "\uFFFD", "\uFFFDa", ""], parts);
    }

    [Trait("level", "full")]
    [Fact]
    public void Time_grows_with_the_length_alone()
    {
        var botchan = Encoding.UTF8.GetString(Golden.Unpack("data/tokenizer/sentencepiece/botchan.txt.gz"));
        Func<int, string>[] shapes =
        [
            n => new string('a', n), n => new string('=', n), n => new string(' ', n), n => new string('\n', n),
            n => string.Concat(Enumerable.Repeat("🙂", n / 2)), n => string.Concat(Enumerable.Repeat("<s", n / 2)),
            n => string.Concat(Enumerable.Repeat(botchan.Replace(" ", "").Replace("\n", ""), n / 200_000 + 1))[..n],
            n => new string(' ', n - 1) + "x", n => string.Concat(Enumerable.Repeat("\n ", n / 2)),
        ];
        foreach (var tokenizer in new[] { Llama(), Gpt2(), Llama3(), ChatGlm() })
        {
            foreach (var shape in shapes)
            {
                var (small, large) = (shape(6_000), shape(192_000));
                var ratio = Enumerable.Range(0, 2).Min(_ => Seconds(() => tokenizer.Encode(large)))
                    / Enumerable.Range(0, 4).Min(_ => Seconds(() => tokenizer.Encode(small)));
                // 32 times the text: 32 when linear, 1024 when quadratic; caches and other processes blur it.
                Assert.True(ratio < 300, $"{tokenizer.Path}, U+{(int)small[0]:X4}...: {ratio:0} times as long");
            }
        }

        static double Seconds(Action action)
        {
            var before = Clock();
            action();
            return Clock() - before;
        }

        // The thread's own time on a processor where the system tells it, so that a busy machine does not count.
        static double Clock() => OperatingSystem.IsLinux() && ClockGetTime(ThreadProcessorTime, out var time) == 0
            ? time.Seconds + time.Nanoseconds / 1e9
            : System.Diagnostics.Stopwatch.GetTimestamp() / (double)System.Diagnostics.Stopwatch.Frequency;
    }

    [Fact]
    public void Many_threads_get_the_same_ids()
    {
        var texts = Fuzz.Texts(300, seed: 5).ToArray();
        foreach (var path in new[] { "data/tokenizer/llama/tokenizer.model", "data/tokenizer/gpt2" })
        {
            var expected = texts.Select(text => Golden.Shared(path).Encode(text)).ToArray();
            // Fresh, so that its memory of words is empty and all the threads fill it.
            var shared = Tokenizer.Load(ReferenceData.Path(path));
            Parallel.For(0, 8, worker =>
            {
                for (var i = 0; i < texts.Length; i++)
                {
                    var at = (i * 7 + worker * 31) % texts.Length;
                    Assert.Equal(expected[at], shared.Encode(texts[at]));
                }
            });
        }
    }

    [Fact]
    public void The_scanners_equal_the_regular_expressions_they_replace()
    {
        string[] patterns =
        [
            Gpt2Pattern,
            Modern(@"\p{N}{1,3}"),
            Modern(@"\p{N}"),
        ];
        foreach (var pattern in patterns)
        {
            // Written otherwise, the same expression goes through the general engine.
            var (scanned, general) = (Splitting(pattern), Splitting("(?:" + pattern + ")"));
            Assert.All(Fuzz.Texts(1500, seed: 6).Where(t => !t.Contains('\u017F')), text =>
                Assert.Equal(Pieces(general, text), Pieces(scanned, text)));
        }

        static string Modern(string digits) => @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits
            + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

        static Tokenizer Splitting(string pattern) => Golden.LoadJson(System.Text.Json.JsonSerializer.Serialize(new
        {
            pre_tokenizer = new { type = "Split", pattern = new { Regex = pattern }, behavior = "Isolated" },
            model = new { type = "WordLevel", vocab = new Dictionary<string, int> { ["?"] = 0 }, unk_token = "?" },
        }));

        static string Pieces(Tokenizer tokenizer, string text) => string.Join(' ',
            tokenizer.EncodeWithRanges(text, addSpecial: false).Ranges.Select(range => range.Start));
    }
}
