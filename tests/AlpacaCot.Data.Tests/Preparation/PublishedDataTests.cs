using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;

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

    /// <summary>Every record is accounted for, and threads make no difference.</summary>
    [Fact]
    public void Many_records_are_encoded_in_parallel()
    {
        var records = InstructionFile.Read(ReferenceData.Path("data/instruct/alpaca_data.json.gz")).Take(10_000);
        var (tokenizer, options) = (Llama, new EncodingOptions { CutoffLength = 128 });
        var encoder = new ExampleEncoder(tokenizer, Alpaca, options);
        var dataset = EncodedDataset.From(encoder.EncodeAll(records));
        Assert.Equal(10_000, encoder.Encoded + encoder.Dropped);
        Assert.Equal(encoder.Encoded, dataset.Count);
        Assert.True(encoder is { Truncated: > 1000, Dropped: > 1 });
        Assert.Equal(encoder.Truncated, Enumerable.Range(0, dataset.Count).Count(i => dataset[i].Ids[^1] != 2));   // without EOS

        var single = new ExampleEncoder(tokenizer, Alpaca, options);
        var front = EncodedDataset.From(records.Take(3000).Select(single.Encode).OfType<TokenizedExample>());
        Assert.Equal(front.Fingerprint(), dataset.Select(Enumerable.Range(0, front.Count)).Fingerprint());
    }
}
