using System.Diagnostics;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests.Recipes;

/// <summary>Tokenized data that is taken from the cache is the data that was tokenized.</summary>
public sealed class TokenizedDataCacheTests : IDisposable
{
    private static readonly string Base = Checkout.Path("samples/base");

    private readonly TemporaryFolder _folder = new();
    private readonly EncodedCache _cache;

    public TokenizedDataCacheTests()
    {
        _cache = new(_folder.File("cache"), 1 << 30);
        _folder.Write("d.jsonl", string.Concat(Enumerable.Range(0, 300).Select(i =>
            $"{{\"instruction\":\"Add {i % 250} and {i % 7}.\",\"output\":\""
                + $"The sum is {i % 250 + i % 7}. {(i == 9 ? new string('x', 900)
                : i < 60 ? string.Join(' ', Enumerable.Range(0, 80).Select(w => $"w{w}x")) : "")}\"}}\n")));
        _folder.Write("v.jsonl", "{\"instruction\":\"Add 3 and 3.\",\"output\":\"The sum is 6.\"}\n");
    }

    public void Dispose() => _folder.Dispose();

    private Recipe Recipe(string rest = "", string training = "", string data = "{ path: d.jsonl }",
        string template = "alpaca") =>
        RecipeFile.Parse($"model: {Base}\ntemplate: {template}\ndata: [{data}]\nadapter: lora\n"
            + $"training: {{ cutoff_length: 128{training} }}\noutput: out\n{rest}", "r.yaml", folder: _folder.Path);

    private static PreparedData Load(Recipe recipe, EncodedCache? cache, IObjective? objective = null)
    {
        var tokenizer = Tokenizer.Load(recipe.Model.Tokenizer ?? Base);
        return PreparedData.Load(recipe, tokenizer, RecipeTemplate.Of(recipe, tokenizer).Format,
            objective ?? new SupervisedTuning(),
            findOverlap: true, cache);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("", ", validation_size: 20")]
    [InlineData("", ", validation_size: 20, seed: 7, train_on_inputs: true")]
    [InlineData("validation: [{ path: v.jsonl }]\n", "")]
    [InlineData("mixture: { order: shuffle, size: 500 }\n", ", validation_size: 9")]
    public void The_second_run_has_the_same_data_and_notes_without_tokenizing(string rest, string training)
    {
        var recipe = Recipe(rest, training);
        var (plain, first, second) = (Load(recipe, null), Load(recipe, _cache), Load(recipe, _cache));
        foreach (var cached in new[] { first, second })
        {
            Assert.Equal(plain.Fingerprint, cached.Fingerprint);
            Assert.Equal((plain.Dropped, plain.Truncated), (cached.Dropped, cached.Truncated));
            Assert.Equal(plain.Mixture.Fingerprint, cached.Mixture.Fingerprint);
            Assert.Equal(plain.Mixture.Parts, cached.Mixture.Parts);
            Assert.Equal(plain.Train.Rows[3].Labels, cached.Train.Rows[3].Labels);
        }
        Assert.Equal(plain.Notes, first.Notes);
        Assert.Equal(plain.Notes, second.Notes.SkipLast(1));
        Assert.Matches(@"^tokenized data from the cache: \d+ examples in [\d.]+ s; reading and tokenizing took [\d.]+ s$",
            second.Notes[^1]);
        Assert.Contains(plain.Notes, note => note.Contains("truncated", StringComparison.Ordinal));
        if (training.Contains("size: 20", StringComparison.Ordinal))
            Assert.Contains(plain.Notes, note => note.Contains("nearly repeat a training record", StringComparison.Ordinal));
        Assert.Equal(1, _cache.Count);
    }

    [Fact]
    public void Every_setting_and_file_that_changes_the_tokens_has_data_of_its_own()
    {
        Load(Recipe(), _cache);
        var count = 1;
        void Another(Recipe recipe, IObjective? objective = null)
        {
            Load(recipe, _cache, objective);
            Assert.Equal(++count, _cache.Count);
        }
        Another(Recipe() with { Training = Recipe().Training with { CutoffLength = 127 } });
        Another(Recipe(training: ", train_on_inputs: true"));
        Another(Recipe(training: ", train_on: last"));
        Another(Recipe(training: ", train_on: roles, train_on_roles: [assistant]"));
        Another(Recipe(training: ", train_on: roles, train_on_roles: [assistant, user]"));
        Another(Recipe(training: ", reasoning: drop"));
        Another(Recipe(training: ", skip_bad: true"));
        Another(Recipe(template: "chatml"));
        Another(Recipe(data: "{ path: d.jsonl, limit: 100 }"));
        Another(Recipe(data: "{ path: d.jsonl, skip: 1 }"));
        Another(Recipe(data: "{ path: d.jsonl, weight: 2 }"));
        Another(Recipe(data: "{ path: d.jsonl, columns: { output: instruction, instruction: output } }"));
        Another(Recipe(data: "{ path: d.jsonl }, { path: v.jsonl }"));
        Another(Recipe("mixture: { order: shuffle }\n"));
        Another(Recipe("mixture: { order: shuffle }\n", ", seed: 7"));
        Another(Recipe("validation: [{ path: v.jsonl }]\n"));
        // Where Embeddings is given, nothing is cached.
        Assert.Equal(["CutoffLength", "Embeddings", "OnBadRecord", "Reasoning", "Roles", "TrainOn", "TrainOnInputs"],
            typeof(EncodingOptions).GetProperties().Select(p => p.Name).Where(name => name != "EqualityContract").Order());

        var copy = Directory.CreateDirectory(_folder.File("tokenizer")).FullName;
        foreach (var file in Directory.GetFiles(Base, "tokenizer*")) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        var moved = Recipe() with { Model = Recipe().Model with { Tokenizer = copy } };
        Load(moved, _cache);
        Assert.Equal(count, _cache.Count);                              // the same tokenizer elsewhere
        var config = Path.Combine(copy, "tokenizer_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"</s>\"", "\"<s>\"", StringComparison.Ordinal) + " ");
        Another(moved);

        // What does not change the tokens shares them: the cells of a study.
        Load(Recipe(training: ", learning_rate: 1e-3, batch_size: 4, micro_batch_size: 2, packing: false, seed: 3, "
            + "epochs: 9"), _cache);
        Load(Recipe() with { Adapter = AdapterRecipe.Of("ia3") }, _cache);
        Assert.Equal(count, _cache.Count);

        // The content counts, not the time of the file.
        var data = File.ReadAllBytes(_folder.File("d.jsonl"));
        File.SetLastWriteTimeUtc(_folder.File("d.jsonl"), DateTime.UtcNow.AddDays(-1));
        Load(Recipe(), _cache);
        Assert.Equal(count, _cache.Count);
        data[^5] = (byte)'!';
        File.WriteAllBytes(_folder.File("d.jsonl"), data);
        Another(Recipe());

        Load(Recipe(), _cache, new PreferenceObjectiveLike());         // an objective without a name for its rows
        Assert.Equal(count, _cache.Count);
    }

    [Fact]
    public void Data_that_is_refused_is_refused_with_a_cache_too_and_leaves_nothing()
    {
        _folder.Write("bad.jsonl", "{\"instruction\":\"q\",\"output\":\"a\"}\n{\"instruction\":\"q\"}\n");
        var recipe = Recipe(data: "{ path: bad.jsonl }");
        Assert.Equal(Assert.Throws<Text.InputException>(() => Load(recipe, null)).Message,
            Assert.Throws<Text.InputException>(() => Load(recipe, _cache)).Message);
        Assert.Equal(0, _cache.Count);
    }

    [Fact]
    public void Without_a_place_to_write_the_data_is_tokenized_in_memory_with_a_note()
    {
        var file = _folder.Write("file", "");
        var prepared = Load(Recipe(), new EncodedCache(Path.Combine(file, "tokens"), 1 << 30));
        Assert.Equal(Load(Recipe(), null).Fingerprint, prepared.Fingerprint);
        Assert.Contains("the tokenized data is not cached in", prepared.Notes[^1], StringComparison.Ordinal);
        Assert.Contains("ALPACACOT_CACHE", prepared.Notes[^1], StringComparison.Ordinal);
    }

    private sealed class PreferenceObjectiveLike : IObjective
    {
        private readonly SupervisedTuning _inner = new();
        public string WeightName => _inner.WeightName;
        public string EmptyStep => _inner.EmptyStep;
        public IEnumerable<TokenizedExample> Encode(ExampleEncoder encoder,
            IEnumerable<Text.Conversations.Conversation> conversations) =>
            _inner.Encode(encoder, conversations);
        public int Weight(MicroBatch batch) => throw new UnreachableException();
        public ObjectiveLoss Loss(TrainedModel trained, MicroBatch batch) => throw new UnreachableException();
    }
}
