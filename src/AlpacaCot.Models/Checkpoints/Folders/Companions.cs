using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>A file beside the weights.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Write">Makes it under a path, in the place of one that is there.</param>
public sealed record CompanionFile(string Name, Action<string> Write)
{
    /// <summary>A copy.</summary>
    public static CompanionFile Copy(string path) => new(Path.GetFileName(path), to => File.Copy(path, to, overwrite: true));

    /// <summary>Bytes.</summary>
    public static CompanionFile Of(string name, byte[] content) => new(name, to => File.WriteAllBytes(to, content));

    /// <summary>Text in UTF-8.</summary>
    public static CompanionFile Of(string name, string content) => new(name, to => File.WriteAllText(to, content));
}

/// <summary>
/// What belongs to a model beside its configuration and its weights: tokenizer, chat template, generation settings. Everything
/// that writes a model folder takes them from here.
/// </summary>
public static class Companions
{
    /// <summary>The file with the settings that a model's authors advise for generation.</summary>
    public const string GenerationSettings = "generation_config.json";

    /// <summary>Files that hold a chat template and nothing else; <see cref="TokenizerFiles.ConfigName"/> may hold one too.
    /// The first that is there counts.</summary>
    public static IReadOnlyList<string> ChatTemplates { get; } = ["chat_template.jinja", "chat_template.json"];

    private static readonly string[] Kinds = [".json", ".model", ".tiktoken", ".txt", ".jinja", ".py"];

    /// <summary>All companions of a model.</summary>
    /// <param name="model">
    /// A folder: of it every small file that is no weight, the code that others need among them. Or a file: the tokenizer that a
    /// GGUF file has in itself.
    /// </param>
    /// <exception cref="Text.InputException">The tokenizer of a GGUF file is of an unsupported kind.</exception>
    public static IReadOnlyList<CompanionFile> Of(string model)
    {
        var tokenizer = TokenizerFiles.Has(model) ? Files(TokenizerFiles.Of(model)) : [];
        if (!Directory.Exists(model)) return tokenizer;
        var others = Directory.GetFiles(model).Where(file => IsCompanion(Path.GetFileName(file))).Select(CompanionFile.Copy);
        return [.. others.Concat(tokenizer).DistinctBy(file => file.Name).OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <summary>All companions of a model that is used with another tokenizer.</summary>
    /// <param name="model">As for <see cref="Of(string)"/>; null: a model that has only a configuration.</param>
    /// <param name="tokenizer">A folder or a tokenizer's main file; null: the model's own.</param>
    /// <exception cref="Text.InputException">The tokenizer is broken.</exception>
    public static IReadOnlyList<CompanionFile> Of(string? model, string? tokenizer)
    {
        if (tokenizer is null) return model is null ? [] : Of(model);
        List<CompanionFile> files = [.. Files(TokenizerFiles.Of(tokenizer)), .. Beside(tokenizer, ChatTemplates)];
        if (model is null) return [.. files, .. Beside(tokenizer, [GenerationSettings])];
        var replaced = TokenizerFiles.Of(model).Select(file => file.Name).Concat(files.Select(file => file.Name)).ToHashSet();
        return [.. files, .. Of(model).Where(file => !replaced.Contains(file.Name))];
    }

    private static bool IsCompanion(string name) =>
        name is not ("config.json" or "params.json") && !name.EndsWith(".index.json", StringComparison.Ordinal)
        && Kinds.Contains(Path.GetExtension(name));

    private static List<CompanionFile> Files(IEnumerable<TokenizerFile> files) =>
        [.. files.Select(file => new CompanionFile(file.Name, to => File.WriteAllBytes(to, file.Content())))];

    private static IEnumerable<CompanionFile> Beside(string path, IEnumerable<string> names)
    {
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        return names.Select(name => Path.Combine(folder, name)).Where(File.Exists).Select(CompanionFile.Copy);
    }
}
