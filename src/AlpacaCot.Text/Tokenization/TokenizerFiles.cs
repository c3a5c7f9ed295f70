using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Finds a tokenizer in a folder and tells by its content what a file is.</summary>
internal static class TokenizerFiles
{
    private static readonly string[] s_names = ["tokenizer.json", "tokenizer.model", "vocab.json"];

    public static Tokenizer Load(string path)
    {
        if (Directory.Exists(path)) path = InFolder(path);
        if (!File.Exists(path)) throw new InputException($"{path}: there is no such file or folder.");
        if (GgufHeader.Looks(path)) return FromFiles(path, GgufTokenizer.Read(path).ToFiles());
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var config = TokenizerConfig.Beside(folder);
        var file = File.ReadAllBytes(path);
        return new Tokenizer(Read(path, file, config), config);
    }

    // A tokenizer in a foreign form is read as the Hugging Face files that it would be.
    private static Tokenizer FromFiles(string path, IReadOnlyDictionary<string, byte[]> files)
    {
        var config = TokenizerConfig.Of(JsonFile.Parse(path, files[GgufTokenizer.ConfigName]));
        var main = files.First(f => f.Key != GgufTokenizer.ConfigName);
        return new Tokenizer(Read(path, main.Value, config), config);
    }

    private static TokenizerParts Read(string path, byte[] file, TokenizerConfig config)
    {
        if (file.AsSpan().TrimStart("\uFEFF\t\r\n "u8) is [(byte)'{', ..])
        {
            var root = JsonFile.Parse(path, file);
            return root.Member("model").ValueKind == System.Text.Json.JsonValueKind.Object
                ? TokenizerJson.Read(path, root, config) : Gpt2Files.Read(path, root, config);
        }
        if (file.AsSpan().StartsWith("version https://git-lfs"u8))
            throw new InputException($"{path} is a Git LFS pointer, not the file itself; fetch it with git lfs pull.");
        if (Llama2cVocabulary.Looks(file)) return SentencePieceFile.Read(path, Llama2cVocabulary.ToSentencePiece(file), config);
        return TiktokenFile.Looks(file) ? TiktokenFile.Read(path, file, config) : SentencePieceFile.Read(path, file, config);
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
