using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Templates;

/// <summary>The texts of BOS and EOS in a chat template.</summary>
/// <param name="Bos">The text of BOS; empty for none.</param>
/// <param name="Eos">The text of EOS; empty for none.</param>
internal readonly record struct RoleTokens(string Bos, string Eos)
{
    /// <summary>The tokens of a model or tokenizer.</summary>
    /// <param name="path">A folder, a tokenizer file or a GGUF file.</param>
    /// <param name="tokenizer">The loaded tokenizer, which may have BOS and EOS that no configuration names; null for
    /// none.</param>
    public static RoleTokens Of(string path, Tokenizer? tokenizer = null)
    {
        if (!Directory.Exists(path) && File.Exists(path) && GgufHeader.Looks(path)) return Of(GgufTokenizer.Read(path));
        var config = TokenizerConfig.Beside(Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!);
        return new(config.Bos ?? (tokenizer is { AddsBos: true, BosId: { } bos } ? tokenizer.IdToToken(bos) : ""),
            config.Eos ?? (tokenizer is { EosId: { } eos } ? tokenizer.IdToToken(eos) : ""));
    }

    /// <summary>The tokens of a GGUF file's tokenizer.</summary>
    public static RoleTokens Of(GgufTokenizer tokenizer) =>
        new(tokenizer.Bos is { } bos ? tokenizer.Tokens[bos] : "", tokenizer.Eos is { } eos ? tokenizer.Tokens[eos] : "");
}
