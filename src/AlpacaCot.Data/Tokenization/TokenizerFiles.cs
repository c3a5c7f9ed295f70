namespace AlpacaCot.Data.Tokenization;

/// <summary>Finds a tokenizer in a folder and tells by its content what a file is.</summary>
internal static class TokenizerFiles
{
    private static readonly string[] s_names = ["tokenizer.json", "tokenizer.model", "vocab.json"];

    public static Tokenizer Load(string path)
    {
        if (Directory.Exists(path)) path = InFolder(path);
        if (!File.Exists(path)) throw new InputException($"{path}: there is no such file or folder.");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var config = TokenizerConfig.Beside(folder);
        var file = File.ReadAllBytes(path);
        return new Tokenizer(SentencePieceFile.Read(path, file, config), config);
    }

    private static string InFolder(string folder)
    {
        var named = s_names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (named is not null) return named;
        var others = Directory.GetFiles(folder, "*.model").Concat(Directory.GetFiles(folder, "*.tiktoken")).ToList();
        if (others.Count == 1) return others[0];
        throw new InputException(
            $"{folder} holds no tokenizer: expected tokenizer.json, tokenizer.model or vocab.json with merges.txt.");
    }
}
