using AlpacaCot.Cli.Output;
using AlpacaCot.Text.Tokenization;
using Spectre.Console;

namespace AlpacaCot.Cli.Screens;

/// <summary>The use of a token in training.</summary>
internal enum TokenKind
{
    /// <summary>Not part of a training example.</summary>
    Plain,

    /// <summary>Counts in the loss.</summary>
    Supervised,

    /// <summary>Input only; does not count in the loss.</summary>
    Masked,

    /// <summary>Removed because it is beyond the cutoff length.</summary>
    Cut,
}

/// <summary>A token to show.</summary>
internal readonly record struct TokenChip(int Id, TokenKind Kind);

/// <summary>
/// Shows tokens as coloured text with their ids below; neighbours differ in shade.
/// </summary>
internal static class TokenChips
{
    private static readonly Dictionary<TokenKind, (string Even, string Odd, string Ids)> Styles = new()
    {
        [TokenKind.Plain] = ("white on grey30", "white on grey42", "grey"),
        [TokenKind.Supervised] = ("white on green4", "white on darkgreen", "green"),
        [TokenKind.Masked] = ("grey89 on grey27", "grey89 on grey37", "grey"),
        [TokenKind.Cut] = ("red strikethrough on grey11", "red strikethrough on grey15", "red"),
    };

    /// <summary>Whether the output is a terminal with colours; otherwise commands print a list.</summary>
    public static bool Fit(Terminal terminal) => terminal.Console.Profile.Capabilities.ColorSystem != ColorSystem.NoColors;

    public static void Show(Tokenizer tokenizer, IReadOnlyList<TokenChip> tokens, Terminal terminal)
    {
        var (text, ids) = (new Paragraph(), new Paragraph());
        foreach (var (i, token) in tokens.Index())
        {
            var (even, odd, idStyle) = Styles[token.Kind];
            text.Append(Visible(tokenizer, token.Id).Replace("↵", "↵\n", StringComparison.Ordinal),
                Style.Parse(i % 2 == 0 ? even : odd));
            ids.Append(token.Id.ToString(System.Globalization.CultureInfo.InvariantCulture), Style.Parse(idStyle));
            ids.Append(" ");
        }
        terminal.Console.Write(text);
        terminal.Console.WriteLine();
        terminal.Console.WriteLine();
        terminal.Console.Write(ids);
        terminal.Console.WriteLine();
    }

    /// <summary>Prints a legend of the colours.</summary>
    public static void Legend(IEnumerable<TokenKind> kinds, Terminal terminal)
    {
        var names = new Dictionary<TokenKind, string>
        {
            [TokenKind.Supervised] = "supervised: counts in the loss", [TokenKind.Masked] = "masked: input only",
            [TokenKind.Cut] = "cut: beyond the cutoff length",
        };
        terminal.Console.MarkupLine(string.Join("   ", kinds.Where(names.ContainsKey)
            .Select(k => $"[{Styles[k].Even}] {names[k]} [/]")));
    }

    /// <summary>A token's text with its spaces and line feeds visible.</summary>
    public static string Visible(Tokenizer tokenizer, int id)
    {
        var raw = tokenizer.IdToToken(id);
        if (tokenizer.IsSpecial(id)) return raw;
        // SentencePiece marks spaces itself and drops a leading one from a piece alone; byte-level pieces need decoding.
        var text = raw.Contains('▁', StringComparison.Ordinal) ? raw.Replace('▁', ' ')
            : tokenizer.Decode([id], skipSpecial: false);
        if (text.Length == 0 || text.Contains('\ufffd', StringComparison.Ordinal)) return raw; // part of a character
        return string.Concat(text.Select(c => c switch
        {
            ' ' => "·",
            '\n' => "↵",
            '\t' => "→",
            '\r' => "␍",
            _ when char.IsControl(c) => $"\\u{(int)c:x4}",
            _ => c.ToString(),
        }));
    }
}
