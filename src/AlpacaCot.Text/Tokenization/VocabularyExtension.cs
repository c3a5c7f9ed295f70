using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using static System.FormattableString;

namespace AlpacaCot.Text.Tokenization;

/// <summary>A token added to a vocabulary, or one that it has and the model has no row for.</summary>
/// <param name="Text">Text of the token.</param>
/// <param name="Id">Its id, after all those that have rows.</param>
/// <param name="Pieces">Ids of its text in the old tokenizer, from which its embedding is initialized.</param>
public sealed record NewToken(string Text, int Id, IReadOnlyList<int> Pieces);

/// <summary>
/// Extends a tokenizer with given tokens, or with the pieces of a second SentencePiece model, as Chinese-LLaMA (Cui et al.,
/// 2023) merges a Chinese vocabulary into LLaMA's.
/// </summary>
public sealed class VocabularyExtension
{
    private const string Main = "tokenizer.json", Model = "tokenizer.model", Config = "tokenizer_config.json";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string _folder;
    private readonly Tokenizer _tokenizer;
    private readonly List<NewToken> _tokens = [];
    private readonly Dictionary<string, byte[]?> _files = [];

    private VocabularyExtension(string folder) => (_folder, _tokenizer) = (folder, Tokenizer.Load(folder));

    /// <summary>Vocabulary size before the extension.</summary>
    public int Before => _tokenizer.VocabularySize;

    /// <summary>Vocabulary size after the extension.</summary>
    public int After => Math.Max(Before, _tokens.Count > 0 ? _tokens[^1].Id + 1 : 0);

    /// <summary>The tokens that get rows, by ascending id.</summary>
    public IReadOnlyList<NewToken> Tokens => _tokens;

    /// <summary>Changed tokenizer files by name; null means that the file is removed.</summary>
    public IReadOnlyDictionary<string, byte[]?> Files => _files;

    /// <summary>Adds tokens that are matched before tokenization, for any type of tokenizer.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="tokens">Texts of the tokens; existing tokens are skipped.</param>
    /// <param name="special">Whether they are control tokens, such as <c>&lt;|tool|&gt;</c>, skipped in decoding.</param>
    /// <param name="rows">The rows of the model's embedding: existing tokens beyond them get rows too. Null: all have
    /// one.</param>
    /// <exception cref="InputException">The folder has no tokenizer, or all tokens exist already.</exception>
    public static VocabularyExtension Add(string folder, IReadOnlyList<string> tokens, bool special, int? rows = null)
    {
        var extension = new VocabularyExtension(folder);
        var least = Math.Min(rows ?? extension.Before, extension.Before);
        if (tokens.All(text => text.Length == 0 || extension._tokenizer.TokenToId(text) < least))
            throw new InputException($"{folder}: all of the tokens exist already.");
        for (var id = least; id < extension.Before; id++)
            extension.Append(extension._tokenizer.IdToToken(id), id, least);
        foreach (var text in tokens.Distinct())
            if (text.Length > 0 && extension._tokenizer.TokenToId(text) is null) extension.Append(text, extension.After, least);
        extension.WriteAdded(special);
        return extension;
    }

    /// <summary>
    /// Adds the pieces of a second SentencePiece model. In a BPE model they get score 0, so that their merges take precedence, as
    /// in Chinese-LLaMA; in a unigram model they keep their log-probabilities.
    /// </summary>
    /// <param name="folder">The model folder, with a <c>tokenizer.model</c>.</param>
    /// <param name="second">The second model's file, or a folder with a <c>tokenizer.model</c>.</param>
    /// <exception cref="InputException">One of them is not a SentencePiece model, or their types differ.</exception>
    public static VocabularyExtension Merge(string folder, string second)
    {
        var path = Path.Combine(folder, Model);
        if (!File.Exists(path)) throw new InputException($"{folder} has no {Model}: only SentencePiece models can be merged.");
        if (Directory.Exists(second)) second = Path.Combine(second, Model);
        if (!File.Exists(second)) throw new InputException($"{second}: file not found.");
        var extension = new VocabularyExtension(folder);
        var file = File.ReadAllBytes(path);
        var (own, other) = (SentencePieceFile.Contained(path, file),
            SentencePieceFile.Contained(second, File.ReadAllBytes(second)));
        if (own.Type != other.Type)
            throw new InputException($"{path} is a {Kind(own.Type)} model and {second} a {Kind(other.Type)} model: "
                + "their scores are not comparable.");
        if (extension.Before > own.Pieces.Count)
            throw new InputException(Invariant($"{folder} has {extension.Before - own.Pieces.Count} added tokens after the ")
                + Invariant($"{own.Pieces.Count} pieces of its {Model}; merging would move them. Merge first, then add them."));
        var known = own.Pieces.ToHashSet();
        List<(string, float, PieceKind)> pieces = [];
        for (var i = 0; i < other.Pieces.Count; i++)
        {
            var (text, kind) = (other.Pieces[i], other.Kinds[i]);
            if (kind is not (PieceKind.Normal or PieceKind.UserDefined) || !known.Add(text)) continue;
            pieces.Add((text, own.Type == SentencePieceFile.BpeType ? 0 : other.Scores[i], kind));
            extension.Append(text, extension.After, extension.Before, text.Replace('\u2581', ' '));
        }
        if (pieces.Count == 0) throw new InputException($"{second} has no piece that {path} lacks.");
        extension._files[Model] = SentencePieceWriter.Append(file, pieces);
        if (File.Exists(Path.Combine(folder, Main))) extension._files[Main] = null; // describes the old vocabulary
        return extension;
    }

    private void Append(string token, int id, int rows, string? text = null)
    {
        var pieces = _tokenizer.EncodeSegment(text ?? token, first: false);
        _tokens.Add(new NewToken(token, id, [.. pieces.Where(piece => piece < rows)]));
    }

    private IEnumerable<NewToken> Added => _tokens.Where(token => token.Id >= Before);

    private void WriteAdded(bool special)
    {
        if (Path.GetFileName(_tokenizer.Path) == Main)
        {
            var json = Read(Main);
            if (json["added_tokens"] is not JsonArray list) json["added_tokens"] = list = [];
            foreach (var token in Added)
            {
                var entry = Entry(token, special);
                entry.Insert(0, "id", token.Id);
                list.Add(entry);
            }
            Write(Main, json);
            if (!File.Exists(Path.Combine(_folder, Config))) return;
        }
        var config = Read(Config);
        if (config["added_tokens_decoder"] is not JsonObject decoder) config["added_tokens_decoder"] = decoder = [];
        foreach (var token in Added) decoder[token.Id.ToString(CultureInfo.InvariantCulture)] = Entry(token, special);
        Write(Config, config);
    }

    private static JsonObject Entry(NewToken token, bool special) => new()
    {
        ["content"] = token.Text, ["lstrip"] = false, ["normalized"] = false, ["rstrip"] = false, ["single_word"] = false,
        ["special"] = special,
    };

    private JsonObject Read(string name)
    {
        var path = Path.Combine(_folder, name);
        if (!File.Exists(path)) return [];
        JsonFile.Read(path); // throws a better message for invalid JSON
        return JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject
            ?? throw new InputException($"{path} must contain a JSON object.");
    }

    private void Write(string name, JsonObject json) =>
        _files[name] = Encoding.UTF8.GetBytes(json.ToJsonString(Indented) + "\n");

    private static string Kind(int type) => type == SentencePieceFile.BpeType ? "BPE" : "unigram";
}
