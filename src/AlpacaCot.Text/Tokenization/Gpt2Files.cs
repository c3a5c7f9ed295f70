using System.Text;
using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Reads GPT-2's files: <c>vocab.json</c> (token to id) and <c>merges.txt</c> (one merge per line).</summary>
internal static class Gpt2Files
{
    private static readonly string[] Specials = ["<|endoftext|>", "<s>", "</s>", "<pad>", "<unk>"];

    /// <exception cref="InputException">The merges are missing or inconsistent with the vocabulary.</exception>
    public static TokenizerParts Read(string path, JsonElement vocabularyJson, TokenizerConfig config)
    {
        var models = new JsonModels(path);
        var vocabulary = models.Tokens(vocabularyJson);
        var mergesPath = MergesBeside(path);
        var merges = new List<(string, string)>();
        var number = 0;
        foreach (var line in File.ReadLines(mergesPath, Encoding.UTF8))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal))) continue;
            if (line.Split(' ') is not [var left, var right])
                throw new InputException($"{mergesPath}, line {number}: a merge must be two tokens separated by a space.");
            merges.Add((left, right));
        }
        var model = new ByteBpe(vocabulary, models.Pairs(vocabulary, merges), null, wholePieceFirst: false);
        var added = config.AddedTokens.ToList();
        foreach (var name in Specials)
        {
            if (vocabulary.Find(name) is { } id && added.All(t => t.Id != id))
                added.Add(new AddedToken(name, id) { Special = true });
        }
        return new TokenizerParts
        {
            Path = path,
            Model = model,
            PreTokenizer = new PatternSplit(WordPattern.Gpt2, SplitBehavior.Isolated),
            AddedTokens = added,
            Decoding = new JsonDecoding(model, added, [() => new ByteLevelStep()]),
            Bos = added.Any(t => t.Text == "<s>") ? "<s>" : "<|endoftext|>",
            Eos = added.Any(t => t.Text == "</s>") ? "</s>" : "<|endoftext|>",
            Unknown = "<|endoftext|>",
            Pad = "<pad>",
        };
    }

    /// <summary>The file of the merges that belong to a vocabulary.</summary>
    /// <exception cref="InputException">There is none.</exception>
    internal static string MergesBeside(string path)
    {
        var folder = Path.GetDirectoryName(path) ?? "";
        var named = Path.GetFileNameWithoutExtension(path).Replace("vocab", "merges", StringComparison.Ordinal) + ".txt";
        return new[] { named, "merges.txt" }.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new InputException($"{path} is a vocabulary without merges; expected {named} in the same folder.");
    }
}
