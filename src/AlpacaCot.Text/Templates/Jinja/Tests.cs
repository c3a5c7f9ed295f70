namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>The tests of <c>is</c> expressions.</summary>
internal static class Tests
{
    private static readonly string[] Comparisons =
        ["==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", ">=", "ge", "<", "lt", "lessthan", "<=", "le"];

    private static readonly Dictionary<string, Func<object?, Arguments, bool>> All = new()
    {
        ["boolean"] = (v, _) => v is bool,
        ["callable"] = (v, _) => v is Function,
        ["defined"] = (v, _) => v is not Undefined,
        ["divisibleby"] = (v, a) => Modulo(v, a.Bind("divisibleby", "num").Required("num"), a) == 0,
        ["escaped"] = (_, _) => false,
        ["even"] = (v, a) => Modulo(v, 2L, a) == 0,
        ["false"] = (v, _) => v is false,
        ["filter"] = (v, _) => v is string name && Filters.Exists(name),
        ["float"] = (v, _) => v is double,
        ["in"] = (v, a) => Python.Contains(a.Bind("in", "seq").Required("seq"), v, a.Budget),
        ["integer"] = (v, _) => v is long,
        ["iterable"] = (v, _) => Python.CanIterate(v),
        ["lower"] = (v, a) => Scanned(v, a) is var text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["mapping"] = (v, _) => v is Dict,
        ["none"] = (v, _) => v is null,
        ["number"] = (v, _) => v is bool or long or double,
        ["odd"] = (v, a) => Modulo(v, 2L, a) == 1,
        ["sameas"] = (v, a) => a.Bind("sameas", "other").Required("other") is var other && (ReferenceEquals(v, other)
            || (v is bool or long or string && other?.GetType() == v.GetType() && Python.AreEqual(v, other, a.Budget))),
        ["sequence"] = (v, _) => v is string or List<object?> or object?[] or Dict or Undefined or View { CanIndex: true },
        ["string"] = (v, _) => v is string,
        ["test"] = (v, _) => v is string name && Exists(name),
        ["true"] = (v, _) => v is true,
        ["undefined"] = (v, _) => v is Undefined,
        ["upper"] = (v, a) => Scanned(v, a) is var text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
    };

    private static bool Exists(string name) => All.ContainsKey(name) || Comparisons.Contains(name);

    /// <exception cref="JinjaException">An unknown test, or a value of the wrong type.</exception>
    public static bool Passes(string name, Interpreter interpreter, object? value, Arguments arguments)
    {
        arguments.Budget.Spend();
        if (All.TryGetValue(name, out var test)) return test(value, arguments);
        if (!Comparisons.Contains(name))
            throw new JinjaException($"unknown test '{name}'. "
                + Spelling.Suggestion(name, [.. All.Keys, .. Comparisons]));
        var symbol = name switch
        {
            "eq" or "equalto" => "==",
            "ne" => "!=",
            "gt" or "greaterthan" => ">",
            "ge" => ">=",
            "lt" or "lessthan" => "<",
            "le" => "<=",
            _ => name,
        };
        return Interpreter.Compare(symbol, value, arguments.Bind(name, "other").Required("other"), arguments.Budget);
    }

    private static string Scanned(object? value, Arguments arguments)
    {
        var text = PythonText.Of(value, arguments.Budget);
        arguments.Budget.SpendText(text.Length);
        return text;
    }

    private static double Modulo(object? value, object? by, Arguments arguments) =>
        value is string ? throw new JinjaException("odd and even require an integer, found a string")
            : Python.Number(Arithmetic.Apply("%", value, by, arguments.Budget))!.Value;
}
