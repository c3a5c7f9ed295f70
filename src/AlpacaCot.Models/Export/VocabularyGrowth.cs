using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>Writes a model with additional rows for new tokens in its embedding and head.</summary>
public static class VocabularyGrowth
{
    private static readonly string[] SizeKeys = ["vocab_size", "padded_vocab_size"];

    /// <summary>
    /// Writes a Hugging Face folder. The vectors of a new token are the means over the previous tokens of its text, which keeps
    /// the model's behaviour similar; existing rows are unchanged. Rows that the model has beyond its tokenizer are used first.
    /// </summary>
    /// <param name="model">The model, without adapter.</param>
    /// <param name="extension">The new tokens.</param>
    /// <param name="path">The folder to create.</param>
    /// <param name="shardBytes">The maximum size of a weight file in bytes.</param>
    /// <exception cref="InputException">The target exists, the embedding is ambiguous, or the reopened folder
    /// gives other logits.</exception>
    public static ExportResult Write(LanguageModel model, VocabularyExtension extension, string path,
        long shardBytes = HuggingFaceFolder.StandardShardBytes)
    {
        var source = model.Checkpoint;
        var rows = Math.Max(model.Model.Shape.Vocabulary, extension.After);
        var tables = Tables(model);
        List<ExportTensor> weights = [.. ModelWeights.Of(source, model.Model)
            .Select(weight => tables.Contains(weight.Name) ? Grown(weight, rows, extension.Tokens) : weight)];
        LogitComparison? check = null;
        var files = HuggingFaceFolder.Write(path, weights, Beside(model, extension, rows), shardBytes, folder =>
        {
            using var reopened = LanguageModel.Load(folder);
            check = LogitComparison.Of(model, reopened, Math.Min(extension.Before, model.Model.Shape.Vocabulary));
            if (check.Relative > 1e-4 || extension.Tokens.Any(token => reopened.Tokenizer.TokenToId(token.Text) != token.Id))
                throw new InputException("The written model is wrong: its logits of the old tokens differ "
                    + $"by up to {check.LargestDifference:0.####}, or new tokens are not found. The folder was deleted.");
        });
        return new ExportResult(files, files.Sum(f => new FileInfo(Path.Combine(path, f)).Length), check!);
    }

    // The tables with a row for each token: the embedding and, where not tied, the head with its bias.
    private static HashSet<string> Tables(LanguageModel model)
    {
        var (folder, head, vocabulary) = (model.Checkpoint, model.Model.Head.Name, model.Model.Shape.Vocabulary);
        var tables = folder.Entries.Values.Where(entry => entry.Shape[0] == vocabulary
            && (entry.Shape.Length == 2 || entry.Name == head + ".bias")).Select(entry => entry.Name).ToHashSet();
        var embeddings = tables.Count(name => !name.StartsWith(head + ".", StringComparison.Ordinal));
        return embeddings == 1 ? tables : throw new InputException($"{folder.Path}: {embeddings} tables have a row for each of "
            + $"{vocabulary} tokens; exactly one, the embedding, is expected.");
    }

    private static ExportTensor Grown(ExportTensor weight, long rows, IReadOnlyList<NewToken> tokens)
    {
        long[] shape = [rows, .. weight.Shape[1..]];
        return weight with
        {
            Shape = shape,
            Read = () =>
            {
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                var old = weight.Read();
                var grown = Tensors.Zeros(shape, weight.DType, CPU);
                grown.narrow(0, 0, old.shape[0]).copy_(old);
                foreach (var token in tokens)
                {
                    using var step = NewDisposeScope();
                    var pieces = token.Pieces.Count > 0
                        ? old.index_select(0, Tensors.Of([.. token.Pieces.Select(p => (long)p)], old.device)) : old;
                    grown[token.Id] = pieces.to(ScalarType.Float32).mean([0L]).to(weight.DType);
                }
                return grown.MoveToOuterDisposeScope();
            },
        };
    }

    private static IEnumerable<CompanionFile> Beside(LanguageModel model, VocabularyExtension extension, long rows)
    {
        var config = JsonNode.Parse(model.Checkpoint.Config.GetRawText())!.AsObject();
        foreach (var part in new[] { config, config["text_config"] as JsonObject })
            foreach (var key in SizeKeys)
                if (part?[key]?.GetValue<long>() == model.Model.Shape.Vocabulary) part[key] = rows;
        model.Model.Tie.Write(config, model.Model.IsHeadTied);
        yield return HuggingFaceFolder.Configuration(config);
        foreach (var (name, content) in extension.Files)
            if (content is not null) yield return CompanionFile.Of(name, content);
        foreach (var file in Companions.Of(model.Checkpoint.Path))
            if (!extension.Files.ContainsKey(file.Name)) yield return file;
    }
}
