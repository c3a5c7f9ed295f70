using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// P-tuning v2 in the format of ChatGLM's trainer: a <c>config.json</c> with <c>pre_seq_len</c> and a <c>pytorch_model.bin</c>
/// that contains only <c>transformer.prefix_encoder.*</c>.
/// </summary>
internal static class ChatGlmPrefix
{
    /// <summary>Reads the adapter; null if the folder does not have this format.</summary>
    public static (AdapterConfig, IReadOnlyDictionary<string, Tensor>)? Read(string path)
    {
        var (configPath, weights) = (Path.Combine(path, "config.json"), Path.Combine(path, "pytorch_model.bin"));
        if (!File.Exists(configPath) || !File.Exists(weights)) return null;
        var config = ModelFolder.ReadObject(configPath);
        if (!config.TryGetProperty("pre_seq_len", out var length) || length.ValueKind != JsonValueKind.Number
            || !length.TryGetInt32(out var tokens) || tokens < 1)
            return null;
        using var scope = NewDisposeScope();
        using var file = TorchPickleFile.Open(weights);
        var tensors = file.Entries.Keys.Where(name => name.StartsWith(PTuningV2.At, StringComparison.Ordinal))
            .ToDictionary(name => name, file.Read);
        if (tensors.Count == 0) return null;
        foreach (var tensor in tensors.Values) tensor.MoveToOuterDisposeScope();
        var projects = config.TryGetProperty("prefix_projection", out var value) && value.ValueKind == JsonValueKind.True;
        return (new PTuningV2Config { Tokens = tokens, Projects = projects }, tensors);
    }
}
