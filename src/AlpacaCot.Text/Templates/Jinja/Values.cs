using System.Diagnostics.CodeAnalysis;

namespace AlpacaCot.Text.Templates.Jinja;

// Values of a template are .NET objects: null, bool, long, double, string, List<object?>, object?[] (a tuple), Dict, and these.

/// <summary>A missing name or member: empty when printed or iterated, an error in any other
/// use.</summary>
/// <param name="What">Description for messages.</param>
internal sealed record Undefined(string What)
{
    public JinjaException Error() => new(What);
}

/// <summary>Insertion-ordered dictionary; keys are strings, numbers or booleans, compared as in Python (1, 1.0 and true are
/// equal).</summary>
internal sealed class Dict() : OrderedDictionary<object, object?>(KeyComparer.Instance)
{
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? x, object? y) => Plain(x!).Equals(Plain(y!));

        public int GetHashCode([DisallowNull] object obj) => Plain(obj).GetHashCode();

        private static object Plain(object key) => key switch
        {
            bool b => b ? 1L : 0L,
            double d when d == Math.Floor(d) && Math.Abs(d) < 1e15 => (long)d,
            _ => key,
        };
    }

    /// <summary>Checks that a value can be a key.</summary>
    /// <exception cref="JinjaException">The type is not hashable here.</exception>
    public static object Key(object? value) => value is string or long or double or bool ? value
        : throw new JinjaException($"a {Python.TypeName(value)} cannot be a key; use a string, number or boolean");
}

/// <summary>Precomputed items that can be iterated once, like a Python generator: truthy, without length or
/// index.</summary>
internal sealed class Generator(IReadOnlyList<object?> items)
{
    private bool _isSpent;

    public IReadOnlyList<object?> Take()
    {
        if (_isSpent) return [];
        _isSpent = true;
        return items;
    }
}

/// <summary>A read-only view such as Python's <c>range</c> or <c>dict.items()</c>, with its own printed form.</summary>
internal sealed record View(string Kind, string Form, IReadOnlyList<object?> Items)
{
    public bool CanIndex => Kind == "range";
}

/// <summary>A callable value.</summary>
internal sealed record Function(string Name, Func<Arguments, object?> Run);

/// <summary>Variables that retain assignments made inside a loop.</summary>
internal sealed class Namespace
{
    public Dict Members { get; } = [];
}

/// <summary>The <c>loop</c> variable.</summary>
internal sealed class LoopState(IReadOnlyList<object?> items, int depth)
{
    private object?[]? _last;

    public int Index { get; set; }

    public Function? Recurse { get; init; }

    public int Depth => depth;

    public object? Member(string name) => name switch
    {
        "index" => Index + 1L,
        "index0" => (long)Index,
        "revindex" => (long)items.Count - Index,
        "revindex0" => items.Count - Index - 1L,
        "first" => Index == 0,
        "last" => Index == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => depth + 1L,
        "depth0" => (long)depth,
        "previtem" => Index > 0 ? items[Index - 1] : new Undefined("there is no previous item"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("there is no next item"),
        "cycle" => new Function("cycle", a => a.Positional.Count > 0 ? a.Positional[Index % a.Positional.Count]
            : throw new JinjaException("loop.cycle requires items")),
        "changed" => new Function("changed", a => Changed([.. a.Positional], a.Budget)),
        _ => new Undefined($"'loop' has no attribute '{name}'"),
    };

    private bool Changed(object?[] now, Budget budget)
    {
        if (_last is not null && Python.AreEqual(_last, now, budget)) return false;
        _last = now;
        return true;
    }
}
