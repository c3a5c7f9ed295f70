#if USES_TORCH
using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Tests;

/// <summary>A small model with random weights, in memory or as a model folder with a tokenizer of its own.</summary>
/// <param name="Vocabulary">Tokens; a folder's tokenizer has at most as many.</param>
/// <param name="Hidden">Width.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Deviation">Of the weights: large enough that different inputs give clearly different outputs.</param>
/// <param name="Family"><c>llama</c>; <c>gpt2</c>, which has biases; <c>chatglm</c>, whose answers begin at BOS here.</param>
internal sealed record TinyModel(
    int Vocabulary = 300, int Hidden = 32, int Layers = 2, double Deviation = 0.2, string Family = "llama")
{
    /// <summary>Special tokens of the tokenizer: padding, BOS and EOS with ids 0, 1 and 2.</summary>
    private static readonly string[] Special = ["<pad>", "<s>", "</s>"];

    public string Config => Family switch
    {
        "gpt2" => JsonSerializer.Serialize(new
        {
            model_type = Family, vocab_size = Vocabulary, n_embd = Hidden, n_layer = Layers, n_head = 4, n_positions = 256,
            bos_token_id = 1, eos_token_id = 2,
        }),
        "chatglm" => JsonSerializer.Serialize(new
        {
            model_type = Family, vocab_size = Vocabulary, hidden_size = Hidden, inner_hidden_size = 2 * Hidden,
            num_layers = Layers,
            num_attention_heads = 4, max_sequence_length = 256, position_encoding_2d = true, bos_token_id = 1, gmask_token_id = 1,
            mask_token_id = 2, eos_token_id = 2, pad_token_id = 0,
        }),
        _ => Llama,
    };

    private string Llama => JsonSerializer.Serialize(new
    {
        model_type = "llama", architectures = (string[])["LlamaForCausalLM"], vocab_size = Vocabulary, hidden_size = Hidden,
        intermediate_size = 2 * Hidden, num_hidden_layers = Layers, num_attention_heads = 4, num_key_value_heads = 2,
        max_position_embeddings = 256, rms_norm_eps = 1e-5, rope_theta = 10000.0, hidden_act = "silu",
        tie_word_embeddings = false, initializer_range = Deviation, bos_token_id = 1, eos_token_id = 2,
    });

    public CausalModel Build(long seed = 1, QuantizationOptions? quantization = null)
    {
        using var config = JsonDocument.Parse(Config);
        return ModelFamilies.Build(config.RootElement, new RandomWeights(seed, Deviation), null, quantization,
            TestDevice.Compute);
    }

    /// <summary>Writes <c>config.json</c> and the tokenizer: what training from random weights needs.</summary>
    public string WriteConfig(string folder)
    {
        Directory.CreateDirectory(folder);
        var tokens = new BpeTrainer(Vocabulary, Special);
        tokens.Add("Say the number of the day and the name of the colour; the answer is below the instruction.", 9);
        tokens.Train().Save(folder, "<s>", "</s>", "<pad>", 256);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config);
        return folder;
    }

    /// <summary>Writes a whole model folder.</summary>
    public string WriteFolder(string folder, long seed = 1)
    {
        WriteConfig(folder);
        using var model = Build(seed);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. model.Parameters.Select(p => (p.Key, p.Value))]);
        return folder;
    }

    /// <summary>Alpaca records of different lengths.</summary>
    public static string Records(int count) =>
        "[" + string.Join(",\n", Enumerable.Range(0, count).Select(i => JsonSerializer.Serialize(new
    {
        instruction = $"Say the number {i}.",
        input = i % 3 == 0 ? $"The day is {i * 7 % 31}." : "",
        output = string.Join(" ", Enumerable.Repeat($"The number is {i}.", 1 + i % 4)),
    }))) + "]";
}
#endif
