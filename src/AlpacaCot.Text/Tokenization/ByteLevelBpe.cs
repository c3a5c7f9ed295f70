using System.Text.Encodings.Web;
using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>A trained byte-level BPE vocabulary that can be saved as <c>tokenizer.json</c>.</summary>
/// <param name="SpecialTokens">Special tokens; they have the first ids, in order.</param>
/// <param name="Merges">Merges in the order learnt; each creates a token.</param>
/// <param name="Isolate">Regular expression for text that is always a separate word, or null.</param>
public sealed record ByteLevelBpe(
    IReadOnlyList<string> SpecialTokens, IReadOnlyList<(string Left, string Right)> Merges, string? Isolate)
{
    /// <summary>The 256 byte tokens in the order of their ids: by their character in <see cref="ByteAlphabet"/>.</summary>
    internal static readonly string[] Bytes =
        [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.CharacterOf((byte)b)).Order().Select(c => c.ToString())];

    private static readonly JsonWriterOptions Json =
        new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Tokens by id.</summary>
    public IReadOnlyList<string> Vocabulary { get; } =
        [.. SpecialTokens, .. Bytes, .. Merges.Select(m => m.Left + m.Right).Distinct()];

    /// <summary>
    /// Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c> in the format of Hugging Face's tokenizers. The tokenizer
    /// prepends <paramref name="bos"/> to every text and matches the special tokens in it.
    /// </summary>
    /// <param name="folder">Output folder; created if missing.</param>
    /// <param name="bos">Beginning-of-sequence token, one of <see cref="SpecialTokens"/>.</param>
    /// <param name="eos">End-of-sequence token, one of <see cref="SpecialTokens"/>.</param>
    /// <param name="pad">Padding token, one of <see cref="SpecialTokens"/>.</param>
    /// <param name="maximumLength">Context length of the model in tokens.</param>
    public void Save(string folder, string bos, string eos, string pad, int maximumLength)
    {
        Directory.CreateDirectory(folder);
        Write(Path.Combine(folder, "tokenizer.json"), w => WriteTokenizer(w, bos));
        Write(Path.Combine(folder, "tokenizer_config.json"), w =>
        {
            w.WriteStartObject();
            w.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
            w.WriteString("bos_token", bos);
            w.WriteString("eos_token", eos);
            w.WriteString("pad_token", pad);
            w.WriteNumber("model_max_length", maximumLength);
            w.WriteBoolean("clean_up_tokenization_spaces", false);
            w.WriteEndObject();
        });
    }

    private void WriteTokenizer(Utf8JsonWriter w, string bos)
    {
        var bosId = SpecialTokens.ToList().IndexOf(bos);
        w.WriteStartObject();
        w.WriteString("version", "1.0");
        w.WriteNull("truncation");
        w.WriteNull("padding");
        w.WriteStartArray("added_tokens");
        for (var id = 0; id < SpecialTokens.Count; id++)
            Raw(w, new
            {
                id, content = SpecialTokens[id], single_word = false, lstrip = false, rstrip = false, normalized = false,
                special = true,
            });
        w.WriteEndArray();
        w.WriteNull("normalizer");
        w.WritePropertyName("pre_tokenizer");
        var words = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true };
        if (Isolate is null) Raw(w, words);
        else
            Raw(w, new
            {
                type = "Sequence",
                pretokenizers = new object[]
                {
                    new { type = "Split", pattern = new { Regex = Isolate }, behavior = "Isolated", invert = false },
                    words,
                },
            });
        w.WritePropertyName("post_processor");
        Raw(w, new
        {
            type = "TemplateProcessing",
            single = new object[] { Special(bos), Sequence("A", 0) },
            pair = new object[] { Special(bos), Sequence("A", 0), Special(bos, 1), Sequence("B", 1) },
            special_tokens = new Dictionary<string, object>
            {
                [bos] = new { id = bos, ids = new[] { bosId }, tokens = new[] { bos } },
            },
        });
        w.WritePropertyName("decoder");
        Raw(w, new { type = "ByteLevel", add_prefix_space = true, trim_offsets = true, use_regex = true });
        w.WriteStartObject("model");
        w.WriteString("type", "BPE");
        w.WriteNull("dropout");
        w.WriteNull("unk_token");
        w.WriteNull("continuing_subword_prefix");
        w.WriteNull("end_of_word_suffix");
        w.WriteBoolean("fuse_unk", false);
        w.WriteBoolean("byte_fallback", false);
        w.WriteBoolean("ignore_merges", false);
        w.WriteStartObject("vocab");
        for (var id = 0; id < Vocabulary.Count; id++) w.WriteNumber(Vocabulary[id], id);
        w.WriteEndObject();
        w.WriteStartArray("merges");
        foreach (var (left, right) in Merges) w.WriteStringValue($"{left} {right}");
        w.WriteEndArray();
        w.WriteEndObject();
        w.WriteEndObject();

        static object Special(string id, int type = 0) => new { SpecialToken = new { id, type_id = type } };
        static object Sequence(string id, int type) => new { Sequence = new { id, type_id = type } };
    }

    private static void Raw(Utf8JsonWriter w, object value) => JsonSerializer.Serialize(w, value);

    private static void Write(string path, Action<Utf8JsonWriter> content) => AtomicFile.Write(path, stream =>
    {
        using var writer = new Utf8JsonWriter(stream, Json);
        content(writer);
    });
}
