using AlpacaCot.Cli.Output;
using AlpacaCot.Models;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using Spectre.Console;
using static TorchSharp.torch;

namespace AlpacaCot.Cli.CommandLine;

/// <summary>Loads models for commands, with a progress line on a terminal.</summary>
internal static class ModelLoading
{
    /// <param name="path">The model.</param>
    /// <param name="adapter">An adapter, or null.</param>
    /// <param name="template">A prompt template, or null.</param>
    /// <param name="tokenizer">A tokenizer that is not in the model folder, or null.</param>
    /// <param name="storage">Device, types and quantization of the weights.</param>
    /// <param name="terminal">Shows the progress line.</param>
    public static LanguageModel Load(string? path, string? adapter, string? template, string? tokenizer, ModelStorage storage,
        Terminal terminal)
    {
        if (path is null) throw new Text.InputException("no model is given; add --model PATH");
        LanguageModel Load()
        {
            ScalarType? type = storage.Weights switch
            {
                "fp32" => ScalarType.Float32, "bf16" => ScalarType.BFloat16, _ => null,
            };
            var loaded = LanguageModel.Load(path, adapter, template, tokenizer, type,
                QuantizationOptions.Parse(storage.Quantization), storage.Compute);
            if (storage.Weights is "int8" or "int4") loaded.Model.RoundWeights(storage.Weights == "int8" ? 8 : 4);
            return loaded;
        }
        var model = terminal.IsLive(json: true)
            ? terminal.ErrorConsole.Status().Start($"loading {Markup.Escape(path)}", _ => Load()) : Load();
        foreach (var note in model.Model.Notes) terminal.ErrorConsole.MarkupLine($"[grey]note: {Markup.Escape(note)}[/]");
        return model;
    }

    /// <summary>Prints on standard error which template is used and why.</summary>
    public static void ShowTemplate(Text.Templates.ChatFormatChoice choice, Terminal terminal) =>
        terminal.ErrorConsole.MarkupLine($"[grey]template: {Markup.Escape(choice.Description)}[/]");

    /// <summary>Loads a smaller model that proposes tokens to <paramref name="model"/>, which owns it.</summary>
    public static void AddDraft(LanguageModel model, string? path, Compute? compute, Terminal terminal)
    {
        if (path is null) return;
        var draft = Load(path, null, null, null, new(compute), terminal);
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
