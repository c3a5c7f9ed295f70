using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Reads tiktoken's vocabulary files: one token per line, as base64 bytes and rank, which is the id. The file lacks the
/// pattern and the special tokens; both are inferred from the number of tokens.
/// </summary>
internal static class TiktokenFile
{
    private const int Llama3Ranks = 128_000, QwenRanks = 151_643;

    /// <summary>Whether a file starts like this format.</summary>
    public static bool Looks(ReadOnlySpan<byte> file)
    {
        var line = file[..Math.Min(file.Length, 512)];
        var end = line.IndexOf((byte)'\n');
        return TryLine(end < 0 ? line : line[..end], out _, out _);
    }

    /// <exception cref="InputException">A line is invalid.</exception>
    public static TokenizerParts Read(string path, ReadOnlySpan<byte> file, TokenizerConfig config)
    {
        var byRank = new SortedDictionary<int, byte[]>();
        var number = 0;
        foreach (var range in file.Split((byte)'\n'))
        {
            number++;
            var line = file[range];
            if (line.Trim((byte)'\r').IsEmpty) continue;
            if (!TryLine(line, out var bytes, out var rank) || !byRank.TryAdd(rank, bytes))
                throw new InputException(
                    $"{path}, line {number}: expected \"base64 rank\" with a unique rank; download the file again.");
        }
        if (byRank.Keys.Last() is var last && last >= JsonModels.MostIdsFor(byRank.Count))
            throw new InputException($"{path}: the rank {last} of a file with {byRank.Count} tokens; ranks are consecutive. " +
                "Download the file again.");
        var tokens = new string?[last + 1];
        foreach (var (rank, bytes) in byRank) tokens[rank] = ByteAlphabet.Spell(bytes);
        var vocabulary = new Vocabulary(tokens);
        var isQwen = tokens.Length == QwenRanks;
        var known = tokens.Length == Llama3Ranks ? Llama3Specials() : isQwen ? QwenSpecials() : [];
        var special = config.AddedTokens.Count > 0 ? config.AddedTokens
            : [.. known.Select((text, i) => new AddedToken(text, tokens.Length + i) { Special = true })];
        var model = new ByteBpe(vocabulary, Pairs(vocabulary), null, wholePieceFirst: true);
        return new TokenizerParts
        {
            Path = path,
            Model = model,
            Normalizer = isQwen ? new TextFunction(text => UnicodeForms.Normalize(text, NormalizationForm.FormC)) : null,
            PreTokenizer = new PatternSplit(isQwen ? WordPattern.Qwen : WordPattern.Cl100k, SplitBehavior.Isolated),
            AddedTokens = special,
            Decoding = new JsonDecoding(model, special, [() => new ByteLevelStep()]),
            Bos = "<|begin_of_text|>",
            Eos = isQwen ? "<|endoftext|>" : "<|end_of_text|>",
            Pad = "<|finetune_right_pad_id|>",
            AddsBos = true,
        };
    }

    // tiktoken merges any two adjacent parts whose concatenation is a token, lowest rank first.
    private static PairTable Pairs(Vocabulary vocabulary)
    {
        var pairs = new PairTable(vocabulary.Tokens.Length * 3);
        for (var id = 0; id < vocabulary.Tokens.Length; id++)
        {
            var token = vocabulary.Tokens[id].AsSpan();
            for (var cut = 1; cut < token.Length; cut++)
            {
                if (vocabulary.Find(token[..cut]) is { } left && vocabulary.Find(token[cut..]) is { } right)
                    pairs.Add(left, right, id, id);
            }
        }
        return pairs;
    }

    private static bool TryLine(ReadOnlySpan<byte> line, out byte[] bytes, out int rank)
    {
        (bytes, rank) = ([], 0);
        line = line.Trim((byte)'\r');
        var space = line.IndexOf((byte)' ');
        if (space <= 0 || space % 4 != 0 || !Utf8Parser.TryParse(line[(space + 1)..], out rank, out var used)
            || used != line.Length - space - 1 || rank is < 0 or >= 1 << 24) return false;
        var decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(space)];
        if (Base64.DecodeFromUtf8(line[..space], decoded, out _, out var written) != OperationStatus.Done) return false;
        bytes = decoded[..written];
        return written is > 0 and <= JsonModels.LongestToken;
    }

    // As in the published tokenizer.json of Llama 3.1 and 3.2; 3.0 has reserved tokens in place of some names.
    private static IEnumerable<string> Llama3Specials()
    {
        var names = new Dictionary<int, string>
        {
            [0] = "<|begin_of_text|>", [1] = "<|end_of_text|>", [4] = "<|finetune_right_pad_id|>", [6] = "<|start_header_id|>",
            [7] = "<|end_header_id|>", [8] = "<|eom_id|>", [9] = "<|eot_id|>", [10] = "<|python_tag|>",
        };
        var reserved = 0;
        for (var i = 0; i < 256; i++) yield return names.GetValueOrDefault(i) ?? $"<|reserved_special_token_{reserved++}|>";
    }

    private static IEnumerable<string> QwenSpecials() =>
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", .. Enumerable.Range(0, 205).Select(i => $"<|extra_{i}|>")];
}
