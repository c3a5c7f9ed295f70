namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Evaluates <c>a.b</c>, <c>a['b']</c> and <c>a[1:2]</c>.</summary>
internal static class Members
{
    private static readonly string[] Forbidden =
        ["append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem"];

    /// <summary><c>a.b</c>: a method or property, else an item.</summary>
    public static object? Attribute(object? of, string name, Budget budget)
    {
        if (of is Undefined missing) throw missing.Error();
        return Property(of, name, budget) is not Undefined none ? Property(of, name, budget)
            : of is Dict dict && dict.TryGetValue(name, out var value) ? value : none;
    }

    /// <summary><c>a[b]</c>: an item, else a method or property.</summary>
    public static object? Item(object? of, object? key, Budget budget)
    {
        if (of is Undefined missing) throw missing.Error();
        if (of is Dict dict && key is string or long or double or bool
            && dict.TryGetValue(Python.Charged(key, budget), out var value)) return value;
        if (key is string name) return Property(of, name, budget);
        if (Python.IsInteger(key, out var index))
        {
            if (of is string text)
            {
                budget.SpendText(text.Length);
                var length = CodePoints.Count(text);
                if (index < 0) index += length;
                if (index >= 0 && index < length)
                    return text[CodePoints.Offset(text, (int)index)..CodePoints.Offset(text, (int)index + 1)];
            }
            else if (Sequence(of) is { } items)
            {
                if (index < 0) index += items.Count;
                if (index >= 0 && index < items.Count) return items[(int)index];
            }
        }
        return new Undefined(key is Undefined other ? other.What
            : $"the {Python.TypeName(of)} has no element {PythonText.Repr(key, budget)}");
    }

    public static object Part(object? of, long? start, long? stop, long? step, Budget budget)
    {
        if (of is Undefined missing) throw missing.Error();
        var items = of is string text ? CodePoints.Each(text, budget) : Sequence(of)
            ?? throw new JinjaException($"a {Python.TypeName(of)} cannot be sliced");
        if (step == 0) throw new JinjaException("the step of a slice cannot be 0");
        var stride = Math.Clamp(step ?? 1, -items.Count - 1, items.Count + 1);
        var (first, last) = stride > 0 ? (Clamped(start, 0, 0, items.Count), Clamped(stop, items.Count, 0, items.Count))
            : (Clamped(start, items.Count - 1, -1, items.Count - 1), Clamped(stop, -1, -1, items.Count - 1));
        var part = new List<object?>();
        for (var at = first; stride > 0 ? at < last : at > last; at += stride) part.Add(items[(int)at]);
        budget.SpendItems(part.Count);
        return of switch
        {
            string => string.Concat(part),
            object?[] => part.ToArray(),
            _ => part,
        };

        long Clamped(long? given, long standard, long least, long most) => given is not { } place ? standard
            : Math.Clamp(place < 0 ? place + items.Count : place, least, most);
    }

    private static IReadOnlyList<object?>? Sequence(object? value) => value switch
    {
        List<object?> list => list,
        object?[] tuple => tuple,
        View { CanIndex: true } view => view.Items,
        _ => null,
    };

    private static object? Property(object? of, string name, Budget budget)
    {
        var found = of switch
        {
            string text => StringMethods.Find(text, name),
            Dict dict => OfDict(dict, name),
            List<object?> or object?[] => OfSequence((IReadOnlyList<object?>)of, name),
            Namespace variables => variables.Members.TryGetValue(name, out var value) ? value : NotThere(),
            LoopState loop => loop.Member(name),
            Function function when name == "name" => function.Name,
            _ => NotThere(),
        };
        if (found is not null || of is Namespace or LoopState) return found;
        if (of is Dict or List<object?> && Forbidden.Contains(name) && !(of is Dict own && own.ContainsKey(name)))
        {
            return new Function(name, _ => throw new JinjaException(
                $"{name} would modify a {Python.TypeName(of)}; templates cannot modify values, use a namespace"));
        }
        return NotThere();

        Undefined NotThere() => new($"the {Python.TypeName(of)} has no attribute '{name}'");
    }

    private static Function? OfDict(Dict dict, string name)
    {
        return name switch
        {
            "items" => View("dict_items", () => dict.Select(item => (object?)new[] { item.Key, item.Value })),
            "keys" => View("dict_keys", () => dict.Keys),
            "values" => View("dict_values", () => dict.Values),
            "get" => new Function(name, arguments =>
            {
                var bound = arguments.Bind("get", "key", "default");
                var key = bound.Required("key");
                return key is string or long or double or bool
                    && dict.TryGetValue(Python.Charged(key, arguments.Budget), out var value)
                    ? value : bound.Value("default");
            }),
            "copy" => new Function(name, arguments => Copy(dict, arguments.Budget)),
            _ => null,
        };

        Function View(string kind, Func<IEnumerable<object?>> items) => new(name, arguments =>
        {
            arguments.Bind(name);
            arguments.Budget.SpendItems(dict.Count);
            return new View(kind, "", [.. items()]);
        });
    }

    private static Dict Copy(Dict dict, Budget budget)
    {
        budget.SpendItems(dict.Count);
        var copy = new Dict();
        foreach (var (key, value) in dict) copy[key] = value;
        return copy;
    }

    private static Function? OfSequence(IReadOnlyList<object?> items, string name) => name switch
    {
        "count" => new Function(name, arguments =>
        {
            var item = arguments.Bind("count", "value").Required("value");
            return (long)items.Count(other => Python.AreEqual(other, item, arguments.Budget));
        }),
        "index" => new Function(name, arguments =>
        {
            var item = arguments.Bind("index", "value").Required("value");
            for (var i = 0; i < items.Count; i++)
                if (Python.AreEqual(items[i], item, arguments.Budget)) return (long)i;
            throw new JinjaException("index: the item is not in the list");
        }),
        "copy" when items is List<object?> => new Function(name, arguments => Python.Items(items, arguments.Budget).ToList()),
        _ => null,
    };
}
