using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Converts a folder's Hugging Face tokenizer to GGUF's representation.</summary>
internal sealed class GgufTokenizerSource
{
    private readonly string _folder;
    private readonly List<string> _tokens = [];
    private readonly List<int> _kinds = [];
    private readonly List<float> _scores = [];
    private readonly TokenizerConfig _config;

    private GgufTokenizerSource(string folder) => (_folder, _config) = (folder, TokenizerConfig.Beside(folder));

    /// <exception cref="InputException">The tokenizer is missing or cannot be represented in GGUF.</exception>
    public static GgufTokenizer Of(string folder, string? pre) => new GgufTokenizerSource(folder).Read(pre);

    private GgufTokenizer Read(string? pre)
    {
        var (pieces, json) = (Path.Combine(_folder, "tokenizer.model"), Path.Combine(_folder, "tokenizer.json"));
        var root = File.Exists(json) ? JsonFile.Read(json) : default;
        GgufTokenizer vocabulary;
        if (!File.Exists(pieces) && root.ValueKind != JsonValueKind.Object)
            pieces = Directory.GetFiles(_folder, "*.model") is [var only] ? only : pieces; // ice_text.model, spiece.model, ..
        if (File.Exists(pieces) && File.ReadAllBytes(pieces) is var file
            && !TiktokenFile.Looks(file)) vocabulary = Sentence(pieces, file);
        else if (root.ValueKind == JsonValueKind.Object) vocabulary = FromJson(json, root, pre);
        else throw new InputException(
            $"{_folder} has neither a tokenizer.json nor a SentencePiece tokenizer.model; " +
            "GGUF requires one of them.");
        var roles = Tokenizer.Load(_folder);
        return vocabulary with
        {
            Tokens = _tokens, Kinds = _kinds, Scores = _scores,
            Bos = roles.BosId, Eos = roles.EosId, Unknown = roles.UnknownId, Pad = roles.PadId,
            AddsBos = roles.AddsBos, AddsEos = roles.AddsEos, ChatTemplate = ChatTemplate(),
        };
    }

    private GgufTokenizer Sentence(string path, byte[] file)
    {
        var contents = SentencePieceFile.Contained(path, file);
        if (contents.Type != SentencePieceFile.BpeType || contents.Normalizer.Map is not null
            || contents.Normalizer.RemoveExtraWhitespaces || contents.SpaceIsSuffix)
            throw new InputException(
                $"{path}: llama.cpp supports only SentencePiece BPE without normalization; this model has another " +
                "type and would be tokenized differently.");
        for (var id = 0; id < contents.Pieces.Count; id++)
            Put(id, contents.Pieces[id], (int)contents.Kinds[id], contents.Scores[id]);
        foreach (var token in _config.AddedTokens) Add(token);
        return Empty(GgufTokenizer.Pieces) with { AddsSpace = contents.Normalizer.AddDummyPrefix };
    }

    private GgufTokenizer FromJson(string path, JsonElement root, string? pre)
    {
        var model = root.Member("model");
        if (model.Member("vocab").ValueKind != JsonValueKind.Object || model.Member("merges").ValueKind != JsonValueKind.Array)
            throw new InputException($"{path}: GGUF supports BPE with merges; this is {model.Text("type") ?? "another model"}.");
        List<string> merges = [.. model.Member("merges").Elements().Select(m =>
            m.ValueKind == JsonValueKind.String ? m.GetString()! : string.Join(' ', m.Elements().Select(e => e.ToString())))];
        var isPieces = model.Flag("byte_fallback") == true;
        // The score of a piece is the rank of the merge that creates it, so that SentencePiece merges in the same order.
        var ranks = new Dictionary<string, int>();
        if (isPieces)
            foreach (var (rank, merge) in merges.Index())
                ranks.TryAdd(merge.IndexOf(' ') is > 0 and var space ? merge.Remove(space, 1)
                    : throw new InputException($"{path}: the merge {merge} is not two tokens with a space between them."), rank);
        var unknown = model.Text("unk_token");
        foreach (var (id, token) in new JsonModels(path).Tokens(model.Member("vocab")).Tokens.Index())
        {
            if (token is null) continue;
            var kind = !isPieces ? PieceKind.Normal : token == unknown ? PieceKind.Unknown
                : token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) ? PieceKind.Byte : PieceKind.Normal;
            Put(id, token, (int)kind, isPieces ? -ranks.GetValueOrDefault(token, merges.Count) : 0);
        }
        foreach (var element in root.Member("added_tokens").Elements())
            if (element.Member("id").TryGetInt32Value(out var id) && AddedTokenJson.Read(element, id) is { } token) Add(token);
        foreach (var token in _config.AddedTokens) Add(token);
        if (isPieces) return Empty(GgufTokenizer.Pieces) with { AddsSpace = PutsSpaceInFront(root) };
        _scores.Clear();
        return Empty(GgufTokenizer.Bytes) with
        {
            Merges = merges,
            Pre = pre ?? PreTokenizerNames.Of(root.Member("pre_tokenizer"))
                ?? throw new InputException($"{path}: llama.cpp identifies " +
                "pre-tokenizers by name, and this one is unknown. Pass its name with --pre-tokenizer, e.g. gpt-2, llama-bpe, " +
                "qwen2, starcoder."),
        };
    }

    private static GgufTokenizer Empty(string model) => new() { Model = model, Tokens = [], Kinds = [] };

    private static bool PutsSpaceInFront(JsonElement root) =>
        root.Member("normalizer").GetRawTextOrEmpty().Contains("\"Prepend\"", StringComparison.Ordinal)
        || (root.Member("pre_tokenizer").Text("type") == "Metaspace"
            && root.Member("pre_tokenizer").Text("prepend_scheme") != "never");

    private void Add(AddedToken token)
    {
        if (token.Id >= JsonModels.MostIdsFor(_tokens.Count)) return; // Tokenizer.Load reports ids beyond all bounds
        if (token.Id < _tokens.Count && _tokens[token.Id] == token.Text)
        {
            if (_kinds[token.Id] == (int)PieceKind.Normal) _kinds[token.Id] = Kind(token);
        }
        else if (token.Id >= _tokens.Count || _kinds[token.Id] == (int)PieceKind.Unused)
            Put(token.Id, token.Text, Kind(token), -1e4f);
    }

    private static int Kind(AddedToken token) => (int)(token.Special ? PieceKind.Control : PieceKind.UserDefined);

    private void Put(int id, string token, int kind, float score)
    {
        while (_tokens.Count <= id)
        {
            _tokens.Add($"[PAD{_tokens.Count}]");
            _kinds.Add((int)PieceKind.Unused);
            _scores.Add(-1e4f);
        }
        (_tokens[id], _kinds[id], _scores[id]) = (token, kind, score);
    }

    private string? ChatTemplate() => ModelChatTemplate.In(_folder)?.Source;
}

file static class RawText
{
    public static string GetRawTextOrEmpty(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Undefined ? "" : element.GetRawText();
}
