using System.Text.Json;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// A tokenizer in GGUF's representation: tokens with scores (SentencePiece BPE, GGUF model <c>llama</c>) or merges (byte-level
/// BPE, <c>gpt2</c>, with a named pre-tokenizer). Converts from and to GGUF and Hugging Face files.
/// </summary>
public sealed record GgufTokenizer
{
    /// <summary>Name of the file with a tokenizer's special tokens.</summary>
    public const string ConfigName = TokenizerFiles.ConfigName;

    /// <summary>GGUF's names of SentencePiece BPE and of byte-level BPE.</summary>
    public const string Pieces = "llama", Bytes = "gpt2";

    /// <summary><see cref="Pieces"/> or <see cref="Bytes"/>.</summary>
    public required string Model { get; init; }

    /// <summary>llama.cpp's name of the pre-tokenizer.</summary>
    public string Pre { get; init; } = "default";

    /// <summary>Token texts by id.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>Token types by id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.</summary>
    public required IReadOnlyList<int> Kinds { get; init; }

    /// <summary>Scores by id; empty for byte-level BPE.</summary>
    public IReadOnlyList<float> Scores { get; init; } = [];

    /// <summary>Merges <c>left right</c> by rank; empty for SentencePiece.</summary>
    public IReadOnlyList<string> Merges { get; init; } = [];

    /// <summary>Id of the beginning-of-sequence token.</summary>
    public int? Bos { get; init; }

    /// <summary>Id of the end-of-sequence token.</summary>
    public int? Eos { get; init; }

    /// <summary>Id of the unknown token.</summary>
    public int? Unknown { get; init; }

    /// <summary>Id of the padding token.</summary>
    public int? Pad { get; init; }

    /// <summary>Whether encoding prepends <see cref="Bos"/>.</summary>
    public bool AddsBos { get; init; }

    /// <summary>Whether encoding appends <see cref="Eos"/>.</summary>
    public bool AddsEos { get; init; }

    /// <summary>Whether encoding prepends a space to the text.</summary>
    public bool AddsSpace { get; init; } = true;

    /// <summary>The Jinja chat template, or null.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Reads the tokenizer of a GGUF file.</summary>
    /// <exception cref="InputException">The tokenizer is missing or of an unsupported type.</exception>
    public static GgufTokenizer Read(string path) => Read(GgufHeader.Read(path));

    /// <summary>Reads the tokenizer of a GGUF header.</summary>
    /// <exception cref="InputException">The tokenizer is missing or of an unsupported type.</exception>
    public static GgufTokenizer Read(GgufHeader header)
    {
        const string at = "tokenizer.ggml.";
        var model = header.Text(at + "model");
        if (model is not (Pieces or Bytes))
            throw new InputException(
                $"{header.Path}: its tokenizer is {model ?? "missing"}; {Pieces} and {Bytes} are supported.");
        var tokens = header.List<string>(at + "tokens") ?? throw new InputException($"{header.Path} lists no tokens.");
        int[] kinds = [.. (header.List<long>(at + "token_type") ?? [.. tokens.Select(_ => 1L)]).Select(k => (int)k)];
        float[] scores = [.. (header.List<double>(at + "scores") ?? []).Select(s => (float)s)];
        if (kinds.Length != tokens.Count || (model == Pieces && scores.Length != tokens.Count))
            throw new InputException(
                $"{header.Path}: {tokens.Count} tokens, but {kinds.Length} types and {scores.Length} scores.");
        var pre = header.Text(at + "pre") ?? "default";
        return new GgufTokenizer
        {
            Model = model, Pre = pre, Tokens = tokens, Kinds = kinds, Scores = scores,
            Merges = header.List<string>(at + "merges") ?? [],
            Bos = Id("bos"), Eos = Id("eos"), Unknown = Id("unknown"), Pad = Id("padding"),
            AddsBos = header.Flag(at + "add_bos_token") ?? (model == Pieces || PreTokenizerNames.BeginsTexts(pre)),
            AddsEos = header.Flag(at + "add_eos_token") ?? false,
            AddsSpace = header.Flag(at + "add_space_prefix") ?? true,
            ChatTemplate = header.Text("tokenizer.chat_template"),
        };

        // An id with all bits set means "none".
        int? Id(string role) => header.Values.GetValueOrDefault($"{at}{role}_token_id") is long id && id >= 0 && id < tokens.Count
            ? (int)id : null;
    }

