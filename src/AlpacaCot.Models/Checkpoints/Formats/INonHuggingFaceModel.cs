using System.Text.Json;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>A checkpoint of another form, seen as Hugging Face's: its configuration, names and layout of tensors.</summary>
internal interface INonHuggingFaceModel : ITensorFile
{
    /// <summary>What <c>config.json</c> would say.</summary>
    JsonElement Config { get; }
}

/// <summary>The other forms of a model.</summary>
internal static class NonHuggingFaceModels
{
    /// <summary>Opens a GGUF file, a llama2.c file or a folder of Meta's; null for anything else.</summary>
    public static INonHuggingFaceModel? Open(string path) =>
        Directory.Exists(path) ? MetaCheckpoint.Looks(path) ? MetaCheckpoint.Open(path) : null
        : !File.Exists(path) ? null
        : GgufHeader.Looks(path) ? GgufModel.Open(path)
        : Llama2cFile.Looks(path) ? Llama2cFile.Open(path) : null;
}
