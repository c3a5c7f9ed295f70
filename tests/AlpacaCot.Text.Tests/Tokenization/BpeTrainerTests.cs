using System.Text;
using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

public sealed class BpeTrainerTests
{
    private const string Text = """
        The goat eats the grass, the other goat eats the oats. 山羊吃青草，那只山羊吃燕麦。
        12 + 7 = 19. aaa aaaa aaaaa abcabc bcbc ab abc abc. It's the goat's, isn't it? naïve café 🐐🐐
        """;

    [Theory]
    [InlineData(null)]
    [InlineData(@"[\p{N}一-鿿]")]
    public void Learns_the_merges_of_a_trainer_that_counts_anew_each_time(string? isolate)
    {
        var trainer = new BpeTrainer(340, ["<s>", "</s>"], isolate);
        trainer.Add(Text);
        trainer.Add("abc", weight: 3);
        var words = trainer.Split(Text).Concat(["abc", "abc", "abc"]);
        Assert.Equal(Naive(words, wanted: 340 - 258, specials: 2), trainer.Train().Merges);
    }

    [Fact]
    public void Isolated_characters_are_never_merged()
    {
        var trainer = new BpeTrainer(400, ["<s>"], @"[\p{N}一-鿿]");
        for (var i = 0; i < 50; i++) trainer.Add("12 + 7 = 19。山羊山羊");
        var texts = trainer.Train().Merges.Select(m => Characters(m.Left + m.Right));
        Assert.All(texts, t => Assert.True(t.Count(c => char.IsDigit(c) || c is '山' or '羊') <= 1, t));
    }

    [Fact]
    public void Special_tokens_keep_their_names()
    {
        var trainer = new BpeTrainer(300, ["<s>"]);
        for (var i = 0; i < 50; i++) trainer.Add("<s> <s> <s>");
        var vocabulary = trainer.Train().Vocabulary;
        Assert.Equal(vocabulary.Count, vocabulary.Distinct().Count());
        Assert.Equal("<s>", vocabulary[0]);
    }

    [Fact]
    public void The_tokenizer_reads_what_the_trainer_wrote()
    {
        var folder = Directory.CreateTempSubdirectory("alpacacot-bpe-");
        var trainer = new BpeTrainer(330, ["<pad>", "<s>", "</s>"], @"[\p{N}一-鿿]");
        trainer.Add(Text);
        var bpe = trainer.Train();
        bpe.Save(folder.FullName, "<s>", "</s>", "<pad>", 512);
        var tokenizer = Tokenizer.Load(folder.FullName);
        Assert.Equal((bpe.Vocabulary.Count, 1, 2, 0, true),
            (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId, tokenizer.PadId, tokenizer.AddsBos));
        Assert.Equal(Text, tokenizer.Decode(tokenizer.Encode(Text)));
        // The trainer's own words, merged in the order learnt.
        var expected = trainer.Split(Text).SelectMany(word => Apply(bpe.Merges, word))
            .Select(t => bpe.Vocabulary.ToList().IndexOf(t));
        Assert.Equal(expected, tokenizer.Encode(Text, addSpecial: false));
        folder.Delete(recursive: true);
    }

    private static List<string> Apply(IEnumerable<(string Left, string Right)> merges, string word)
    {
        var tokens = Encoding.UTF8.GetBytes(word).Select(b => ByteAlphabet.CharacterOf(b).ToString()).ToList();
        foreach (var (left, right) in merges)
            for (var i = 0; i + 1 < tokens.Count; i++)
                if (tokens[i] == left && tokens[i + 1] == right)
                {
                    tokens[i] = left + right;
                    tokens.RemoveAt(i + 1);
                }
        return tokens;
    }

    [Fact]
    public void A_vocabulary_too_small_for_the_bytes_is_refused() =>
        Assert.Throws<ArgumentException>(() => new BpeTrainer(256, ["<s>"]));

    [Fact]
    public void Writes_a_tokenizer_of_the_reference_format()
    {
        var folder = Directory.CreateTempSubdirectory("alpacacot-bpe-");
        var trainer = new BpeTrainer(300, ["<pad>", "<s>", "</s>"], @"\p{N}");
        trainer.Add(Text);
        var bpe = trainer.Train();
        bpe.Save(folder.FullName, "<s>", "</s>", "<pad>", 512);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.FullName, "tokenizer.json")));
        var root = json.RootElement;
        Assert.Equal(bpe.Vocabulary.Count, root.GetProperty("model").GetProperty("vocab").EnumerateObject().Count());
        Assert.Equal(bpe.Merges.Count, root.GetProperty("model").GetProperty("merges").GetArrayLength());
        Assert.Equal(1,
            root.GetProperty("post_processor").GetProperty("special_tokens").GetProperty("<s>").GetProperty("ids")[0].GetInt32());
        Assert.Equal(@"\p{N}",
            root.GetProperty("pre_tokenizer").GetProperty("pretokenizers")[0].GetProperty("pattern").GetProperty("Regex")
                .GetString());
        folder.Delete(recursive: true);
    }

    private static List<(string, string)> Naive(IEnumerable<string> words, int wanted, int specials)
    {
        var names = ByteLevelBpe.Bytes.ToList();
        var corpus = words.Select(w => Encoding.UTF8.GetBytes(w).Select(b => ByteAlphabet.CharacterOf(b).ToString()).ToList())
            .ToList();
        var merges = new List<(string, string)>();
        while (names.Count < 256 + wanted)
        {
            var best = corpus.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(p => p).Where(g => g.Count() > 1)
                .OrderByDescending(g => g.Count()).ThenBy(g => specials + names.IndexOf(g.Key.First))
                .ThenBy(g => names.IndexOf(g.Key.Second)).FirstOrDefault();
            if (best is null) break;
            var (left, right) = best.Key;
            merges.Add((left, right));
            if (!names.Contains(left + right)) names.Add(left + right);
            foreach (var w in corpus)
                for (var i = 0; i + 1 < w.Count; i++)
                    if (w[i] == left && w[i + 1] == right)
                    {
                        w[i] = left + right;
                        w.RemoveAt(i + 1);
                    }
        }
        return merges;
    }

    private static string Characters(string token) =>
        Encoding.UTF8.GetString([.. token.Select(c => (byte)ByteAlphabet.ByteOf(c))]);
}
