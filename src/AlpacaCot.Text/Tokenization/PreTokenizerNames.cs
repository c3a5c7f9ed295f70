using System.Text.Json;
using System.Text.Json.Nodes;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// The names by which llama.cpp knows how byte-level tokenizers cut a text into words, and what Hugging Face writes for them.
/// Source: <c>llama-vocab.cpp</c>.
/// </summary>
internal static class PreTokenizerNames
{
    private const string Gpt2 = "gpt-2", Llama3 = "llama-bpe", Qwen2 = "qwen2", Digits = "starcoder";

    // The words of this platform's own trainer: Chinese characters one by one, too. Only spaces in front of one differ.
    private const string OwnPattern = @"[\p{N}一-鿿]";

    private const string Head = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string Tail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Whether llama.cpp begins texts with BOS where the file does not say.</summary>
    public static bool BeginsTexts(string name) => Family(name) == Llama3;

    /// <summary>Whether a word that is a token is taken as it is.</summary>
    public static bool TakesWholeWords(string name) => Family(name) == Llama3;

    /// <summary>The <c>pre_tokenizer</c> of a <c>tokenizer.json</c>.</summary>
    /// <exception cref="InputException">The name is unknown.</exception>
    public static JsonNode ToJson(string name) => Family(name) switch
    {
        Gpt2 => ByteLevel(true),
        Llama3 => Sequence(Split(Head + @"\p{N}{1,3}" + Tail), ByteLevel(false)),
        Qwen2 => Sequence(Split(Head + @"\p{N}" + Tail), ByteLevel(false)),
        Digits => Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, ByteLevel(true)),
        _ => throw new InputException($"The pre-tokenizer '{name}' is not known; {Gpt2}, {Llama3}, {Qwen2}, {Digits} and their " +
            "other names are."),
    };

    /// <summary>The name of a <c>pre_tokenizer</c>, or null.</summary>
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
