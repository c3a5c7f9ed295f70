using System.Text.RegularExpressions;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Tests;

/// <summary>How a record of a <see cref="PlantedSet"/> came to be.</summary>
public enum Planted
{
    /// <summary>A real record.</summary>
    Base,

    /// <summary>A real record once more.</summary>
    Exact,

    /// <summary>A real record with words exchanged, so that the Jaccard similarity is 0.8 or a little more.</summary>
    Near,

    /// <summary>A real record with so many words exchanged that it is below 0.5.</summary>
    Far,
}

/// <summary>
/// Real records, and repetitions and perturbations of them whose similarity is known: computed here once more, plainly, from the
/// definition. Any record can be made again from its number. The benchmark and the tests share it.
/// </summary>
public sealed partial class PlantedSet(IReadOnlyList<Conversation> bases, int count)
{
    public int Count => count;

    public int Bases => bases.Count;

    /// <summary>All records in order: the real ones first. The origin of each is its number.</summary>
    public IEnumerable<Conversation> Records() => Enumerable.Range(0, count).Select(number => Record(number).Made);

    /// <summary>The record with a number, what it is, and the number of the real record behind it.</summary>
    public (Conversation Made, Planted Kind, int Base) Record(int number)
    {
        if (number < bases.Count) return (Named(bases[number], number), Planted.Base, number);
        var random = new DeterministicRandom(number);
        var from = random.NextInt(bases.Count);
        var wanted = random.NextInt(5) switch { 0 => Planted.Exact, 1 or 2 => Planted.Near, _ => Planted.Far };
        if (wanted != Planted.Exact && Perturbed(bases[from], wanted, random) is { } made) return (Named(made, number), wanted,
            from);
        return (Named(bases[from], number), Planted.Exact, from);
    }

    /// <summary>
    /// Jaccard's similarity of the sets of three words, or five characters of Chinese, in a row, as its definition says.
    /// </summary>
    public static double Jaccard(Conversation a, Conversation b)
    {
        var (x, y) = (Grams(a), Grams(b));
        var shared = x.Count(y.Contains);
        return shared / (double)(x.Count + y.Count - shared);
    }

    private static HashSet<string> Grams(Conversation conversation)
    {
        var grams = new HashSet<string>();
        var text = string.Join('\n', conversation.Turns.Select(turn => $"{turn.Text}\n{turn.Input}")).ToLowerInvariant();
        var units = Unit().Matches(text).Select(unit => unit.Value).ToArray();
        for (int start = 0, end; start < units.Length; start = end)
        {
            for (end = start; end < units.Length && IsHan(units[end]) == IsHan(units[start]); end++) { }
            var size = Math.Min(IsHan(units[start]) ? 5 : 3, end - start);
            for (var i = start; i + size <= end; i++) grams.Add(string.Join(' ', units[i..(i + size)]));
        }
        return grams;
    }

    private static Conversation? Perturbed(Conversation original, Planted wanted, DeterministicRandom random)
    {
        var chinese = IsChinese(string.Concat(original.Turns.Select(turn => turn.Text)));
        var texts = original.Turns.Select(turn => chinese ? turn.Text.Select(c => $"{c}").ToArray()
            : turn.Text.Split(' ')).ToArray();
        var words = texts.Sum(text => text.Length);
        // A change touches as many shingles as one is long: of n, k changes leave (n - k s) / (n + k s).
        var size = chinese ? 5 : 3;
        var changes = wanted == Planted.Near ? words / (9 * size) : words / (3 * size) + 2;
        for (; changes > 0 && words > 8; changes += wanted == Planted.Near ? -1 : 2)
        {
            var changed = Array.ConvertAll(texts, text => (string[])text.Clone());
            for (var k = 0; k < changes; k++)
            {
                // Spread, so that changes do not fall together.
                var place = (int)((k + random.NextDouble()) * words / changes);
                var text = 0;
                while (place >= changed[text].Length) place -= changed[text++].Length;
                changed[text][place] = chinese ? $"{(char)('一' + random.NextInt(20_000))}" : $"w{random.NextInt(1_000_000)}";
            }
            var made = new Conversation([.. original.Turns.Zip(changed, (turn, text) =>
                turn with { Text = string.Join(chinese ? "" : " ", text) })]);
            var similarity = Jaccard(original, made);
            if (wanted == Planted.Near ? similarity >= 0.8 : similarity < 0.5) return made;
            if (changes > words) return null;
        }
        return null;
    }

    private static Conversation Named(Conversation conversation, int number) => conversation with { Origin = $"{number}" };

    private static bool IsChinese(string text) => 3 * text.Count(c => c is >= '一' and <= '鿿') > text.Length;

    private static bool IsHan(string unit) => unit[0] is >= '一' and <= '鿿';

    [GeneratedRegex(@"([-+*/=<>^%$#@&|~\\])\1*|[\u4E00-\u9FFF]|[\p{L}\p{M}\p{N}_-[\u4E00-\u9FFF]]+")]
    private static partial Regex Unit();
}
