namespace AlpacaCot.Evaluation.Metrics;

/// <summary>Conversion of full-width letters and digits, common in Chinese text.</summary>
internal static class Widths
{
    /// <summary>Replaces full-width letters, digits and symbols by ASCII; the length is unchanged.</summary>
    public static string Narrow(string text) =>
        string.Create(text.Length, text, (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++)
                narrow[i] = wide[i] is >= '！' and <= '～' ? (char)(wide[i] - '！' + '!') : wide[i] == '　' ? ' ' : wide[i];
        });
}
