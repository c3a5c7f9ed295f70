using System.Text.Json;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Text.Tokenization;

/// <summary>A model's chat template and its file.</summary>
/// <param name="Source">The Jinja text.</param>
/// <param name="File">The path of the file.</param>
internal sealed record ModelChatTemplate(string Source, string File)
{
    /// <summary>The files of a model folder that may contain the template, in order of precedence.</summary>
    public static IReadOnlyList<string> FileNames { get; } =
        ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"];

    /// <summary>Finds the template of a model folder or a GGUF file; null where it has none.</summary>
    /// <exception cref="InputException">A file is not valid JSON, or the GGUF file is damaged.</exception>
    public static ModelChatTemplate? In(string path)
    {
        if (Directory.Exists(path))
            return FileNames.Select(name => Path.Combine(path, name)).Where(System.IO.File.Exists).Select(Read)
                .FirstOrDefault(found => found is not null);
        return System.IO.File.Exists(path) && GgufHeader.Looks(path)
            && GgufHeader.Read(path).Text("tokenizer.chat_template") is { Length: > 0 } source ? new(source, path) : null;
    }

    /// <summary>Reads a Jinja file or the member <c>chat_template</c> of a JSON file; null where it is missing.</summary>
    public static ModelChatTemplate? Read(string file)
    {
        var source = file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            ? Of(JsonFile.Read(file).Member("chat_template")) : System.IO.File.ReadAllText(file);
        return string.IsNullOrEmpty(source) ? null : new(source, file);
    }

    /// <summary>A template; of several the one named default.</summary>
    private static string? Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array => value.EnumerateArray().OrderBy(one => one.Text("name") == "default" ? 0 : 1)
            .Select(one => one.Text("template")).FirstOrDefault(),
        _ => null,
    };
}
