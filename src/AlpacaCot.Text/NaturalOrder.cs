namespace AlpacaCot.Text;

/// <summary>Orders names by their characters and their numbers by value: <c>checkpoint-200</c> before
/// <c>checkpoint-1000</c>.</summary>
public sealed class NaturalOrder : IComparer<string>
{
    /// <summary>The order.</summary>
    public static NaturalOrder Instance { get; } = new();

    private NaturalOrder() { }

    /// <inheritdoc/>
    public int Compare(string? x, string? y)
    {
        if (x is null || y is null) return string.CompareOrdinal(x, y);
        var (i, j) = (0, 0);
        while (i < x.Length && j < y.Length)
        {
            int order;
            if (char.IsAsciiDigit(x[i]) && char.IsAsciiDigit(y[j]))
            {
                var one = Digits(x, ref i);
                var other = Digits(y, ref j);
                order = one.Length != other.Length ? one.Length - other.Length : one.CompareTo(other, StringComparison.Ordinal);
            }
            else order = x[i++] - y[j++];
            if (order != 0) return order;
        }
        var left = (x.Length - i) - (y.Length - j);
        return left != 0 ? left : string.CompareOrdinal(x, y); // 007 and 7
    }

    // The digits of a number without leading zeros.
    private static ReadOnlySpan<char> Digits(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        return text.AsSpan(start, at - start).TrimStart('0');
    }
}
