namespace AlpacaCot.Evaluation.Metrics;

/// <summary>Full-width letters and digits, common in Chinese text, are the same letters and digits.</summary>
internal static class Widths
{
    /// <summary>The text with full-width letters, digits and signs as the ordinary ones; of the same length.</summary>
    public static string Narrow(string text) =>
        string.Create(text.Length, text, (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++)
                narrow[i] = wide[i] is >= '！' and <= '～' ? (char)(wide[i] - '！' + '!') : wide[i] == '　' ? ' ' : wide[i];
        });
}
