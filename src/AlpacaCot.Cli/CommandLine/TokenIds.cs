using System.Globalization;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>Token ids on the command line: <c>"1,2,3"</c>, with commas or spaces.</summary>
internal static class TokenIds
{
    /// <summary>Reads the ids of an option.</summary>
    /// <param name="text">The option's value.</param>
    /// <param name="option">The option's name, for messages.</param>
    /// <param name="least">The lowest id allowed.</param>
    public static int[] Parse(string text, string option, int least = 0)
    {
        var words = text.Trim('[', ']', ' ').Split([',', ' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0) throw new InputException($"{option}: \"{text}\" contains no ids; write them like \"1,2,3\"");
        return [.. words.Select((word, i) =>
            int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id) && id >= least ? id
            : throw new InputException($"{option}: number {i + 1} is '{word}'; allowed are whole numbers from {least}, for " +
                "example \"1,2,3\""))];
    }

    /// <summary>Reads ids and checks that they are in the vocabulary.</summary>
    public static int[] Parse(string text, string option, Tokenizer tokenizer)
    {
        var ids = Parse(text, option);
        if (Array.Find(ids, id => id >= tokenizer.VocabularySize) is var id && id > 0)
            throw new InputException($"{option}: id {id} is outside the vocabulary; the tokenizer {tokenizer.Path} has the ids " +
                $"0 to {tokenizer.VocabularySize - 1}");
        return ids;
    }

    /// <summary>The tokenizer of <c>--tokenizer</c>, or else of <c>--model</c>.</summary>
    public static Tokenizer Load(string? tokenizer, string? model) =>
        Tokenizer.Load(tokenizer ?? (model is null ? null : ModelLocation.Of(model).Model)
            ?? throw new InputException("no tokenizer is given; add --model PATH or --tokenizer PATH"));
}
