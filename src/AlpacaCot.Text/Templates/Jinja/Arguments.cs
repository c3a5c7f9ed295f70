namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Evaluated arguments of a call.</summary>
internal sealed record Arguments(Budget Budget, IReadOnlyList<object?> Positional, IReadOnlyDictionary<string, object?> Named)
{
    /// <summary>Binds positional and named arguments to parameters.</summary>
    /// <param name="function">Name of the function, for messages.</param>
    /// <param name="names">Names of the parameters, in order.</param>
    /// <exception cref="JinjaException">Too many arguments, or an unknown one.</exception>
    public Bound Bind(string function, params string[] names)
    {
        if (Positional.Count > names.Length)
            throw new JinjaException($"{function} takes {names.Length} arguments at most, found {Positional.Count}");
        var values = new Dictionary<string, object?>();
        for (var i = 0; i < Positional.Count; i++) values[names[i]] = Positional[i];
        foreach (var (name, value) in Named)
        {
            if (!names.Contains(name)) throw new JinjaException($"{function} has no argument '{name}'");
            if (!values.TryAdd(name, value)) throw new JinjaException($"{function} received the argument '{name}' twice");
        }
        return new Bound(function, values, Budget);
    }
}

/// <summary>Arguments by name, with typed access and defaults.</summary>
internal sealed class Bound(string function, Dictionary<string, object?> values, Budget budget)
{
    public bool Has(string name) => values.ContainsKey(name);

    public object? Value(string name, object? standard = null) => values.TryGetValue(name, out var value) ? value : standard;

    public object? Required(string name) =>
        values.TryGetValue(name, out var value) ? value : throw new JinjaException($"{function} requires the argument '{name}'");

    /// <summary>An integer in the range of <c>int</c>.</summary>
    public int Int(string name, int? standard = null) => Value(name, (long?)standard) switch
    {
        long number => (int)Math.Clamp(number, int.MinValue, int.MaxValue),
        bool flag => flag ? 1 : 0,
        null when !Has(name) => throw new JinjaException($"{function} requires the argument '{name}'"),
        var other => throw new JinjaException($"{function}: {name} must be an integer, found a {Python.TypeName(other)}"),
    };

    public bool Flag(string name, bool standard = false) => Python.IsTrue(Value(name, standard), budget);

    /// <summary>A string; null if missing or none.</summary>
    public string? TextOrNone(string name) => Value(name) switch
    {
        null => null,
        string text => text,
        Undefined missing => throw missing.Error(),
        var other => throw new JinjaException($"{function}: {name} must be a string, found a {Python.TypeName(other)}"),
    };

    public string Text(string name, string? standard = null) => TextOrNone(name) ?? standard
        ?? throw new JinjaException($"{function} requires the argument '{name}'");
}
