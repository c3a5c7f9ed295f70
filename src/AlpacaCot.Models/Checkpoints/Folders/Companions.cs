using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>A file of a model folder other than the weights.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Write">Writes the file to a path; an existing file is replaced.</param>
public sealed record CompanionFile(string Name, Action<string> Write)
{
    /// <summary>A copy of an existing file.</summary>
    public static CompanionFile Copy(string path) => new(Path.GetFileName(path), to => File.Copy(path, to, overwrite: true));

    /// <summary>A file of bytes.</summary>
    public static CompanionFile Of(string name, byte[] content) => new(name, to => File.WriteAllBytes(to, content));

    /// <summary>A text file in UTF-8.</summary>
    public static CompanionFile Of(string name, string content) => new(name, to => File.WriteAllText(to, content));
}

/// <summary>
/// The files of a model besides its configuration and weights: tokenizer, chat template, generation settings. All writers of
/// model folders use this list.
/// </summary>
public static class Companions
{
    /// <summary>The file of the generation settings recommended by a model's authors.</summary>
    public const string GenerationSettings = "generation_config.json";

    /// <summary>Files that contain only a chat template; <see cref="TokenizerFiles.ConfigName"/> may contain one too.
    /// The first existing file is used.</summary>
    public static IReadOnlyList<string> ChatTemplates { get; } = ["chat_template.jinja", "chat_template.json"];

    private static readonly string[] Kinds = [".json", ".model", ".tiktoken", ".txt", ".jinja", ".py"];

    /// <summary>All companions of a model.</summary>
    /// <param name="model">
    /// A folder: all its small files other than weights, Python code included. A GGUF file: the tokenizer stored in it.
    /// </param>
    /// <exception cref="Text.InputException">The tokenizer of a GGUF file is of an unsupported kind.</exception>
    public static IReadOnlyList<CompanionFile> Of(string model)
    {
        model = ModelLocation.FolderOf(model);
        var tokenizer = TokenizerFiles.Has(model) ? Files(TokenizerFiles.Of(model)) : [];
        if (!Directory.Exists(model)) return tokenizer;
        var others = Directory.GetFiles(model).Where(file => IsCompanion(Path.GetFileName(file))).Select(CompanionFile.Copy);
        return [.. others.Concat(tokenizer).DistinctBy(file => file.Name).OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <summary>All companions of a model with the tokenizer of another.</summary>
    /// <param name="model">As for <see cref="Of(string)"/>; null: a model without a folder.</param>
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
