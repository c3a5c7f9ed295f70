using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Settings from <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c>.</summary>
internal sealed record TokenizerConfig
{
    private const string Map = "special_tokens_map.json", Older = "added_tokens.json";

    /// <summary>The files that <see cref="Beside"/> reads.</summary>
    public static readonly string[] FileNames = [TokenizerFiles.ConfigName, Map, Older];

    public string? Class { get; init; }
    public bool? AddsBos { get; init; }
    public bool? AddsEos { get; init; }
    public bool? Legacy { get; init; }
    public string? Bos { get; init; }
    public string? Eos { get; init; }
    public string? Unknown { get; init; }
    public string? Pad { get; init; }
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Reads the files of a folder; missing files give an empty configuration.</summary>
    /// <exception cref="InputException">One of the files is not valid JSON.</exception>
    public static TokenizerConfig Beside(string folder)
    {
        var config = Of(Read(Path.Combine(folder, TokenizerFiles.ConfigName)), Read(Path.Combine(folder, Map)));
        var added = new Dictionary<int, AddedToken>();
        var older = Plain(Read(Path.Combine(folder, Older)), config);
        foreach (var token in older.Concat(config.AddedTokens)) added[token.Id] = token;
        return config with { AddedTokens = [.. added.Values] };
    }

    /// <summary>Parses the two files' JSON objects; undefined elements for missing files.</summary>
    public static TokenizerConfig Of(JsonElement main, JsonElement map = default)
    {
        var added = new Dictionary<int, AddedToken>();
        foreach (var token in Added(main)) added[token.Id] = token;
        return new TokenizerConfig
        {
            Class = main.Text("tokenizer_class"),
            AddsBos = main.Flag("add_bos_token"),
            AddsEos = main.Flag("add_eos_token"),
            Legacy = main.Flag("legacy"),
            Bos = Token("bos_token"),
            Eos = Token("eos_token"),
            Unknown = Token("unk_token"),
            Pad = Token("pad_token"),
            AddedTokens = [.. added.Values],
        };

        string? Token(string name) => main.TokenText(name) ?? map.TokenText(name);
    }

    private static JsonElement Read(string path)
    {
        if (!File.Exists(path)) return default;
        var root = JsonFile.Read(path);
        return root.ValueKind == JsonValueKind.Object ? root : throw new InputException($"{path} must contain a JSON object.");
    }

    // The older format: token to id only.
    private static IEnumerable<AddedToken> Plain(JsonElement file, TokenizerConfig config)
    {
        if (file.ValueKind != JsonValueKind.Object) yield break;
        foreach (var entry in file.EnumerateObject())
        {
            var isRole = new[] { config.Bos, config.Eos, config.Unknown, config.Pad }.Contains(entry.Name);
            if (entry.Value.TryGetInt32Value(out var id) && id >= 0 && entry.Name.Length > 0)
                yield return new AddedToken(entry.Name, id) { Special = isRole };
        }
    }

    private static List<AddedToken> Added(JsonElement main)
    {
        var tokens = new List<AddedToken>();
        if (main.Member("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } decoder)
        {
            foreach (var entry in decoder.EnumerateObject())
            {
                if (int.TryParse(entry.Name, out var id) && id >= 0 && AddedTokenJson.Read(entry.Value, id) is { } token)
                    tokens.Add(token);
            }
        }
        return tokens;
    }
}

/// <summary>Parses added tokens in JSON.</summary>
internal static class AddedTokenJson
{
    public static AddedToken? Read(JsonElement element, int id) =>
        element.Text("content") is not { Length: > 0 } content ? null : new AddedToken(content, id)
        {
            Special = element.Flag("special") ?? false,
            StripsLeft = element.Flag("lstrip") ?? false,
            StripsRight = element.Flag("rstrip") ?? false,
            SingleWord = element.Flag("single_word") ?? false,
            Normalized = element.Flag("normalized") ?? false,
        };
}
