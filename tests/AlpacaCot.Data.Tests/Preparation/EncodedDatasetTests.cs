using AlpacaCot.Data.Preparation;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class EncodedDatasetTests
{
    private static List<TokenizedExample> Examples(int count, int longest = 50)
    {
        var random = new DeterministicRandom(11);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var length = random.NextInt(longest);
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.NextInt(5) == 0 ? 0 : random.NextInt(300_000))];
            return new TokenizedExample(ids, [.. ids.Select(id => random.NextInt(2) == 0 ? id : TokenizedExample.Ignored)]);
        })];
    }

    [Theory]
    [InlineData(0, 50)]
    [InlineData(1000, 50)]
    [InlineData(8, 3_000_000)]   // several blocks
    public void What_went_in_comes_out(int count, int longest)
    {
        var examples = Examples(count, longest);
        var dataset = EncodedDataset.From(examples);
        Assert.Equal(count, dataset.Count);
        Assert.Equal(examples.Sum(example => (long)example.Ids.Length), dataset.TokenCount);
        Assert.Equal(examples.Sum(example => example.Labels.LongCount(label => label >= 0)), dataset.SupervisedTokenCount);
        for (var i = 0; i < count; i++)
        {
            Assert.True(examples[i].Ids.AsSpan().SequenceEqual(dataset[i].Ids));
            Assert.True(examples[i].Labels.AsSpan().SequenceEqual(dataset[i].Labels));
            Assert.Equal(examples[i].Ids.Length, dataset.Length(i));
            Assert.Equal(examples[i].Labels.Count(label => label >= 0), dataset.SupervisedTokens(i));
        }
    }

    [Fact]
    public void Labels_that_belong_to_other_tokens_are_refused()
    {
        Assert.Throws<ArgumentException>(() => EncodedDataset.From([new([1, 2], [2, TokenizedExample.Ignored])]));
        Assert.Throws<ArgumentException>(() => EncodedDataset.From([new([1, 2], [1])]));
    }

    private static (EncodedDataset Train, EncodedDataset Validation) Split(EncodedDataset dataset, int validationSize, long seed)
    {
        var (train, validation) = dataset.SplitExamples(validationSize, seed);
        return (dataset.Select(train), dataset.Select(validation));
    }

    [Fact]
    public void A_split_is_drawn_by_the_seed_and_loses_nothing()
    {
        var dataset = EncodedDataset.From(Enumerable.Range(0, 500).Select(i => new TokenizedExample([i], [i])));
        var (train, validation) = Split(dataset, 100, seed: 42);
        Assert.Equal((400, 100), (train.Count, validation.Count));
        Assert.Equal(Enumerable.Range(0, 500), Ids(train).Concat(Ids(validation)).Order());
        Assert.Equal(Ids(train).Order(), Ids(train));
        Assert.Equal(Ids(validation), Ids(Split(dataset, 100, seed: 42).Validation));
        Assert.NotEqual(Ids(validation), Ids(Split(dataset, 100, seed: 43).Validation));
        Assert.InRange(Ids(validation).Average(), 200, 300);
        Assert.Equal((500, 0), (Split(dataset, 0, seed: 1).Train.Count, Split(dataset, 0, seed: 1).Validation.Count));
        Assert.Equal("validation_size 500 leaves no training examples: the data has 500 examples.",
            Assert.Throws<InputException>(() => Split(dataset, 500, seed: 1)).Message);

        static List<int> Ids(EncodedDataset dataset) => [.. Enumerable.Range(0, dataset.Count).Select(i => dataset[i].Ids[0])];
    }

    // Soup 680: weights above 1 repeat records, and a split of the repeated ones has the same record on both sides.
    [Fact]
    public void Repetitions_of_an_example_are_on_one_side_of_a_split()
    {
        var dataset = EncodedDataset.From(Enumerable.Range(0, 40).Select(i => new TokenizedExample([i % 10, 7], [i % 10, 7])));
        var (train, validation) = Split(dataset, 3, seed: 1);
        Assert.Equal((28, 3), (train.Count, validation.Count)); // validation has each once, training the others four times
        Assert.Empty(Ids(train).Intersect(Ids(validation)));
        Assert.Equal(Enumerable.Range(0, 10), Ids(train).Union(Ids(validation)).Order());
        // Without repetitions the choice is the one of before.
        Assert.Equal(Ids(Split(EncodedDataset.From(Enumerable.Range(0, 10).Select(i => new TokenizedExample([i, 7], [i, 7]))), 3,
            seed: 1).Validation), Ids(validation));
        Assert.Equal("validation_size 10 leaves no training examples: the data has 10 different examples (40 with repetitions, "
            + "which are all on one side).", Assert.Throws<InputException>(() => Split(dataset, 10, seed: 1)).Message);

        static List<int> Ids(EncodedDataset dataset) => [.. Enumerable.Range(0, dataset.Count).Select(i => dataset[i].Ids[0])];
    }

    // The parts of one document in training and in validation make the validation loss too good.
    [Fact]
    public void Parts_of_a_text_are_on_one_side_of_a_split()
    {
        // Texts of 1 to 5 parts, the last three of which occur twice: [text, part].
        int[] parts = [1, 2, 3, 4, 5, 3, 2, 5, 3, 2];
        int[] content = [0, 1, 2, 3, 4, 5, 6, 4, 5, 6];
        var dataset = EncodedDataset.From(parts.Index().SelectMany(text => Enumerable.Range(0, text.Item).Select(part =>
            new TokenizedExample([content[text.Index], part], [content[text.Index], part]) { Continues = part > 0 })));
        for (var seed = 1; seed <= 20; seed++)
        {
            var (train, validation) = Split(dataset, 7, seed);
            Assert.Empty(Texts(train).Intersect(Texts(validation)));
            Assert.InRange(validation.Count, 4, 7); // a text that does not fit is passed over
            Assert.Equal(validation.Count, Parts(validation).Distinct().Count());
            Assert.Equal(Parts(dataset).Count(p => !Texts(validation).Contains(p.Text)), train.Count);
        }

        static List<int> Texts(EncodedDataset set) => [.. Parts(set).Select(p => p.Text).Distinct()];

        static IEnumerable<(int Text, int Part)> Parts(EncodedDataset set) =>
            Enumerable.Range(0, set.Count).Select(i => (set[i].Ids[0], set[i].Ids[1]));
    }

    [Fact]
    public void Of_one_long_text_the_end_is_for_validation()
    {
        var book = EncodedDataset.From(Enumerable.Range(0, 30).Select(i => new TokenizedExample([i], [i]) { Continues = i > 0 }));
        var (train, validation) = book.SplitExamples(4, seed: 1);
        Assert.Equal(Enumerable.Range(0, 26), train);
        Assert.Equal(Enumerable.Range(26, 4), validation);
    }

    [Fact]
    public void The_fingerprint_changes_with_ids_marks_borders_and_order()
    {
        string Fingerprint(params TokenizedExample[] examples) => EncodedDataset.From(examples).Fingerprint();
        var (a, b) = (new TokenizedExample([1, 2], [TokenizedExample.Ignored, 2]), new TokenizedExample([3], [3]));

        // sha256 of the numbers 2, ~1, 2, 1, 3 as 32-bit little-endian, computed outside this project
        Assert.Equal("71eceffbee7c11df2748aa91e44af42bba479e9a71cd188d9ce9ec563d048929", Fingerprint(a, b));
        string[] all = [Fingerprint(a, b), Fingerprint(b, a), Fingerprint(a), Fingerprint(a, b, b),
            Fingerprint(a with { Labels = a.Ids }, b),
            Fingerprint(new([1], [TokenizedExample.Ignored]), new([2, 3], [2, 3])), Fingerprint()];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal(Fingerprint(b, a), EncodedDataset.From([a, b]).Select([1, 0]).Fingerprint());
    }
}
