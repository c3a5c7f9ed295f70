using System.Text.Json;
using System.Text.Json.Nodes;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// llama.cpp's names of byte-level pre-tokenizers, with their Hugging Face configurations.
/// Source: <c>llama-vocab.cpp</c>.
/// </summary>
internal static class PreTokenizerNames
{
    private const string Gpt2 = "gpt-2", Llama3 = "llama-bpe", Qwen2 = "qwen2", Digits = "starcoder";

    // Pattern of this project's BPE trainer, which also isolates Chinese characters. It differs only in preceding spaces.
    private const string OwnPattern = @"[\p{N}一-鿿]";

    private const string Head = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string Tail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Whether llama.cpp prepends BOS if the file does not specify it.</summary>
    public static bool BeginsTexts(string name) => Family(name) == Llama3;

    /// <summary>Whether a word that is itself a token bypasses the merges.</summary>
    public static bool TakesWholeWords(string name) => Family(name) == Llama3;

    /// <summary>The <c>pre_tokenizer</c> of a <c>tokenizer.json</c>.</summary>
    /// <exception cref="InputException">The name is unknown.</exception>
    public static JsonNode ToJson(string name) => Family(name) switch
    {
        Gpt2 => ByteLevel(true),
        Llama3 => Sequence(Split(Head + @"\p{N}{1,3}" + Tail), ByteLevel(false)),
        Qwen2 => Sequence(Split(Head + @"\p{N}" + Tail), ByteLevel(false)),
        Digits => Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, ByteLevel(true)),
        _ => throw new InputException($"Unknown pre-tokenizer '{name}'; allowed: {Gpt2}, {Llama3}, {Qwen2}, {Digits} and their " +
            "aliases."),
    };

    /// <summary>The name of a <c>pre_tokenizer</c>; null if unknown.</summary>
    public static string? Of(JsonElement json)
    {
        var parts = json.Text("type") == "Sequence" ? json.Member("pretokenizers").Elements().ToList() : [json];
        if (parts is not [.., var last] || last.Text("type") != "ByteLevel"
            || last.Flag("add_prefix_space") != false) return null;
        var usesRegex = last.Flag("use_regex") ?? true;
        if (parts.Count == 1) return usesRegex ? Gpt2 : null;
        if (parts.Count != 2) return null;
        if (parts[0].Text("type") == "Digits") return usesRegex && parts[0].Flag("individual_digits") == true ? Digits : null;
        if (parts[0].Text("type") != "Split" || parts[0].Member("pattern").Text("Regex") is not { } regex) return null;
        if (usesRegex) return regex == OwnPattern ? Digits : null;
        var words = WordPattern.Find(regex);
        return words == WordPattern.Cl100k ? Llama3 : words == WordPattern.Qwen ? Qwen2 : words == WordPattern.Gpt2 ? Gpt2 : null;
    }

    private static string Family(string name) => name switch
    {
        "gpt-2" or "mpt" or "olmo" or "jais" or "phi-2" or "roberta-bpe" => Gpt2,
        "llama-bpe" or "llama3" or "llama-v3" or "falcon3" => Llama3,
        "qwen2" or "deepseek-r1-qwen" or "stablelm2" or "megrez" => Qwen2,
        "starcoder" or "refact" or "command-r" or "smollm" or "codeshell" or "exaone" => Digits,
        _ => "",
    };

    private static JsonObject ByteLevel(bool regex) => new()
    {
        ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = regex,
    };

    private static JsonObject Split(string regex) => new()
    {
        ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = regex }, ["behavior"] = "Isolated", ["invert"] = false,
    };

    private static JsonObject Sequence(params JsonNode[] parts) => new() { ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(parts) };
}