    /// <summary>Reads the tokenizer of a model: a GGUF file, or a folder with Hugging Face files.</summary>
    /// <param name="source">Path of the model.</param>
    /// <param name="rows">Number of embedding rows; the vocabulary is padded to this size.</param>
    /// <param name="pre">llama.cpp's name of the pre-tokenizer; null: detect it from the tokenizer.</param>
    /// <exception cref="InputException">The tokenizer is missing or cannot be represented in GGUF.</exception>
    public static GgufTokenizer Find(string source, int rows, string? pre = null) =>
        (Directory.Exists(source) ? GgufTokenizerSource.Of(source, pre)
            : File.Exists(source) && GgufHeader.Looks(source) ? Read(source)
            : throw new InputException(
                $"{source} has no tokenizer, which GGUF requires; convert it to a Hugging Face folder first " +
                "and add the tokenizer there.")).FilledTo(rows);

    private static int? Below(int? id, int rows) => id < rows ? id : null;

    /// <summary>The Hugging Face files of a GGUF file's tokenizer; empty if it has none.</summary>
    public static IReadOnlyDictionary<string, byte[]> Files(string path) =>
        GgufHeader.Looks(path) && GgufHeader.Read(path).Values.ContainsKey("tokenizer.ggml.model") ? Read(path).ToFiles()
            : new Dictionary<string, byte[]>();

    /// <summary>The Hugging Face files: <c>tokenizer.model</c> or <c>tokenizer.json</c>, and a configuration.</summary>
    public IReadOnlyDictionary<string, byte[]> ToFiles() => new Dictionary<string, byte[]>
    {
        [Model == Pieces ? "tokenizer.model" : "tokenizer.json"] = Model == Pieces ? ToSentencePiece() : ToTokenizerJson(),
        [ConfigName] = ToConfig(),
    };

    // Added tokens without an embedding are left out, missing ones are filled in.
    private GgufTokenizer FilledTo(int rows) => Tokens.Count > rows ? this with
    {
        Tokens = [.. Tokens.Take(rows)], Kinds = [.. Kinds.Take(rows)], Scores = [.. Scores.Take(rows)],
        Bos = Below(Bos, rows), Eos = Below(Eos, rows), Unknown = Below(Unknown, rows), Pad = Below(Pad, rows),
    }
    : Tokens.Count == rows ? this : this with
    {
        Tokens = [.. Tokens, .. Enumerable.Range(Tokens.Count, rows - Tokens.Count).Select(i => $"[PAD{i}]")],
        Kinds = [.. Kinds, .. Enumerable.Repeat((int)PieceKind.Unused, rows - Tokens.Count)],
        Scores = Model == Bytes ? [] : [.. Scores, .. Enumerable.Repeat(-1e4f, rows - Tokens.Count)],
    };

    private byte[] ToSentencePiece() => SentencePieceWriter.Bpe(
        [.. Tokens.Select((token, id) => (token, Scores[id], (PieceKind)Kinds[id]))], AddsSpace,
        [Unknown, Bos, Eos, Pad]);

