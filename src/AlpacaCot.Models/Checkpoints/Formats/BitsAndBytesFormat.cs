using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// Quantized matrices as bitsandbytes stores them in checkpoints, and <c>quantization_config</c> as transformers writes it.
/// <para>
/// 4 bits: <c>weight</c> uint8 [n / 2, 1], <c>weight.absmax</c>, <c>weight.quant_map</c> and, doubly quantized,
/// <c>weight.nested_absmax</c> and <c>weight.nested_quant_map</c>; <c>weight.quant_state.bitsandbytes__nf4</c> is JSON.
/// 8 bits: <c>weight</c> int8, <c>SCB</c> (the largest magnitude of each row), <c>weight_format</c>.
/// </para>
/// </summary>
public static class BitsAndBytesFormat
{
    private const string ConfigKey = "quantization_config";
    private const string State = ".quant_state.bitsandbytes__";

    /// <summary>The quantized matrix of a weight, a view of the mapped file; null where it is not quantized.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="weight">The name of the weight in the checkpoint.</param>
    /// <param name="outputs">The expected number of rows.</param>
    /// <param name="inputs">The expected number of columns.</param>
    /// <exception cref="InputException">A tensor of the matrix is missing or has the wrong type or shape.</exception>
    public static WeightMatrix? Read(ITensorFile checkpoint, JsonElement config, string weight, long outputs,
        long inputs)
    {
        var (count, part) = (outputs * inputs, new Parts(checkpoint, weight));
        foreach (var type in (QuantizationType[])[QuantizationType.Nf4, QuantizationType.Fp4])
            if (checkpoint.Entries.ContainsKey(weight + State + Name(type))) return ReadFourBit(part, type, outputs, inputs);
        var scales = ScalesName(weight);
        if (!checkpoint.Entries.ContainsKey(scales)) return null;
        var codes = part.Read(weight, ScalarType.Int8, outputs, inputs);
        return new Int8Matrix(codes, part.Read(scales, ScalarType.Float32, outputs),
            ConfigOf(config)?.OutlierThreshold ?? 6);
    }

    /// <summary>The tensors of a quantized matrix, by their names in a checkpoint; new tensors, owned by the caller.</summary>
    /// <param name="weight">The name of the weight.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="original">The element type before quantization.</param>
    public static IEnumerable<(string Name, Tensor Tensor)> Tensors(string weight, WeightMatrix matrix, ScalarType original)
    {
        if (matrix is Int8Matrix rows)
        {
            yield return (weight, rows.Codes.cpu());
            yield return (ScalesName(weight), rows.Scales.cpu());
            yield return (weight + "_format", Runtime.Tensors.Zeros([], ScalarType.Byte, CPU)); // 0: by rows
            yield break;
        }
        var blocks = (FourBitMatrix)matrix;
        yield return (weight, blocks.Packed.cpu());
        yield return (weight + ".absmax", blocks.Scales.cpu());
        yield return (weight + ".quant_map", Runtime.Tensors.Of(blocks.Table.ToArray(), CPU));
        var state = new JsonObject
        {
            ["quant_type"] = Name(blocks.Type), ["blocksize"] = blocks.BlockSize, ["dtype"] = TypeName(original),
            ["shape"] = new JsonArray(blocks.Outputs, blocks.Inputs),
        };
        if (blocks.NestedScales is { } nested)
        {
            yield return (weight + ".nested_absmax", nested.cpu());
            yield return (weight + ".nested_quant_map", Runtime.Tensors.Of(Codebook.DynamicSigned.Values, CPU));
            state["nested_blocksize"] = FourBitMatrix.NestedBlock;
            state["nested_dtype"] = "float32";
            state["nested_offset"] = (double)blocks.Offset;
        }
        yield return (weight + State + Name(blocks.Type), Runtime.Tensors.Of(Encoding.UTF8.GetBytes(state.ToJsonString()), CPU));
    }

    /// <summary>Whether a file has the tensors of a quantized matrix beside a weight.</summary>
    internal static bool IsQuantized(string weight, Func<string, bool> contains) =>
        weight.EndsWith(".weight", StringComparison.Ordinal) && (contains(ScalesName(weight))
            || contains(weight + State + Name(QuantizationType.Nf4)) || contains(weight + State + Name(QuantizationType.Fp4)));

    /// <summary>The names that the tensors of a quantized matrix may have, besides the weight's own.</summary>
    internal static IEnumerable<string> PartNames(string weight) =>
        [
            ScalesName(weight), weight + "_format", weight + ".absmax", weight + ".quant_map", weight + ".nested_absmax",
            weight + ".nested_quant_map", weight + State + Name(QuantizationType.Nf4),
            weight + State + Name(QuantizationType.Fp4),
        ];

