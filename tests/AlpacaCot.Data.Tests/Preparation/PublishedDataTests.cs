using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Templates;
using AlpacaCot.Data.Tokenization;
using AlpacaCot.Tests;

namespace AlpacaCot.Data.Tests.Preparation;

/// <summary>Published instructions under LLaMA's own tokenizer.</summary>
public sealed class PublishedDataTests
{
    private static readonly PromptTemplate Alpaca = PromptTemplates.Find("alpaca");

    private static Tokenizer Llama => Tokenizer.Load(ReferenceData.Path("data/tokenizer/llama/tokenizer.model"));

    [Fact]
    public void Prompt_and_answer_read_back_from_the_ids()
    {
        var tokenizer = Llama;
        var encoder = new ExampleEncoder(tokenizer, Alpaca, new() { CutoffLength = int.MaxValue });
        foreach (var conversation in InstructionFile.Read(ReferenceData.Path("data/instruct/alpaca_data.json.gz")).Take(3000))
        {
            var (ids, labels) = encoder.Encode(conversation)!;
            var prompt = encoder.EncodePrompt(conversation);
            Assert.Equal((1, 2), (ids[0], ids[^1]));
            Assert.Equal(prompt, ids[..prompt.Length]);
            Assert.All(labels[..prompt.Length], label => Assert.Equal(TokenizedExample.Ignored, label));
            Assert.Equal(ids[prompt.Length..], labels[prompt.Length..]);
            var text = Alpaca.RenderPrompt(conversation).Single().Text;
            Assert.Equal(text, tokenizer.Decode(prompt));
            Assert.Equal(text + conversation.Turns[1].Text, tokenizer.Decode(ids));
        }
    }

    /// <summary>All of Stanford Alpaca, on several threads and on one: the same data set, every record accounted for.</summary>
    [Fact]
    public void The_whole_file_gives_the_same_data_set_on_any_number_of_threads()
    {
        var path = ReferenceData.Path("data/instruct/alpaca_data.json.gz");
        var (tokenizer, options) = (Llama, new EncodingOptions { CutoffLength = 128 });
        var (one, many) = (new ExampleEncoder(tokenizer, Alpaca, options), new ExampleEncoder(tokenizer, Alpaca, options));
        var dataset = EncodedDataset.From(one.EncodeAll(InstructionFile.Read(path), degree: 1));
        var again = EncodedDataset.From(many.EncodeAll(InstructionFile.Read(path), degree: 4));
        Assert.Equal(dataset.Fingerprint(), again.Fingerprint());
        Assert.Equal(52_002, one.Encoded + one.Dropped);
        Assert.Equal((one.Encoded, one.Truncated, one.Dropped), (many.Encoded, many.Truncated, many.Dropped));
        Assert.Equal(one.Encoded, dataset.Count);
        Assert.True(one is { Truncated: > 1000, Dropped: > 10 });
        Assert.Equal(one.Truncated, Enumerable.Range(0, dataset.Count).Count(i => dataset[i].Ids[^1] != 2));   // without EOS
    }
}
