using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Normalization forms of Unicode Standard Annex 15, from an embedded table: without ICU, .NET does not normalize, and a
/// tokenizer must not depend on installed libraries.
/// </summary>
internal sealed class UnicodeForms
{
    private const int HangulFirst = 0xAC00, LeadFirst = 0x1100, VowelFirst = 0x1161, TailFirst = 0x11A7;
    private const int Vowels = 21, Tails = 28, Syllables = 19 * Vowels * Tails;

    private static readonly Lazy<UnicodeForms> Tables = new(() => new UnicodeForms());

    private readonly Dictionary<int, int[]> _canonical = [];
    private readonly Dictionary<int, int[]> _compatible = [];
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<(int, int), int> _compositions = [];

    // Characters of the BMP that a form may change or compose with the preceding one; one bit per form.
    private readonly byte[] _touched = new byte[0x10000];

    private UnicodeForms()
    {
        using var stream = typeof(UnicodeForms).Assembly.GetManifestResourceStream("UnicodeForms.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line[0] != '#') AddLine(line.Split(';'));
        }
        var seconds = _compositions.Keys.Select(pair => pair.Item2).ToHashSet();
        for (var c = 0; c < _touched.Length; c++)
        {
            foreach (var form in Enum.GetValues<NormalizationForm>())
            {
                if (IsTouched(c, form, seconds)) _touched[c] |= Bit(form);
            }
        }
    }

    /// <summary>Returns the text in a normalization form.</summary>
    public static string Normalize(string text, NormalizationForm form)
    {
        // Characters below U+00A0 are unchanged in every form.
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', '\u009F') < 0) return text;
        return Tables.Value.Apply(text, form);
    }

    private void AddLine(string[] fields)
    {
        var code = Hex(fields[0]);
        if (fields[1] != "0") _classes[code] = byte.Parse(fields[1], CultureInfo.InvariantCulture);
        if (fields[2].Length == 0) return;
        var mark = fields[2][0];
        int[] parts = [.. fields[2].TrimStart('~', '!').Split(' ').Select(Hex)];
        _compatible[code] = parts;
        if (mark == '~') return;
        _canonical[code] = parts;
        if (mark != '!' && parts.Length == 2) _compositions[(parts[0], parts[1])] = code;
    }

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static byte Bit(NormalizationForm form) => form switch
    {
        NormalizationForm.FormC => 1,
        NormalizationForm.FormD => 2,
        NormalizationForm.FormKC => 4,
        _ => 8,
    };

    private static bool Composes(NormalizationForm form) => form is NormalizationForm.FormC or NormalizationForm.FormKC;

    private bool IsTouched(int c, NormalizationForm form, HashSet<int> seconds)
    {
        if (c is >= 0xD800 and <= 0xDFFF || _classes.ContainsKey(c)) return true;
        if (Composes(form) && (seconds.Contains(c) || c is >= VowelFirst and <= 0x11FF)) return true;
        if (!Table(form).ContainsKey(c) && (Composes(form) || !IsHangul(c))) return false;
        var text = ((char)c).ToString();
        return Run(text, form) != text;
    }

    private Dictionary<int, int[]> Table(NormalizationForm form) =>
        form is NormalizationForm.FormKC or NormalizationForm.FormKD ? _compatible : _canonical;

    private string Apply(string text, NormalizationForm form)
    {
        var bit = Bit(form);
        foreach (var c in text)
        {
            if ((_touched[c] & bit) != 0) return Run(text, form);
        }
        return text;
    }

    private string Run(string text, NormalizationForm form)
    {
        var table = Table(form);
        var scalars = new List<int>(text.Length + 8);
        for (var i = 0; i < text.Length;)
        {
            Decompose(Characters.At(text, i, out var length), table, scalars);
            i += length;
        }
        Order(scalars);
        if (Composes(form)) Compose(scalars);
        var result = new StringBuilder(scalars.Count);
        foreach (var scalar in scalars) result.Append(new Rune(scalar).ToString());
        return result.ToString();
    }

    private static bool IsHangul(int c) => c is >= HangulFirst and < HangulFirst + Syllables;

    private static void Decompose(int c, Dictionary<int, int[]> table, List<int> into)
    {
        if (IsHangul(c))
        {
            var index = c - HangulFirst;
            into.Add(LeadFirst + index / (Vowels * Tails));
            into.Add(VowelFirst + index % (Vowels * Tails) / Tails);
            if (index % Tails > 0) into.Add(TailFirst + index % Tails);
        }
        else if (table.TryGetValue(c, out var parts))
        {
            foreach (var part in parts) Decompose(part, table, into);
        }
        else
        {
            into.Add(c);
        }
    }

    // Sort marks between two starters by combining class, stably.
    private void Order(List<int> scalars)
    {
        for (var i = 0; i < scalars.Count; i++)
        {
            if (Class(scalars[i]) == 0) continue;
            var end = i + 1;
            while (end < scalars.Count && Class(scalars[end]) != 0) end++;
            if (end > i + 1)
            {
                var ordered = scalars.GetRange(i, end - i).OrderBy(Class).ToList();
                for (var j = 0; j < ordered.Count; j++) scalars[i + j] = ordered[j];
            }
            i = end - 1;
        }
    }

    private byte Class(int scalar) => scalar < 0x300 ? (byte)0 : _classes.GetValueOrDefault(scalar);

    private void Compose(List<int> scalars)
    {
        var (kept, starter, lastClass) = (0, -1, (byte)0);
        foreach (var scalar in scalars.ToArray())
        {
            var kind = Class(scalar);
            // A mark composes with its starter only across marks of lower classes.
            var adjacent = starter >= 0 && (kept == starter + 1 || (lastClass != 0 && lastClass < kind));
            if (adjacent && Pair(scalars[starter], scalar) is { } composed)
            {
                scalars[starter] = composed;
                continue;
            }
            if (kind == 0) starter = kept;
            lastClass = kind;
            scalars[kept++] = scalar;
        }
        scalars.RemoveRange(kept, scalars.Count - kept);
    }

    private int? Pair(int first, int second)
    {
        if (first is >= LeadFirst and < LeadFirst + 19 && second is >= VowelFirst and < VowelFirst + Vowels)
            return HangulFirst + ((first - LeadFirst) * Vowels + second - VowelFirst) * Tails;
        if (IsHangul(first) && (first - HangulFirst) % Tails == 0 && second is > TailFirst and < TailFirst + Tails)
            return first + second - TailFirst;
        return _compositions.TryGetValue((first, second), out var composed) ? composed : null;
    }
}
