namespace AlpacaCot.Text.Tokenization;

/// <summary>Reads a SentencePiece model file (<c>sentencepiece_model.proto</c>).</summary>
internal static class SentencePieceFile
{
    public const int UnigramType = 1, BpeType = 2;

    /// <summary>Content of a model file.</summary>
    internal sealed class Contents
    {
        public List<string> Pieces { get; } = [];
        public List<float> Scores { get; } = [];
        public List<PieceKind> Kinds { get; } = [];
        public int Type { get; set; } = UnigramType;
        public bool ByteFallback { get; set; }
        public bool SpaceIsSuffix { get; set; }
        public string UnknownSurface { get; set; } = " \u2047 ";
        public string[] Roles { get; } = ["<unk>", "<s>", "</s>", "<pad>"];
        public SentencePieceNormalizer Normalizer { get; set; } = new();
    }

    /// <exception cref="InputException">Not a SentencePiece model, or one of an unsupported type.</exception>
    public static TokenizerParts Read(string path, ReadOnlySpan<byte> file, TokenizerConfig config)
    {
        var contents = Contained(path, file);
        if (contents.Type is not (UnigramType or BpeType))
            throw new InputException(
                $"{path} is a SentencePiece model of type {contents.Type}; only unigram (1) and BPE (2) are supported.");
        return Build(path, contents, config);
    }

    /// <summary>Reads the pieces with their scores and types.</summary>
    /// <exception cref="InputException">Not a SentencePiece model.</exception>
    public static Contents Contained(string path, ReadOnlySpan<byte> file)
    {
        try
        {
            return Parse(file);
        }
        catch (InvalidDataException e)
        {
            throw new InputException($"{path} is not a SentencePiece model or is corrupt ({e.Message}); download it again.", e);
        }
    }

    private static Contents Parse(ReadOnlySpan<byte> file)
    {
        var contents = new Contents();
        var message = new ProtobufReader(file);
        while (message.Next())
        {
            if (message.Field == 1) ReadPiece(message.Bytes, contents);
            else if (message.Field == 2) ReadTrainer(message.Bytes, contents);
            else if (message.Field == 3) contents.Normalizer = ReadNormalizer(message.Bytes);
        }
        return contents.Pieces.Count > 0 ? contents : throw new InvalidDataException("it contains no pieces");
    }

    private static void ReadPiece(ReadOnlySpan<byte> bytes, Contents contents)
    {
        var (text, score, kind) = ("", 0f, PieceKind.Normal);
        var message = new ProtobufReader(bytes);
        while (message.Next())
        {
            if (message.Field == 1) text = message.Text;
            else if (message.Field == 2) score = message.Float;
            else if (message.Field == 3) kind = (PieceKind)message.Int;
        }
        if (text.Length > JsonModels.LongestToken) throw new InvalidDataException($"a piece has {text.Length} characters");
        contents.Pieces.Add(text);
        contents.Scores.Add(score);
        contents.Kinds.Add(kind);
    }

    private static void ReadTrainer(ReadOnlySpan<byte> bytes, Contents contents)
    {
        var message = new ProtobufReader(bytes);
        while (message.Next())
        {
            if (message.Field == 3) contents.Type = message.Int;
            else if (message.Field == 24) contents.SpaceIsSuffix = message.Bool;
            else if (message.Field == 35) contents.ByteFallback = message.Bool;
            else if (message.Field == 44) contents.UnknownSurface = message.Text;
            else if (message.Field is >= 45 and <= 48) contents.Roles[message.Field - 45] = message.Text;
        }
    }