    /// <summary>Reads the quantization options of a configuration; null where the weights are not quantized.</summary>
    /// <exception cref="InputException">The weights are quantized by another library.</exception>
    public static QuantizationOptions? ConfigOf(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object || !config.TryGetProperty(ConfigKey, out var found)
            || found.ValueKind != JsonValueKind.Object) return null;
        var method = Text(found, "quant_method")
            ?? (found.TryGetProperty("load_in_8bit", out _) || found.TryGetProperty("load_in_4bit", out _)
                ? "bitsandbytes" : "an unnamed method");
        if (method != "bitsandbytes")
            throw new InputException($"config.json: '{ConfigKey}' says that the weights are quantized by {method}, " +
                "which is not " +
                "supported; bitsandbytes is. Take the full model with --quantization.");
        var type = Flag(found, "load_in_8bit") ? QuantizationType.Int8
            : Text(found, "bnb_4bit_quant_type") == "nf4" ? QuantizationType.Nf4 : QuantizationType.Fp4;
        return new QuantizationOptions(type)
        {
            DoubleQuantization = Flag(found, "bnb_4bit_use_double_quant"),
            OutlierThreshold = found.TryGetProperty("llm_int8_threshold", out var t) && t.ValueKind == JsonValueKind.Number
                ? t.GetSingle() : 6,
        };
    }

    /// <summary>A configuration with the quantization options, as read by transformers and <see cref="ConfigOf"/>.</summary>
    /// <param name="config">The configuration of the full model.</param>
    /// <param name="options">The quantization of the weights.</param>
    /// <param name="head">The name of its language-model head, which is not quantized.</param>
    public static JsonObject Config(JsonElement config, QuantizationOptions options, string head)
    {
        var written = JsonObject.Create(config)!.DeepClone().AsObject();
        var eight = options.Type == QuantizationType.Int8;
        written[ConfigKey] = new JsonObject
        {
            ["quant_method"] = "bitsandbytes", ["load_in_8bit"] = eight, ["load_in_4bit"] = !eight,
            ["llm_int8_threshold"] = options.OutlierThreshold, ["llm_int8_has_fp16_weight"] = false,
            ["llm_int8_enable_fp32_cpu_offload"] = false,
            ["llm_int8_skip_modules"] = new JsonArray([.. options.Skip.Prepend(head).Select(s => JsonValue.Create(s))]),
            ["bnb_4bit_quant_type"] = eight ? "fp4" : Name(options.Type), // the default of transformers
            ["bnb_4bit_use_double_quant"] = !eight && options.DoubleQuantization,
            ["bnb_4bit_compute_dtype"] = "float32", ["bnb_4bit_quant_storage"] = "uint8",
        };
        return written;
    }

    private static FourBitMatrix ReadFourBit(Parts part, QuantizationType type, long outputs, long inputs)
    {
        var state = part.State(State + Name(type));
        var shape = state.TryGetProperty("shape", out var sizes) && sizes.ValueKind == JsonValueKind.Array
            ? sizes.EnumerateArray()
                .Select(s => s.ValueKind == JsonValueKind.Number && s.TryGetInt64(out var size) ? size : -1).ToArray() : [];
        if (!shape.SequenceEqual([outputs, inputs]))
            throw part.Wrong($"is [{string.Join(", ", shape)}] before quantization, config.json requires [{outputs}, {inputs}]");
        var block = Whole(state, "blocksize");
        if (block is < 32 or > 4096 || block % 32 != 0)
            throw part.Wrong($"has blocks of {block} weights; allowed are multiples of 32 from 32 to 4096");
        var (count, weight) = (outputs * inputs, part.Weight);
        var blocks = (count + block - 1) / block;
        if (!state.TryGetProperty("nested_offset", out var offset))
            return new FourBitMatrix(type, outputs, inputs, part.Read(weight, ScalarType.Byte, (count + 1) / 2, 1), block,
                part.Read(weight + ".absmax", ScalarType.Float32, blocks), null, 0);
        if (Whole(state, "nested_blocksize") != FourBitMatrix.NestedBlock)
            throw part.Wrong($"has scales in blocks of {Whole(state, "nested_blocksize")}; "
                + $"only {FourBitMatrix.NestedBlock} is supported");
        return new FourBitMatrix(type, outputs, inputs, part.Read(weight, ScalarType.Byte, (count + 1) / 2, 1), block,
            part.Read(weight + ".absmax", ScalarType.Byte, blocks),
            part.Read(weight + ".nested_absmax", ScalarType.Float32,
                (blocks + FourBitMatrix.NestedBlock - 1) / FourBitMatrix.NestedBlock),
            offset.ValueKind == JsonValueKind.Number ? offset.GetSingle()
                : throw part.Wrong("has a nested_offset that is not a number"));
    }

    private static string ScalesName(string weight) => weight[..^"weight".Length] + "SCB";

    private static string Name(QuantizationType type) => QuantizationOptions.Names[(int)type];

    private static string TypeName(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => "bfloat16", ScalarType.Float16 => "float16", _ => "float32",
    };

    private static string? Text(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool Flag(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.True;

    private static int Whole(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var whole)
            ? whole : -1;

    /// <summary>The tensors of one quantized weight, checked when they are read.</summary>
    private sealed record Parts(ITensorFile Folder, string Weight)
    {
        public InputException Wrong(string what) => new($"{Folder.Path}: {Weight} {what}.");

        public Tensor Read(string name, ScalarType type, params long[] shape)
        {
            if (!Folder.Entries.TryGetValue(name, out var entry))
                throw new InputException($"{Folder.Path} lacks {name}, a tensor of the quantized {Weight}.");
            if (entry.DType != type || !entry.Shape.SequenceEqual(shape))
                throw new InputException($"{Folder.Path}: {name} is {entry.DType} [{string.Join(", ", entry.Shape)}]; for this " +
                    $"model {type} [{string.Join(", ", shape)}] is needed.");
            return Folder.Read(name);
        }

        public JsonElement State(string suffix)
        {
            using var bytes = Folder.Read(Weight + suffix);
            try
            {
                using var json = JsonDocument.Parse(bytes.data<byte>().ToArray());
                return json.RootElement.Clone();
            }
            catch (Exception e) when (e is JsonException or ArgumentException)
            {
                throw new InputException($"{Folder.Path}: {Weight + suffix} is not valid JSON: {e.Message}", e);
            }
        }
    }
}