    private byte[] ToTokenizerJson() => Json(w =>
    {
        w.WriteString("version", "1.0");
        w.WriteStartArray("added_tokens");
        foreach (var (id, kind) in Kinds.Index())
        {
            if (kind is not ((int)PieceKind.Control or (int)PieceKind.UserDefined)) continue;
            w.WriteStartObject();
            w.WriteNumber("id", id);
            w.WriteString("content", Tokens[id]);
            foreach (var flag in new[] { "single_word", "lstrip", "rstrip", "normalized" }) w.WriteBoolean(flag, false);
            w.WriteBoolean("special", kind == (int)PieceKind.Control);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteNull("normalizer");
        w.WritePropertyName("pre_tokenizer");
        PreTokenizerNames.ToJson(Pre).WriteTo(w);
        WriteTemplate(w);
        w.WritePropertyName("decoder");
        w.WriteRawValue("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""");
        w.WriteStartObject("model");
        w.WriteString("type", "BPE");
        w.WriteBoolean("ignore_merges", PreTokenizerNames.TakesWholeWords(Pre));
        w.WriteStartObject("vocab");
        foreach (var (id, token) in Tokens.Index())
            if (Kinds[id] != (int)PieceKind.Unused) w.WriteNumber(token, id);
        w.WriteEndObject();
        w.WriteStartArray("merges");
        foreach (var merge in Merges) w.WriteStringValue(merge);
        w.WriteEndArray();
        w.WriteEndObject();
    });

    private void WriteTemplate(Utf8JsonWriter w)
    {
        var (before, after) = (AddsBos ? Bos : null, AddsEos ? Eos : null);
        if (before is null && after is null)
        {
            w.WriteNull("post_processor");
            return;
        }
        w.WriteStartObject("post_processor");
        w.WriteString("type", "TemplateProcessing");
        foreach (var (name, sequences) in new[] { ("single", "A"), ("pair", "AB") })
        {
            w.WriteStartArray(name);
            foreach (var sequence in sequences)
            {
                Part(before is { } b ? Tokens[b] : null, "SpecialToken", sequence);
                Part(sequence.ToString(), "Sequence", sequence);
                Part(after is { } a ? Tokens[a] : null, "SpecialToken", sequence);
            }
            w.WriteEndArray();
        }
        w.WriteStartObject("special_tokens");
        foreach (var id in new[] { before, after }.OfType<int>().Distinct())
        {
            w.WriteStartObject(Tokens[id]);
            w.WriteString("id", Tokens[id]);
            w.WriteRawValueProperty("ids", $"[{id}]");
            w.WriteStartArray("tokens");
            w.WriteStringValue(Tokens[id]);
            w.WriteEndArray();
            w.WriteEndObject();
        }
        w.WriteEndObject();
        w.WriteEndObject();

        void Part(string? id, string kind, char sequence)
        {
            if (id is null) return;
            w.WriteStartObject();
            w.WriteStartObject(kind);
            w.WriteString("id", id);
            w.WriteNumber("type_id", sequence - 'A');
            w.WriteEndObject();
            w.WriteEndObject();
        }
    }

    private byte[] ToConfig() => Json(w =>
    {
        w.WriteString("tokenizer_class", Model == Pieces ? "LlamaTokenizer" : "PreTrainedTokenizerFast");
        w.WriteBoolean("add_bos_token", AddsBos);
        w.WriteBoolean("add_eos_token", AddsEos);
        foreach (var (name, id) in new[] { ("bos_token", Bos), ("eos_token", Eos), ("unk_token", Unknown), ("pad_token", Pad) })
            if (id is { } known) w.WriteString(name, Tokens[known]);
        if (Model == Pieces) w.WriteBoolean("legacy", true);
        w.WriteBoolean("clean_up_tokenization_spaces", false);
        if (ChatTemplate is not null) w.WriteString("chat_template", ChatTemplate);
    });

    private static byte[] Json(Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Indented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (var writer = new Utf8JsonWriter(buffer, options))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }
        return buffer.ToArray();
    }
}

file static class WriterExtensions
{
    public static void WriteRawValueProperty(this Utf8JsonWriter writer, string name, string json)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(json);
    }
}
