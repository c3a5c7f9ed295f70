using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Unicode forms of texts, independent of installed libraries.</summary>
public static class UnicodeText
{
    /// <summary>The composed form (NFC): an e with a separate accent becomes one character.</summary>
    public static string Composed(string text) => UnicodeForms.Normalize(text, NormalizationForm.FormC);
}
