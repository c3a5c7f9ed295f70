using AlpacaCot.Models;
using Spectre.Console;

namespace AlpacaCot.Cli;

/// <summary>Loads a model with a word about it on a terminal, where it takes long enough to wonder.</summary>
internal static class ModelLoading
{
    public static LanguageModel Load(string? path, string? adapter, string? template, string? tokenizer, Terminal terminal)
    {
        if (path is null) throw new Data.InputException("no model: add --model DIR");
        LanguageModel Load() => LanguageModel.Load(path, adapter, template, tokenizer);
        return terminal.ErrorIsTerminal
            ? terminal.ErrorConsole.Status().Start($"loading {Markup.Escape(path)}", _ => Load()) : Load();
    }

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
