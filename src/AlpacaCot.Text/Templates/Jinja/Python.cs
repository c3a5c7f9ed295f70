using System.Globalization;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Python semantics of values: truth, order, length, iteration.</summary>
internal static class Python
{
    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long => "int",
        double => "float",
        string => "str",
        List<object?> => "list",
        object?[] => "tuple",
        Dict => "dict",
        Generator => "generator",
        View view => view.Kind,
        Namespace => "Namespace",
        LoopState => "LoopContext",
        Function => "function",
        _ => "Undefined",
    };

    public static bool IsTrue(object? value, Budget budget) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        LoopState or Function or Namespace or Generator => true,
        _ => Length(value, budget) > 0,
    };

    /// <summary>Converts a number of any type; null for other values.</summary>
    public static double? Number(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    /// <summary>Whether a value is an integer; booleans are, as in Python.</summary>
    public static bool IsInteger(object? value, out long number)
    {
        number = value is long whole ? whole : value is true ? 1 : 0;
        return value is long or bool;
    }

    public static bool AreEqual(object? left, object? right, Budget budget)
    {
        budget.Descend();
        if (IsInteger(left, out var a) && IsInteger(right, out var b)) return a == b;
        if (Number(left) is { } x && Number(right) is { } y) return x == y;
        return (left, right) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (string s, string t) => SameText(s, t, budget),
            (List<object?> s, List<object?> t) => SameItems(s, t, budget),
            (object?[] s, object?[] t) => SameItems(s, t, budget),
            (View s, View t) => s.Kind == t.Kind && SameItems(s.Items, t.Items, budget),
            (Dict s, Dict t) => s.Count == t.Count
                && s.All(item => t.TryGetValue(Charged(item.Key, budget), out var other) && AreEqual(item.Value, other, budget)),
            _ => ReferenceEquals(left, right),
        };
    }

    private static bool SameText(string left, string right, Budget budget)
    {
        if (left.Length != right.Length) return false;
        budget.SpendText(left.Length);
        return left == right;
    }

    /// <summary>A key of a dict, charged for the time of its hash.</summary>
    public static object Charged(object key, Budget budget)
    {
        if (key is string text) budget.SpendText(text.Length);
        return key;
    }

    private static bool SameItems(IReadOnlyList<object?> left, IReadOnlyList<object?> right, Budget budget)
    {
        if (left.Count != right.Count) return false;
        for (var i = 0; i < left.Count; i++)
            if (!AreEqual(left[i], right[i], budget)) return false;
        return true;
    }

    /// <summary>Compares two ordered values; negative, 0 or positive.</summary>
    public static int Compare(object? left, object? right, string symbol, Budget budget)
    {
        budget.Descend();
        if (IsInteger(left, out var a) && IsInteger(right, out var b)) return a.CompareTo(b);
        if (Number(left) is { } x && Number(right) is { } y) return x.CompareTo(y);
        switch (left, right)
        {
            case (string s, string t):
                budget.SpendText(Math.Min(s.Length, t.Length));
                return CompareText(s, t);
            case (List<object?> or object?[], List<object?> or object?[]) when left!.GetType() == right!.GetType():
                var (first, second) = ((IReadOnlyList<object?>)left, (IReadOnlyList<object?>)right);
                for (var i = 0; i < Math.Min(first.Count, second.Count); i++)
                    if (!AreEqual(first[i], second[i], budget)) return Compare(first[i], second[i], symbol, budget);
                return first.Count.CompareTo(second.Count);
        }
        if ((left as Undefined ?? right as Undefined) is { } missing) throw missing.Error();
        throw new JinjaException($"'{symbol}' is not defined between a {TypeName(left)} and a {TypeName(right)}");
    }

    /// <summary>Compares by code points; UTF-16 order differs for supplementary characters.</summary>
    private static int CompareText(string left, string right)
    {
        var common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length) return left.Length.CompareTo(right.Length);
        var (a, b) = (left[common], right[common]);
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }

    public static bool Contains(object? container, object? item, Budget budget)
    {
        switch (container)
        {
            case string text:
                return item switch
                {
                    string part => Searched(text, part, budget).Contains(part, StringComparison.Ordinal),
                    Undefined missing => throw missing.Error(),
                    _ => throw new JinjaException($"'in' on a string requires a string, found a {TypeName(item)}"),
                };
            case Dict dict:
                return item is not (null or Undefined) && dict.ContainsKey(Charged(Dict.Key(item), budget));
            default:
                foreach (var candidate in Items(container, budget))
                    if (AreEqual(candidate, item, budget)) return true;
                return false;
        }
    }

    private static string Searched(string text, string part, Budget budget)
    {
        budget.SpendSearch(text.Length, part.Length);
        return text;
    }

    private static long Counted(string text, Budget budget)
    {
        budget.SpendText(text.Length);
        return CodePoints.Count(text);
    }

    /// <summary>Number of items; for a string, of code points.</summary>
    public static long Length(object? value, Budget budget) => value switch
    {
        string text => Counted(text, budget),
        List<object?> list => list.Count,
        object?[] tuple => tuple.Length,
        Dict dict => dict.Count,
        View view => view.Items.Count,
        LoopState loop => (long)loop.Member("length")!,
        Undefined => 0,
        _ => throw new JinjaException($"a {TypeName(value)} has no length"),
    };

    public static bool CanIterate(object? value) => value is string or List<object?> or object?[] or Dict or Generator or View
        or Undefined;

    /// <summary>Items of an iteration: characters of a string, keys of a dict.</summary>
    public static IReadOnlyList<object?> Items(object? value, Budget budget)
    {
        IReadOnlyList<object?> items = value switch
        {
            List<object?> list => list,
            object?[] tuple => tuple,
            Dict dict => [.. dict.Keys],
            View view => view.Items,
            Generator generator => generator.Take(),
            string text => CodePoints.Each(text, budget),
            Undefined => [],
            _ => throw new JinjaException($"a {TypeName(value)} is not iterable"),
        };
        budget.SpendItems(items.Count);
        return items;
    }

    public static string Invariant(long number) => number.ToString(CultureInfo.InvariantCulture);
}
