using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace AlpacaCot.Studies.Grid;

/// <summary>
/// A model without local files, described by the size in its name: <c>llama-7b</c>, <c>bloom-7b1</c>, <c>Qwen2.5-0.5B</c>. Width
/// and depth follow from the size in most families, so memory can be estimated before the download.
/// </summary>
/// <param name="Parameters">The number of parameters, from the name.</param>
/// <param name="Config">A configuration of approximately that size.</param>
internal sealed partial record NominalModel(long Parameters, JsonElement Config)
{
    private const int HeadWidth = 128;

    /// <summary>Derives a model from a name; null where the name contains no size.</summary>
    public static NominalModel? OfName(string name)
    {
        if (Size.Match(Path.GetFileName(name.TrimEnd('/'))) is not { Success: true } match) return null;
        var parameters = 1e9 * double.Parse($"{match.Groups["whole"].Value}.{match.Groups["part"].Value}0",
            CultureInfo.InvariantCulture);
        // A block has about 12 hidden² parameters, and width is about 128 times depth.
        var layers = (int)Math.Max(1, Math.Round(Math.Cbrt(parameters * HeadWidth / 12) / HeadWidth));
        var hidden = layers * HeadWidth;
        object config =
            name.Contains("bloom", StringComparison.OrdinalIgnoreCase) ? new
            {
                model_type = "bloom", vocab_size = 250880, hidden_size = hidden, n_layer = layers, num_attention_heads = layers,
                torch_dtype = "float16",
            }
            : name.Contains("chatglm", StringComparison.OrdinalIgnoreCase) ? new
            {
                model_type = "chatglm", vocab_size = 130528, hidden_size = hidden, inner_hidden_size = 4 * hidden,
                num_layers = layers, num_attention_heads = layers, max_sequence_length = 2048, position_encoding_2d = true,
                bos_token_id = 130004, gmask_token_id = 130001, mask_token_id = 130000, eos_token_id = 130005, pad_token_id = 3,
                torch_dtype = "float16",
            }
            : new
            {
                model_type = "llama", hidden_size = hidden, intermediate_size = 8 * hidden / 3,
                vocab_size = name.Contains("llama", StringComparison.OrdinalIgnoreCase) ? 32000 : 64000,
                num_hidden_layers = layers, num_attention_heads = layers, max_position_embeddings = 2048, hidden_act = "silu",
                rms_norm_eps = 1e-6, torch_dtype = "float16",
            };
        return new((long)parameters, JsonSerializer.SerializeToElement(config));
    }

    [GeneratedRegex(@"(?<![0-9.])(?:(?<whole>\d+)(?:\.(?<part>\d+))?b|(?<whole>\d+)b(?<part>\d))(?![a-z0-9])",
        RegexOptions.IgnoreCase | RegexOptions.RightToLeft | RegexOptions.CultureInvariant)]
    private static partial Regex Size { get; }
}
