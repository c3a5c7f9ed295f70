using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>What was written, and how near it comes to the model it was made from.</summary>
/// <param name="Files">The files, or the one.</param>
/// <param name="Bytes">Their size together.</param>
/// <param name="Check">The comparison of the reopened file with the model; null where the format cannot be reopened as
/// one.</param>
public sealed record ExportResult(IReadOnlyList<string> Files, long Bytes, LogitComparison Check);

/// <summary>
/// Writes a loaded model, its adapter folded in, in the forms that others read. Each export is reopened and compared with the
/// model before it is put in its place.
/// </summary>
public static class ModelExport
{
    /// <summary>Writes a Hugging Face folder.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The folder to make.</param>
    /// <param name="type">The type of the weights; null: as they are.</param>
    /// <param name="shardBytes">The most bytes in one weight file.</param>
    /// <param name="adapter">The adapter's folder or run folder, for the prompt template beside it.</param>
    /// <exception cref="InputException">The place is taken or the reopened folder disagrees.</exception>
    public static ExportResult ToHuggingFace(LanguageModel model, string path, ScalarType? type = null,
        long shardBytes = HuggingFaceFolder.StandardShardBytes, string? adapter = null)
    {
        var source = model.Checkpoint;
        var weights = ModelWeights.Of(source, model.Model, type);
        LogitComparison? check = null;
        var files = HuggingFaceFolder.Write(path, weights, Beside(model, type, adapter), shardBytes, folder =>
        {
            using (var written = ModelFolder.Open(folder)) RequireSame(weights, written);
            check = Compare(model, folder, LogitComparison.ToleranceOf(weights.Select(w => w.DType), source));
        });
        return new ExportResult(files, files.Sum(f => new FileInfo(Path.Combine(path, f)).Length), check!);
    }

    /// <summary>Writes Meta's <c>consolidated.00.pth</c> and <c>params.json</c>.</summary>
    /// <exception cref="InputException">The model is no LLaMA, the place is taken, or the reopened files disagree.</exception>
    public static ExportResult ToStateDict(LanguageModel model, string path, ScalarType? type = null)
    {
        var source = model.Checkpoint;
        var weights = ModelWeights.Of(source, model.Model, type);
        LogitComparison? check = null;
        var config = Configuration(model, type);
        var files = MetaWriter.Write(path, config, weights, Companions.Of(source.Path), folder =>
            check = Compare(model, folder, LogitComparison.ToleranceOf(weights.Select(w => w.DType), source)));
        return new ExportResult(files, files.Sum(f => new FileInfo(Path.Combine(path, f)).Length), check!);
    }

    /// <summary>Writes a GGUF file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="type">F32, F16, BF16, Q8_0 or Q4_0: the type of the matrices.</param>
    /// <param name="preTokenizer">llama.cpp's name of the pre-tokenizer, where it cannot be told from the tokenizer.</param>
    /// <exception cref="InputException">The family or its tokenizer has no place in GGUF, or the reopened file
    /// disagrees.</exception>
    public static ExportResult ToGguf(LanguageModel model, string path, GgufType type, string? preTokenizer = null)
    {
        var source = model.Checkpoint;
        var weights = ModelWeights.Of(source, model.Model, ScalarType.Float32); // rounded once, to what the file gets
        var tokenizer = GgufTokenizer.Find(source.Path, model.Model.Shape.Vocabulary, preTokenizer);
        LogitComparison? check = null;
        GgufExport.Write(path, Configuration(model, null), weights, tokenizer, type,
            file => check = Compare(model, file, LogitComparison.ToleranceOf(type)));
        return new ExportResult([Path.GetFileName(path)], new FileInfo(path).Length, check!);
    }

    private static LogitComparison Compare(LanguageModel model, string path, double tolerance)
    {
        // An 8-bit model rounds activations as well, which its full-precision form does not.
        if (model.Model.Linears.Values.Any(layer => layer.Matrix is Quantization.Int8Matrix))
            tolerance = Math.Max(tolerance, 0.1);
        using var reopened = LanguageModel.Load(path);
        var comparison = LogitComparison.Of(model, reopened);
        return comparison.Relative <= tolerance ? comparison
            : throw new InputException($"The written model gives other logits than the loaded one: they differ by up to " +
                $"{comparison.LargestDifference:0.####} where the largest is {comparison.LargestLogit:0.####} (allowed: " +
                $"{tolerance:0.####} of it). Nothing was kept.");
    }

    private static void RequireSame(IReadOnlyList<ExportTensor> weights, ModelFolder written)
    {
        foreach (var weight in weights)
        {
            using var actual = written.Read(weight.Name);
            if (!weight.HasBytesOf(actual))
                throw new InputException($"{weight.Name} reads back with other values than were written: the disk is at fault.");
        }
    }

    private static JsonObject Configuration(LanguageModel model, ScalarType? type)
    {
        var config = JsonNode.Parse(model.Checkpoint.Config.GetRawText())!.AsObject();
        if (model.Model.IsQuantized) config.Remove("quantization_config");
        if (ModelWeights.PartsTiedHead(model.Checkpoint, model.Model)) config["tie_word_embeddings"] = false;
        if (type is { } wanted) config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = Name(wanted);
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
            && !ModelWeights.PartsTiedHead(model.Checkpoint, model.Model);
        yield return unchanged ? CompanionFile.Copy(config) : HuggingFaceFolder.Configuration(Configuration(model, type));
        var template = adapter is null ? null
            : Path.Combine(LanguageModel.AdapterIn(adapter), LanguageModel.TemplateFile);
        if (File.Exists(template)) yield return CompanionFile.Copy(template);
        else template = null;
        foreach (var file in Companions.Of(source))
            if (template is null || file.Name != LanguageModel.TemplateFile) yield return file;
    }
}
