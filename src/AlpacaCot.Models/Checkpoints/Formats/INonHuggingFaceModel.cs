using System.Text.Json;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>A checkpoint of another format, presented with Hugging Face's configuration, tensor names and layouts.</summary>
internal interface INonHuggingFaceModel : ITensorFile
{
    /// <summary>The equivalent <c>config.json</c>.</summary>
    JsonElement Config { get; }
}

/// <summary>The supported formats besides Hugging Face's.</summary>
internal static class NonHuggingFaceModels
{
    /// <summary>Opens a GGUF file, a llama2.c file or a folder of Meta's; null for anything else.</summary>
    public static INonHuggingFaceModel? Open(string path) =>
        Directory.Exists(path) ? MetaCheckpoint.Looks(path) ? MetaCheckpoint.Open(path) : null
        : !File.Exists(path) ? null
        : GgufHeader.Looks(path) ? GgufModel.Open(path)
        : Llama2cFile.Looks(path) ? Llama2cFile.Open(path) : null;
}
