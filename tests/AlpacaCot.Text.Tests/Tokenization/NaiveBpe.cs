using System.Text;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>Byte-pair merging as the definition says it, in quadratic time: the yardstick for the fast one.</summary>
internal static class NaiveBpe
{
    /// <summary>Merges the best pair, the leftmost among equals (or, as a control, the rightmost), until none is left.</summary>
    public static List<string> Merge(IEnumerable<string> symbols, Func<string, string, double?> rank, bool rightToLeft = false)
    {
        var list = symbols.ToList();
        while (true)
        {
            var (best, at) = (double.PositiveInfinity, -1);
            for (var i = 0; i + 1 < list.Count; i++)
            {
                if (rank(list[i], list[i + 1]) is { } r && (r < best || (rightToLeft && r == best))) (best, at) = (r, i);
            }
            if (at < 0) return list;
            list[at] += list[at + 1];
            list.RemoveAt(at + 1);
        }
    }

    public static IEnumerable<string> Characters(string text) => text.EnumerateRunes().Select(rune => rune.ToString());

    /// <summary>The bytes of a text in GPT-2's alphabet, one string a byte.</summary>
    public static IEnumerable<string> ByteCharacters(string text)
    {
        var hidden = Enumerable.Range(0, 256).Where(b => b is < 0x21 or (> 0x7E and < 0xA1) or 0xAD).ToList();
        return Encoding.UTF8.GetBytes(text).Select(b => ((char)(hidden.IndexOf(b) is >= 0 and var n ? 0x100 + n : b)).ToString());
    }

    /// <summary>Ranks out of the merges of a <c>tokenizer.json</c> or of <c>merges.txt</c>.</summary>
    public static Func<string, string, double?> Ranks(IEnumerable<string> merges)
    {
        var ranks = new Dictionary<(string, string), double>();
        foreach (var merge in merges)
        {
            if (merge.Split(' ') is [var left, var right]) ranks[(left, right)] = ranks.Count;
        }
        return (left, right) => ranks.TryGetValue((left, right), out var rank) ? rank : null;
    }
}

/// <summary>Texts that look for trouble: runs, ties, halves of characters, every plane, markers.</summary>
internal static class Fuzz
{
    private static readonly string[] Alphabets =
    [
        "ab", " a", "=-", "\u2581 a", "hello world", "0123456789", "\t\n\r ", "éüßñ", "你好世界的了", "👩👧\u200D🙂", "𝔘𝔫𠀀",
        "'sStTrReEvVmMlLdD ſ", "\0\u0007\u007F", "\u00A0\u3000\u200B", "e\u0301\u0327", "\uAC00\uAC01\uD7A3\u1100\u1161",
        "abcdefghijklmnopqrstuvwxyz ", "{}[]();:.,!?\"'", "\uD800\uDC00\uDFFF",
    ];

    public static IEnumerable<string> Texts(int count, int seed = 1)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var text = new StringBuilder();
            for (var parts = random.Next(1, 6); parts > 0; parts--)
            {
                var runes = Alphabets[random.Next(Alphabets.Length)];
                for (var length = random.Next(1, 25); length > 0; length--)
                {
                    var at = random.Next(runes.Length);
                    if (char.IsLowSurrogate(runes[at]) && at > 0 && char.IsHighSurrogate(runes[at - 1])) at--;
                    text.Append(runes[at]);
                    var isHalf = char.IsHighSurrogate(runes[at]) && at + 1 < runes.Length;
                    if (isHalf && random.Next(8) > 0) text.Append(runes[at + 1]);
                }
            }
            yield return text.ToString();
        }
    }

    /// <summary>What a lone surrogate counts as.</summary>
    public static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
