namespace AlpacaCot.World;

internal enum Language { English, Chinese }

/// <summary>A word in both languages.</summary>
/// <param name="Measure">Chinese measure word of a countable noun.</param>
internal sealed record Word(string English, string Chinese, string Measure = "个")
{
    public string In(Language language) => language is Language.English ? English : Chinese;

    public static Word Number(int value) => new($"{value}", $"{value}");

    /// <summary>"bean soup 豆汤, apple pie 苹果派": the Chinese word follows the last space.</summary>
    public static Word[] List(string words) =>
        [.. words.Split(',', StringSplitOptions.TrimEntries).Select(w => (Text: w, At: w.LastIndexOf(' ')))
            .Select(w => new Word(w.Text[..w.At], w.Text[(w.At + 1)..]))];
}
