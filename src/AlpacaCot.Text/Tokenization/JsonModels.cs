using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Parses the <c>model</c> of a <c>tokenizer.json</c>.</summary>
internal sealed class JsonModels(string path)
{
    // Far above any published vocabulary; larger ids in a file would exhaust the memory.
    public const int MostIds = 1 << 24;

    /// <summary>The longest token in bytes or characters: splitting one takes time in the square of its length.</summary>
    public const int LongestToken = 1024;

    /// <summary>The bound of the ids in a file: some are unused, but a few tokens do not need millions of ids.</summary>
    public static int MostIdsFor(int tokens) => (int)Math.Min(MostIds, 4L * tokens + (1 << 16));

    /// <param name="element">The <c>model</c> member.</param>
    /// <param name="bytes">Whether the pre-tokenizer ends with <c>ByteLevel</c>.</param>
    /// <param name="spellsBytes">Whether the model maps bytes itself, so that pieces stay ordinary text.</param>
    public ITokenModel Read(JsonElement element, bool bytes, out bool spellsBytes)
    {
        var type = element.Text("type") ?? (element.Member("merges").ValueKind == JsonValueKind.Array ? "BPE" : null);
        spellsBytes = bytes && type == "BPE" && (element.Text("continuing_subword_prefix") ?? "").Length == 0
            && (element.Text("end_of_word_suffix") ?? "").Length == 0 && element.Flag("byte_fallback") != true;
        return type switch
        {
            "BPE" => Bpe(element, spellsBytes),
            "Unigram" => Unigram(element),
            "WordLevel" => WordLevel(element),
            _ => throw new InputException(
                $"{path}: the model type {type ?? "(none)"} is not supported; supported: BPE, Unigram, WordLevel."),
        };
    }

    /// <summary>Parses a vocabulary stored as an object from token to id.</summary>
    public Vocabulary Tokens(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new InputException($"{path}: the vocabulary is missing or not an object.");
        var entries = new List<(string Token, int Id)>();
        var most = -1;
        foreach (var entry in element.EnumerateObject())
        {
            if (!entry.Value.TryGetInt32Value(out var id) || id is < 0 or >= MostIds)
                throw new InputException($"{path}: the token {entry.Name} has an invalid id ({entry.Value}).");
            entries.Add((entry.Name, id));
            most = Math.Max(most, id);
        }
        if (most >= MostIdsFor(entries.Count))
            throw new InputException($"{path}: the id {most} in a vocabulary of {entries.Count} tokens is invalid; at most " +
                $"{MostIdsFor(entries.Count) - 1} is expected.");
        var tokens = new string?[most + 1];
        foreach (var (token, id) in entries)
        {
            if (tokens[id] is { } other)
                throw new InputException($"{path}: the tokens {other} and {token} have the same id, {id}.");
            tokens[id] = token;
        }
        return new Vocabulary(tokens);
    }

    /// <summary>Builds the merge table from pairs in the order of rank.</summary>
    public PairTable Pairs(Vocabulary vocabulary, IReadOnlyCollection<(string Left, string Right)> merges, string prefix = "")
    {
        var table = new PairTable(merges.Count);
        var rank = 0;
        foreach (var (left, right) in merges)
        {
            var whole = left + (right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right);
            if (vocabulary.Find(left) is not { } l || vocabulary.Find(right) is not { } r || vocabulary.Find(whole) is not { } id)
                throw new InputException(
                    $"{path}: merge {rank + 1} ({left} {right}) has an operand or a result that is not in the vocabulary.");
            table.Add(l, r, rank++, id);
        }
        return table;
    }