    private static SentencePieceNormalizer ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        var rules = new SentencePieceNormalizer();
        var message = new ProtobufReader(bytes);
        while (message.Next())
        {
            rules = message.Field switch
            {
                2 when !message.Bytes.IsEmpty => rules with { Map = new CharsMap(message.Bytes) },
                3 => rules with { AddDummyPrefix = message.Bool },
                4 => rules with { RemoveExtraWhitespaces = message.Bool },
                5 => rules with { EscapeWhitespaces = message.Bool },
                _ => rules,
            };
        }
        return rules;
    }

    private static TokenizerParts Build(string path, Contents contents, TokenizerConfig config)
    {
        string?[] tokens = [.. contents.Pieces];
        PieceKind[] kinds = [.. contents.Kinds];
        var vocabulary = new Vocabulary(tokens);
        var bytes = contents.ByteFallback ? Characters.BytePieces(vocabulary.Find) : null;
        var unknown = Array.IndexOf(kinds, PieceKind.Unknown) is >= 0 and var found ? found : (int?)null;
        var userDefined = Enumerable.Range(0, tokens.Length).Where(id => kinds[id] == PieceKind.UserDefined).ToList();
        var fixedTokens = userDefined.Count > 0 ? new TokenTrie(userDefined.Select(id => (tokens[id]!, id))) : null;
        ITokenModel model = contents.Type == BpeType
            ? Bpe(vocabulary, kinds, contents.Scores, bytes, unknown, fixedTokens)
            : new Unigram(vocabulary, [.. contents.Scores.Select(s => (double)s)], new UnigramOptions
            {
                Unknown = unknown,
                Bytes = bytes,
                SinglePrecision = true,
                Segments = id => kinds[id] is PieceKind.Normal or PieceKind.UserDefined,
                Fixed = id => kinds[id] == PieceKind.UserDefined,
            });
        var normalizer = contents.Normalizer with
        {
            SpaceIsSuffix = contents.SpaceIsSuffix,
            FixedTokens = fixedTokens,
            PrefixAfterTokens = config.Legacy ?? true,
        };
        var added = Added(vocabulary, kinds, config);
        return new TokenizerParts
        {
            Path = path,
            Model = model,
            Normalizer = normalizer,
            AddedTokens = added,
            Decoding = new SentencePieceDecoding(tokens, kinds, added.Where(t => !IsBuiltIn(t.Id)), contents.UnknownSurface,
                normalizer.AddDummyPrefix || normalizer.RemoveExtraWhitespaces, normalizer.RemoveExtraWhitespaces),
            Unknown = unknown is { } u ? tokens[u] : null,
            Bos = contents.Roles[1],
            Eos = contents.Roles[2],
            Pad = contents.Roles[3],
            // LLaMA's convention, shared by most models without a configuration.
            AddsBos = config.Class is not ("T5Tokenizer" or "ChatGLMTokenizer"),
            AddsEos = config.Class is "T5Tokenizer",
        };

        bool IsBuiltIn(int id) => id < kinds.Length && kinds[id] is (PieceKind.Control or PieceKind.Unknown or PieceKind.Byte);
    }

    // The file's control pieces, and the tokens that the configuration adds or redefines.
    private static List<AddedToken> Added(Vocabulary vocabulary, PieceKind[] kinds, TokenizerConfig config)
    {
        var added = new Dictionary<int, AddedToken>();
        for (var id = 0; id < kinds.Length; id++)
        {
            var text = vocabulary.Tokens[id]!;
            if (text.Length > 0 && kinds[id] is PieceKind.Control or PieceKind.Unknown)
                added[id] = new AddedToken(text, id) { Special = true };
        }
        foreach (var token in config.AddedTokens)
        {
            var isPiece = vocabulary.Find(token.Text) == token.Id;
            var isNew = vocabulary.Find(token.Text) is null && token.Id >= kinds.Length;
            if (isPiece || isNew) added[token.Id] = token with { Normalized = false };
        }
        return [.. added.Values];
    }

    private static CharacterBpe Bpe(
        Vocabulary vocabulary, PieceKind[] kinds, List<float> scores, int[]? bytes, int? unknown, TokenTrie? fixedTokens)
    {
        var tokens = vocabulary.Tokens;
        var mergeable = Enumerable.Range(0, tokens.Length)
            .Where(id => kinds[id] is PieceKind.Normal or PieceKind.UserDefined or PieceKind.Unused).ToList();
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var symbols = new SymbolMap();
        var next = tokens.Length;
        foreach (var id in mergeable) ids.TryAdd(tokens[id]!, id);
        foreach (var id in mergeable)
        {
            foreach (var rune in tokens[id]!.EnumerateRunes())
            {
                if (symbols[rune.Value] >= 0) continue;
                var character = rune.ToString();
                if (!ids.TryGetValue(character, out var symbol)) ids[character] = symbol = next++;
                symbols[rune.Value] = symbol;
            }
        }
        // Equal scores get equal ranks: the merger then proceeds from left to right, like SentencePiece.
        var ranks = new Dictionary<float, int>();
        foreach (var score in scores.OrderDescending()) ranks.TryAdd(score, ranks.Count);
        var pairs = new PairTable(tokens.Length * 4);
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var id in mergeable)
        {
            var token = tokens[id]!;
            for (var cut = 1; cut < token.Length; cut++)
            {
                if (lookup.TryGetValue(token.AsSpan(0, cut), out var left)
                    && lookup.TryGetValue(token.AsSpan(cut), out var right))
                    pairs.Add(left, right, ranks[scores[id]], id);
            }
        }
        return new CharacterBpe(vocabulary, pairs, symbols, new CharacterBpeOptions
        {
            Bytes = bytes,
            Unknown = unknown,
            FuseUnknown = true,
            Mergeable = mergeable,
            Unused = mergeable.Where(id => kinds[id] == PieceKind.Unused).ToHashSet(),
            FixedTokens = fixedTokens,
        });
    }
}
