using System.Text.Json;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Text.Tokenization;

/// <summary>A file of a tokenizer.</summary>
/// <param name="Name">The file name under which a copy in another folder is recognized.</param>
/// <param name="Content">Reads its bytes.</param>
public sealed record TokenizerFile(string Name, Func<byte[]> Content);

/// <summary>
/// The files of tokenizers. The main file contains the vocabulary: <c>tokenizer.json</c>, <c>tokenizer.model</c>,
/// <c>vocab.json</c> with <c>merges.txt</c>, or the only <c>*.model</c> or <c>*.tiktoken</c> file of its folder; the format is
/// detected from its content. A GGUF file contains its tokenizer.
/// </summary>
public static class TokenizerFiles
{
    /// <summary>The file with encoding options and special tokens.</summary>
    public const string ConfigName = "tokenizer_config.json";

    private const string Json = "tokenizer.json", Pieces = "tokenizer.model", Words = "vocab.json", Merges = "merges.txt";

    // In order of preference: in a folder with several, the first is read.
    private static readonly string[] Main = [Json, Pieces, Words];

    /// <summary>Whether a model contains a tokenizer.</summary>
    /// <param name="model">A model folder or model file.</param>
    public static bool Has(string model) => Directory.Exists(model) ? Candidates(HubLayout.SnapshotOfModel(model)).Any()
        : GgufHeader.Looks(model) && GgufHeader.Read(model).Values.ContainsKey("tokenizer.ggml.model");

    /// <summary>The files of a tokenizer; a copy of them in an empty folder is the same tokenizer.</summary>
    /// <param name="path">A folder, a main file, or a GGUF file, whose tokenizer is written as Hugging Face files.</param>
    /// <returns>The files, with unique names; empty where there is no tokenizer.</returns>
    /// <exception cref="InputException">A file is damaged, or the kind of a GGUF file's tokenizer is not supported.</exception>
    public static IReadOnlyList<TokenizerFile> Of(string path)
    {
        path = HubLayout.SnapshotOfModel(path);
        if (Directory.Exists(path))
        {
            List<string> main = [.. Candidates(path)];
            return main.Count == 0 ? [] : Copies([.. main, .. Present(path, [Merges, .. TokenizerConfig.FileNames])]);
        }
        if (!File.Exists(path)) return [];
        if (GgufHeader.Looks(path))
            return [.. GgufTokenizer.Files(path).Select(file => new TokenizerFile(file.Key, () => file.Value))];
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var name = MainName(path);
        List<TokenizerFile> files = [new(name, () => File.ReadAllBytes(path)),
            .. Copies(Present(folder, TokenizerConfig.FileNames))];
        if (name == Words) files.Add(new(Merges, () => File.ReadAllBytes(Gpt2Files.MergesBeside(path))));
        return files;
    }

    internal static Tokenizer Load(string path)
    {
        if (Directory.Exists(path)) path = InFolder(HubLayout.SnapshotOfModel(path));
        if (!File.Exists(path)) throw new InputException($"{path}: the file or folder does not exist.");
        if (GgufHeader.Looks(path)) return FromFiles(path, GgufTokenizer.Read(path).ToFiles());
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var config = TokenizerConfig.Beside(folder);
        var file = File.ReadAllBytes(path);
        return new Tokenizer(Read(path, file, config), config);
    }

    /// <summary>The main file of a folder.</summary>
    /// <exception cref="InputException">The folder contains no tokenizer, or several without a standard name.</exception>
    internal static string InFolder(string folder)
    {
        List<string> found = [.. Candidates(folder)];
        if (found.Count == 0)
            throw new InputException(
                $"{folder} contains no tokenizer: expected tokenizer.json, tokenizer.model or vocab.json with merges.txt.");
        return found.Count == 1 || Main.Contains(Path.GetFileName(found[0])) ? found[0]
            : throw new InputException($"{folder} contains several tokenizers ("
                + $"{string.Join(", ", found.Select(Path.GetFileName))}). Pass the file of one.");
    }

    // Candidates for the main file, in order of preference.
    private static IEnumerable<string> Candidates(string folder) =>
    [
        .. Present(folder, Main),
        .. Directory.GetFiles(folder, "*.model").Concat(Directory.GetFiles(folder, "*.tiktoken"))
            .Where(file => Path.GetFileName(file) != Pieces).Order(StringComparer.Ordinal),
    ];

    private static IEnumerable<string> Present(string folder, IEnumerable<string> names) =>
        names.Select(name => Path.Combine(folder, name)).Where(File.Exists);

    private static List<TokenizerFile> Copies(IEnumerable<string> files) =>
        [.. files.Select(file => new TokenizerFile(Path.GetFileName(file), () => File.ReadAllBytes(file)))];

    // A file that was passed may have any name; in a folder a standard name is required.
    private static string MainName(string path)
    {
        if (Path.GetExtension(path) is ".model" or ".tiktoken") return Path.GetFileName(path);
        var file = File.ReadAllBytes(path);
        return !IsJson(file) ? Pieces : IsTokenizerJson(JsonFile.Parse(path, file)) ? Json : Words;
    }

    private static bool IsJson(ReadOnlySpan<byte> file) => file.TrimStart("\uFEFF\t\r\n "u8) is [(byte)'{', ..];

    private static bool IsTokenizerJson(JsonElement root) => root.Member("model").ValueKind == JsonValueKind.Object;

    // A tokenizer in another format is converted to the equivalent Hugging Face files.
    private static Tokenizer FromFiles(string path, IReadOnlyDictionary<string, byte[]> files)
    {
        var config = TokenizerConfig.Of(JsonFile.Parse(path, files[ConfigName]));
        var main = files.First(f => f.Key != ConfigName);
        return new Tokenizer(Read(path, main.Value, config), config);
    }

    private static TokenizerParts Read(string path, byte[] file, TokenizerConfig config)
    {
        if (IsJson(file))
        {
            var root = JsonFile.Parse(path, file);
            return IsTokenizerJson(root) ? TokenizerJson.Read(path, root, config) : Gpt2Files.Read(path, root, config);
        }
        if (file.AsSpan().StartsWith("version https://git-lfs"u8))
            throw new InputException($"{path} is a Git LFS pointer, not the file itself; fetch it with git lfs pull.");
        if (Llama2cVocabulary.Looks(file)) return SentencePieceFile.Read(path, Llama2cVocabulary.ToSentencePiece(file), config);
        return TiktokenFile.Looks(file) ? TiktokenFile.Read(path, file, config) : SentencePieceFile.Read(path, file, config);
    }
}
