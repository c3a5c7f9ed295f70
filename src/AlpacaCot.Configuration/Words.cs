namespace AlpacaCot.Configuration;

/// <summary>Maps the values of an enumeration to their names in files, for reading and writing.</summary>
/// <param name="pairs">Every value with its word.</param>
public sealed class Words<TEnum>(params (TEnum Value, string Word)[] pairs) where TEnum : struct, Enum
{
    /// <summary>The word of each value is its name in lower case: <c>Linear</c> is <c>linear</c>.</summary>
    public static Words<TEnum> LowerCase { get; } = new(
        [.. Enum.GetValues<TEnum>().Select(value => (value, value.ToString().ToLowerInvariant()))]);

    /// <summary>All words, in the order of declaration.</summary>
    public string[] All { get; } = [.. pairs.Select(pair => pair.Word)];

    /// <summary>The word for a value.</summary>
    public string Of(TEnum value) => Array.Find(pairs, pair => pair.Value.Equals(value)).Word;

    /// <summary>The value of a word; null for another word.</summary>
    public TEnum? Find(string word) => Array.FindIndex(pairs, pair => pair.Word == word) is >= 0 and var at
        ? pairs[at].Value : null;
}
