using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Quantization;
using Spectre.Console;
using static TorchSharp.torch;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>Loads a model with a word about it on a terminal, where it takes long enough to wonder.</summary>
internal static class ModelLoading
{
    /// <param name="path">The model.</param>
    /// <param name="adapter">An adapter, or null.</param>
    /// <param name="template">A prompt template, or null.</param>
    /// <param name="tokenizer">A tokenizer that is not in the model folder, or null.</param>
    /// <param name="terminal">Where the word goes.</param>
    /// <param name="weights">How matrices are kept (<see cref="Options.Weights"/>); null: as stored.</param>
    /// <param name="quantization">How linear layers are quantized while loading; null: as stored.</param>
    public static LanguageModel Load(string? path, string? adapter, string? template, string? tokenizer, Terminal terminal,
        string? weights = null, string? quantization = null)
    {
        if (path is null) throw new Text.InputException("no model: add --model DIR");
        if (weights is not null && QuantizationOptions.Parse(quantization) is not null)
            throw new Text.InputException(
                $"--weights {weights} and --quantization {quantization} are two ways of keeping weights; choose one");
        LanguageModel Load()
        {
            var storage = weights switch { "fp32" => ScalarType.Float32, "bf16" => ScalarType.BFloat16, _ => (ScalarType?)null };
            var loaded = LanguageModel.Load(path, adapter, template, tokenizer, storage,
                QuantizationOptions.Parse(quantization));
            if (weights is "int8" or "int4") loaded.Model.RoundWeights(weights == "int8" ? 8 : 4);
            return loaded;
        }
        return terminal.ErrorIsTerminal
            ? terminal.ErrorConsole.Status().Start($"loading {Markup.Escape(path)}", _ => Load()) : Load();
    }

    /// <summary>Says on standard error which template is used and why.</summary>
    public static void SayTemplate(Text.Templates.ChatFormatChoice choice, Terminal terminal) =>
        terminal.ErrorConsole.MarkupLine($"[grey]template: {Markup.Escape(choice.Description)}[/]");

    /// <summary>Loads a smaller model that proposes tokens to <paramref name="model"/>, which owns it.</summary>
    public static void AddDraft(LanguageModel model, string? path, Terminal terminal)
    {
        if (path is null) return;
        var draft = Load(path, null, null, null, terminal);
        try
        {
            model.Draft = draft;
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }
}
