using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>The result of an export: the files, and the difference of their logits from the model's.</summary>
/// <param name="Files">The names of the files.</param>
/// <param name="Bytes">Their total size.</param>
/// <param name="Check">The comparison of the reopened files with the
/// model.</param>
public sealed record ExportResult(IReadOnlyList<string> Files, long Bytes, LogitComparison Check);

/// <summary>
/// Writes a loaded model, with its adapter merged, in the formats of other programs. Each export is reopened and compared with
/// the model before it is moved to its path.
/// </summary>
public static class ModelExport
{
    /// <summary>Writes a Hugging Face folder.</summary>
    /// <param name="model">The model, with its adapter if any.</param>
    /// <param name="path">The folder to create.</param>
    /// <param name="type">The type of the weights; null: unchanged.</param>
    /// <param name="shardBytes">The maximum size of a weight file in bytes.</param>
    /// <param name="adapter">The adapter's folder or run folder; its prompt template is copied.</param>
    /// <exception cref="InputException">The target exists, or the reopened folder gives other logits.</exception>
    public static ExportResult ToHuggingFace(LanguageModel model, string path, ScalarType? type = null,
        long shardBytes = HuggingFaceFolder.StandardShardBytes, string? adapter = null)
    {
        var source = model.Checkpoint;
        var weights = ModelWeights.Of(source, model.Model, type);
        LogitComparison? check = null;
        var files = HuggingFaceFolder.Write(path, weights, Beside(model, type, adapter), shardBytes, folder =>
        {
            using (var written = ModelFolder.Open(folder)) RequireSame(weights, written);
            check = Compare(model, folder, LogitComparison.ToleranceOf(weights.Select(w => w.DType), source),
                RoundingOf(weights));
        });
        return new ExportResult(files, files.Sum(f => new FileInfo(Path.Combine(path, f)).Length), check!);
    }

    /// <summary>Writes Meta's <c>consolidated.00.pth</c> and <c>params.json</c>.</summary>
    /// <exception cref="InputException">The model is not a LLaMA, the target exists, or the reopened files give other
    /// logits.</exception>
    public static ExportResult ToStateDict(LanguageModel model, string path, ScalarType? type = null)
    {
        var source = model.Checkpoint;
        var weights = Needed(model.Model, ModelWeights.Of(source, model.Model, type));
        LogitComparison? check = null;
        var config = Configuration(model, type);
        var files = MetaWriter.Write(path, config, weights, Companions.Of(source.Path), folder => check = Compare(model, folder,
            LogitComparison.ToleranceOf(weights.Select(w => w.DType), source), RoundingOf(weights)));
        return new ExportResult(files, files.Sum(f => new FileInfo(Path.Combine(path, f)).Length), check!);
    }

    /// <summary>Writes a GGUF file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="type">F32, F16, BF16, Q8_0 or Q4_0: the type of the matrices.</param>
    /// <param name="preTokenizer">llama.cpp's name of the pre-tokenizer, where it cannot be detected from the tokenizer.</param>
    /// <exception cref="InputException">GGUF does not support the family or its tokenizer, or the reopened file
    /// gives other logits.</exception>
    public static ExportResult ToGguf(LanguageModel model, string path, GgufType type, string? preTokenizer = null)
    {
        var source = model.Checkpoint;
        // rounded once, to the type in the file
        var weights = Needed(model.Model, ModelWeights.Of(source, model.Model, ScalarType.Float32));
        var tokenizer = GgufTokenizer.Find(source.Path, model.Model.Shape.Vocabulary, preTokenizer);
        LogitComparison? check = null;
        GgufExport.Write(path, Configuration(model, null), weights, tokenizer, type,
            file => check = Compare(model, file, LogitComparison.ToleranceOf(type), _ => RoundingOf(type)));
        return new ExportResult([Path.GetFileName(path)], new FileInfo(path).Length, check!);
    }

    // Tensors that the text model does not use have no place in formats other than Hugging Face's.
    private static List<ExportTensor> Needed(CausalModel model, IEnumerable<ExportTensor> weights) =>
        [.. weights.Where(weight => !UnusedTensors.IsLeftOut(weight.Name, model.Shape.Layers))];

    private static Func<string, double?> RoundingOf(IReadOnlyList<ExportTensor> weights)
    {
        var types = weights.ToDictionary(w => w.Name, w => w.DType);
        return name => types[WeightNames.Stored(name, types.ContainsKey)] switch
        {
            ScalarType.BFloat16 => RoundingOf(GgufType.BF16), ScalarType.Float16 => RoundingOf(GgufType.F16),
            _ => RoundingOf(GgufType.F32),
        };
    }

    // Twice the relative rounding error of the type; null where blocks of weights share a scale.
    private static double? RoundingOf(GgufType type) => type == GgufType.BF16 ? 1.0 / 256 : type == GgufType.F16 ? 1.0 / 1024
        : type == GgufType.F32 ? 1e-6 : null;

    private static LogitComparison Compare(LanguageModel model, string path, double tolerance, Func<string, double?> rounding)
    {
        // An 8-bit model also rounds activations, unlike its expanded form.
        if (model.Model.Linears.Values.Any(layer => layer.Matrix is Quantization.Int8Matrix))
            tolerance = Math.Max(tolerance, 0.1);
        using var reopened = LanguageModel.Load(path);
        var comparison = LogitComparison.Of(model, reopened);
        KeptAdapter.Require(model.Model, reopened.Model, rounding);
        return comparison.Relative <= tolerance ? comparison
            : throw new InputException($"The logits of the written model differ from the loaded model's by up to " +
                $"{comparison.LargestDifference:0.####} where the largest is {comparison.LargestLogit:0.####} (allowed: " +
                $"{tolerance:0.####} of it). The export was deleted.");
    }

    private static void RequireSame(IReadOnlyList<ExportTensor> weights, ModelFolder written)
    {
        foreach (var weight in weights)
        {
            using var actual = written.Read(weight.Name);
            if (!weight.HasBytesOf(actual))
                throw new InputException($"{weight.Name} read back with different values than written; check the disk.");
        }
    }

    private static JsonObject Configuration(LanguageModel model, ScalarType? type)
    {
        var config = JsonNode.Parse(model.Checkpoint.Config.GetRawText())!.AsObject();
        if (model.Model.IsQuantized) config.Remove("quantization_config");
        model.Model.Tie.Write(config, model.Model.IsHeadTied);
        if (type is { } chosen) config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = Name(chosen);
        return config;
    }

    private static string Name(ScalarType type) => type switch
    {
        ScalarType.Float16 => "float16",
        ScalarType.BFloat16 => "bfloat16",
        _ => "float32",
    };

    private static IEnumerable<CompanionFile> Beside(LanguageModel model, ScalarType? type, string? adapter)
    {
        var source = model.Checkpoint.Path;
        var config = Path.Combine(source, "config.json");
        var unchanged = type is null && !model.Model.IsQuantized && File.Exists(config)
            && model.Model.IsHeadTied == model.Model.Tie.IsConfigured;
        yield return unchanged ? CompanionFile.Copy(config) : HuggingFaceFolder.Configuration(Configuration(model, type));
        var template = adapter is null ? null
            : Path.Combine(LanguageModel.AdapterIn(adapter), LanguageModel.TemplateFile);
        if (File.Exists(template)) yield return CompanionFile.Copy(template);
        else template = null;
        foreach (var file in Companions.Of(source))
            if (template is null || file.Name != LanguageModel.TemplateFile) yield return file;
    }
}
