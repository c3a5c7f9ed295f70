namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Python's arithmetic operators.</summary>
internal static class Arithmetic
{
    public static object? Apply(string symbol, object? left, object? right, Budget budget)
    {
        if (symbol == "%" && left is string format)
            return PythonFormat.Percent(format, right is object?[] tuple ? tuple : [right], right as Dict, budget);
        if ((left as Undefined ?? right as Undefined) is { } missing) throw missing.Error();
        try
        {
            if (Python.IsInteger(left, out var a) && Python.IsInteger(right, out var b)) return Whole(symbol, a, b);
        }
        catch (OverflowException)
        {
            throw new JinjaException($"the result of {left} {symbol} {right} is too large");
        }
        if (Python.Number(left) is { } x && Python.Number(right) is { } y) return Real(symbol, x, y);
        switch (symbol, left, right)
        {
            case ("+", string s, string t):
                budget.SpendText(s.Length + (long)t.Length);
                return s + t;
            case ("+", List<object?> s, List<object?> t):
                budget.SpendItems(s.Count + t.Count);
                return (List<object?>)[.. s, .. t];
            case ("+", object?[] s, object?[] t):
                budget.SpendItems(s.Length + t.Length);
                return (object?[])[.. s, .. t];
            case ("*", string or List<object?> or object?[], long or bool):
                return Repeat(left, right, budget);
            case ("*", long or bool, string or List<object?> or object?[]):
                return Repeat(right, left, budget);
        }
        throw new JinjaException($"'{symbol}' is not defined for a {Python.TypeName(left)} and a {Python.TypeName(right)}");
    }

    private static object Repeat(object sequence, object count, Budget budget)
    {
        Python.IsInteger(count, out var times);
        times = Math.Clamp(times, 0, int.MaxValue);
        if (sequence is string text)
        {
            budget.SpendText(text.Length * times);
            return text.Length == 0 ? "" : string.Concat(Enumerable.Repeat(text, (int)times));
        }
        var items = (IReadOnlyList<object?>)sequence;
        if (items.Count == 0) times = 0;
        budget.SpendItems(items.Count * times);
        var repeated = Enumerable.Repeat(items, (int)times).SelectMany(item => item);
        return sequence is List<object?> ? repeated.ToList() : repeated.ToArray();
    }

    private static object Whole(string symbol, long a, long b) => symbol switch
    {
        "/" => (object)(NotZero(b) ? (double)a / b : 0.0),
        "**" when b < 0 => NotZero(a) ? Math.Pow(a, b) : 0.0,
        _ => Integer(symbol, a, b),
    };

    private static long Integer(string symbol, long a, long b) => symbol switch
    {
        "+" => checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "//" => NotZero(b) ? checked(a / b) - (a % b != 0 && a < 0 != b < 0 ? 1 : 0) : 0,
        "%" => NotZero(b) && b != -1 ? a % b + (a % b != 0 && a < 0 != b < 0 ? b : 0) : 0,
        _ => Power(a, b),
    };

    private static long Power(long value, long exponent)
    {
        if (value is 0 or 1) return exponent == 0 ? 1 : value;
        if (value == -1) return exponent % 2 == 0 ? 1 : -1;
        var result = 1L;
        for (; exponent > 0; exponent--) result = checked(result * value);   // at most 63 iterations
        return result;
    }

    private static double Real(string symbol, double x, double y) => symbol switch
    {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => NotZero(y) ? x / y : 0,
        "//" => NotZero(y) ? Math.Floor(x / y) : 0,
        "%" => NotZero(y) ? x - y * Math.Floor(x / y) : 0,
        _ => Math.Pow(x, y),
    };

    private static bool NotZero(double divisor) => divisor != 0 ? true : throw new JinjaException("division by zero");

    public static object Negative(object? value, string symbol) => value switch
    {
        Undefined missing => throw missing.Error(),
        double number => (object)(symbol == "-" ? -number : number),
        _ when Python.IsInteger(value, out var whole) && whole != long.MinValue => symbol == "-" ? -whole : whole,
        _ => throw new JinjaException($"'{symbol}' is not defined for a {Python.TypeName(value)}"),
    };
}