    private ITokenModel Bpe(JsonElement element, bool spellsBytes)
    {
        var vocabulary = Tokens(element.Member("vocab"));
        var (prefix, suffix) = (element.Text("continuing_subword_prefix") ?? "", element.Text("end_of_word_suffix") ?? "");
        var merges = element.Member("merges").Elements().Select(merge => Merge(merge, vocabulary)).ToList();
        var pairs = Pairs(vocabulary, merges, prefix);
        var wholeFirst = element.Flag("ignore_merges") ?? false;
        var unknown = element.Text("unk_token") is { } token ? vocabulary.Find(token) : null;
        if (spellsBytes) return new ByteBpe(vocabulary, pairs, unknown, wholeFirst);
        var symbols = new SymbolMap();
        foreach (var (text, id) in vocabulary.Tokens.Select((text, id) => (text, id)))
        {
            if (string.IsNullOrEmpty(text)) continue;
            var scalar = Characters.At(text, 0, out var length);
            if (length == text.Length) symbols[scalar] = id;
        }
        return new CharacterBpe(vocabulary, pairs, symbols, new CharacterBpeOptions
        {
            Bytes = element.Flag("byte_fallback") == true ? Characters.BytePieces(vocabulary.Find) : null,
            Unknown = unknown,
            FuseUnknown = element.Flag("fuse_unk") ?? false,
            WholePieceFirst = wholeFirst,
            Prefix = prefix,
            Suffix = suffix,
            Mergeable = [.. merges.Select(m => vocabulary.Find(m.Left + m.Right) ?? 0)],
        });
    }

    private (string Left, string Right) Merge(JsonElement merge, Vocabulary vocabulary)
    {
        if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
            && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String)
            return (merge[0].GetString()!, merge[1].GetString()!);
        var line = merge.ValueKind == JsonValueKind.String ? merge.GetString()! : "";
        // Some published tokens contain spaces: split at the space that separates two tokens of the vocabulary.
        for (var at = line.IndexOf(' '); at >= 0; at = line.IndexOf(' ', at + 1))
        {
            var (left, right) = (line[..at], line[(at + 1)..]);
            if (line.LastIndexOf(' ') == line.IndexOf(' ')) return (left, right);
            if (new[] { left, right, left + right }.All(token => vocabulary.Find(token) is not null)) return (left, right);
        }
        throw new InputException($"{path}: a merge is neither \"a b\" nor [\"a\", \"b\"]: {merge}.");
    }

    private Unigram Unigram(JsonElement element)
    {
        var (tokens, scores) = (new List<string?>(), new List<double>());
        foreach (var pair in element.Member("vocab").Elements())
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2 || pair[0].ValueKind != JsonValueKind.String
                || pair[1].ValueKind != JsonValueKind.Number)
                throw new InputException($"{path}: a unigram piece is not [\"piece\", score]: {pair}.");
            tokens.Add(pair[0].GetString());
            scores.Add(pair[1].GetDouble());
        }
        if (tokens.Count == 0) throw new InputException($"{path}: the unigram vocabulary is empty.");
        var vocabulary = new Vocabulary([.. tokens]);
        return new Unigram(vocabulary, [.. scores], new UnigramOptions
        {
            Unknown = !element.Member("unk_id").TryGetInt32Value(out var unknown) ? null : unknown >= 0 && unknown < tokens.Count
                ? unknown : throw new InputException($"{path}: unk_id is {unknown}; there are {tokens.Count} pieces."),
            Bytes = element.Flag("byte_fallback") == true ? Characters.BytePieces(vocabulary.Find) : null,
        });
    }

    private WordLevel WordLevel(JsonElement element)
    {
        var vocabulary = Tokens(element.Member("vocab"));
        return new WordLevel(vocabulary, element.Text("unk_token") is { } unknown ? vocabulary.Find(unknown) : null);
    }
}

/// <summary>Model in which each piece is one token, or unknown.</summary>
internal sealed class WordLevel(Vocabulary vocabulary, int? unknown) : ITokenModel
{
    public IReadOnlyList<string?> Tokens => vocabulary.Tokens;

    public int? Find(string token) => vocabulary.Find(token);

    public void Encode(string text, int start, int end, TokenSink sink)
    {
        if ((vocabulary.Find(text.AsSpan(start, end - start)) ?? unknown) is { } id) sink.Add(id, start);
    }
}
