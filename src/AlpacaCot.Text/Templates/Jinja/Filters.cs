using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Jinja2's filters that are useful in prompts, and <c>tojson</c> in Hugging Face's form.</summary>
internal static partial class Filters
{
    private delegate object? Run(Interpreter interpreter, object? value, Arguments arguments);

    private static readonly Dictionary<string, Run> All = new()
    {
        ["abs"] = (_, v, _) => v switch
        {
            double number => (object)Math.Abs(number),
            _ when Python.IsInteger(v, out var whole) && whole != long.MinValue => Math.Abs(whole),
            _ => throw new JinjaException($"abs requires a number, found a {Python.TypeName(v)}"),
        },
        ["attr"] = (_, v, a) => a.Bind("attr", "name").Text("name") is var name && v is Dict dict && dict.ContainsKey(name)
            ? new Undefined($"the dict has no attribute '{name}'") : Members.Attribute(v, name, a.Budget),
        ["batch"] = Batch,
        ["capitalize"] = (_, v, a) => StringMethods.Capitalize(Text(v, a)),
        ["center"] = (_, v, a) => a.Bind("center", "width").Int("width", 80) is var width
            ? StringMethods.Padded(Text(v, a), width, " ", "center", a.Budget) : null,
        ["count"] = (_, v, a) => Python.Length(v, a.Budget),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = DictSort,
        ["e"] = (_, v, a) => Escape(Text(v, a), a),
        ["escape"] = (_, v, a) => Escape(Text(v, a), a),
        ["first"] = (_, v, a) => Python.Items(v, a.Budget) is { Count: > 0 } items ? items[0]
            : new Undefined("first: the sequence is empty"),
        ["float"] = (_, v, a) => a.Bind("float", "default").Value("default", 0.0) is var standard && v is string text
            ? StringMethods.ParseNumber(text) ?? standard : Python.Number(v) ?? standard,
        ["forceescape"] = (_, v, a) => Escape(Text(v, a), a),
        ["format"] = (_, v, a) => PythonFormat.Percent(Text(v, a), a.Positional, Dictionary(a.Named), a.Budget),
        ["groupby"] = GroupBy,
        ["indent"] = Indent,
        ["int"] = Int,
        ["items"] = (_, v, a) => v switch
        {
            Dict dict when Python.Items(dict, a.Budget) is not null =>
                new Generator([.. dict.Select(item => (object?)new[] { item.Key, item.Value })]),
            Undefined => new Generator([]),
            _ => throw new JinjaException($"items requires a dict, found a {Python.TypeName(v)}"),
        },
        ["join"] = Join,
        ["last"] = (_, v, a) => v is Generator ? throw new JinjaException("last does not work on a generator")
            : Python.Items(v, a.Budget) is { Count: > 0 } items ? items[^1]
            : new Undefined("last: the sequence is empty"),
        ["length"] = (_, v, a) => Python.Length(v, a.Budget),
        ["list"] = (_, v, a) => Python.Items(v, a.Budget).ToList(),
        ["lower"] = (_, v, a) => Text(v, a).ToLowerInvariant(),
        ["map"] = Map,
        ["max"] = (i, v, a) => Extreme("max", v, a, 1),
        ["min"] = (i, v, a) => Extreme("min", v, a, -1),
        ["reject"] = (i, v, a) => Select(i, v, a, wanted: false, withAttribute: false),
        ["rejectattr"] = (i, v, a) => Select(i, v, a, wanted: false, withAttribute: true),
        ["replace"] = (_, v, a) => a.Bind("replace", "old", "new", "count") is var b
            ? StringMethods.Replace(Text(v, a), PythonText.Of(b.Required("old"), a.Budget),
                PythonText.Of(b.Required("new"), a.Budget), b.Value("count") is null ? -1 : b.Int("count"), a.Budget) : null,
        ["reverse"] = (_, v, a) => v is string text ? CodePoints.Reversed(text)
            : new Generator([.. Python.Items(v, a.Budget).Reverse()]),
        ["round"] = Round,
        ["safe"] = (_, v, a) => Text(v, a),
        ["select"] = (i, v, a) => Select(i, v, a, wanted: true, withAttribute: false),
        ["selectattr"] = (i, v, a) => Select(i, v, a, wanted: true, withAttribute: true),
        ["slice"] = Slices,
        ["sort"] = Sort,
        ["string"] = (_, v, a) => Text(v, a),
        ["sum"] = (_, v, a) => a.Bind("sum", "attribute", "start") is var b ? Python.Items(v, a.Budget)
            .Aggregate(b.Value("start", 0L), (sum, item) => Arithmetic.Apply("+", sum, Keyed(item, b, a.Budget), a.Budget))
                : null,
        ["title"] = (_, v, a) => string.Concat(WordStart().Split(Text(v, a)).Select(StringMethods.Capitalize)),
        ["tojson"] = ToJson,
        ["trim"] = (_, v, a) => StringMethods.Strip(Text(v, a), a.Bind("trim", "chars").TextOrNone("chars"), true, true,
            a.Budget),
        ["truncate"] = Truncate,
        ["unique"] = Unique,
        ["upper"] = (_, v, a) => StringMethods.Upper(Text(v, a)),
        ["urlencode"] = (_, v, a) => Uri.EscapeDataString(Text(v, a)).Replace("%2F", "/"),
        ["wordcount"] = (_, v, a) => (long)Word().Count(Text(v, a)),
    };

    // These cost more for each character than copying it.
    private static readonly string[] Slow =
        ["title", "wordcount", "urlencode", "e", "escape", "forceescape", "capitalize", "reverse", "upper", "lower", "int",
            "float"];

    public static bool Exists(string name) => All.ContainsKey(name);

    /// <exception cref="JinjaException">An unknown filter, or a value of the wrong type.</exception>
    public static object? Apply(string name, Interpreter interpreter, object? value, Arguments arguments)
    {
        if (!All.TryGetValue(name, out var run))
            throw new JinjaException($"unknown filter '{name}'. {Spelling.Suggestion(name, [.. All.Keys])}");
        arguments.Budget.Spend();
        if (value is string text)
        {
            if (Slow.Contains(name)) arguments.Budget.SpendCharacters(text.Length);
            else arguments.Budget.SpendText(text.Length);
        }
        return run(interpreter, value, arguments);
    }

    private static string Text(object? value, Arguments arguments)
    {
        var text = PythonText.Of(value, arguments.Budget);
        if (value is not string) arguments.Budget.SpendCharacters(text.Length);
        return text;
    }

    private static Dict? Dictionary(IReadOnlyDictionary<string, object?> named)
    {
        if (named.Count == 0) return null;
        var dict = new Dict();
        foreach (var (name, value) in named) dict[name] = value;
        return dict;
    }

    private static string Escape(string text, Arguments arguments)
    {
        arguments.Budget.SpendText(text.Length + 4L * text.AsSpan().CountAny("&<>'\""));
        return text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("'", "&#39;").Replace("\"", "&#34;");
    }

    /// <summary>The member of an item at a path such as <c>function.name</c>; the item itself without a path.</summary>
    private static object? Path(object? item, object? path, Budget budget)
    {
        if (path is null) return item;
        if (path is not string dotted) return Members.Item(item, path, budget);
        budget.SpendText(dotted.Length);
        foreach (var part in dotted.Split('.'))
            item = Members.Item(item, part.Length > 0 && part.All(char.IsAsciiDigit) ? long.Parse(part, null) : part, budget);
        return item;
    }

    /// <summary>Sort key of an item: a member if <c>attribute</c> is set; case-insensitive by default.</summary>
    private static object? Keyed(object? item, Bound bound, Budget budget) => Path(item, bound.Value("attribute"), budget);

    private static object? KeyedWithoutCase(object? item, Bound bound, Budget budget) =>
        Keyed(item, bound, budget) is string text && !bound.Flag("case_sensitive") ? text.ToLowerInvariant()
            : Keyed(item, bound, budget);

    private static Comparer<object?> Order(Budget budget) =>
        Comparer<object?>.Create((left, right) => Python.Compare(left, right, "<", budget));

    private static object? Default(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("default", "default_value", "boolean");
        return value is Undefined || (bound.Flag("boolean") && !Python.IsTrue(value, arguments.Budget))
            ? bound.Value("default_value", "") : value;
    }

    private static Generator Batch(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("batch", "linecount", "fill_with");
        var (size, fill) = (bound.Int("linecount"), bound.Value("fill_with"));
        if (size < 1) throw new JinjaException("batch requires a size of at least 1");
        var batches = Python.Items(value, arguments.Budget).Chunk(size).Select(batch => batch.ToList()).ToList();
        if (fill is not null && batches.Count > 0)
        {
            arguments.Budget.SpendItems(size);
            while (batches[^1].Count < size) batches[^1].Add(fill);
        }
        return new Generator([.. batches]);
    }

    private static List<object?> DictSort(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("dictsort", "case_sensitive", "by", "reverse");
        if (value is not Dict dict) throw new JinjaException($"dictsort requires a dict, found a {Python.TypeName(value)}");
        var byValue = bound.Text("by", "key") == "value";
        var order = Order(arguments.Budget);
        var pairs = bound.Flag("reverse") ? dict.OrderByDescending(Key, order) : dict.OrderBy(Key, order);
        return [.. pairs.Select(pair => (object?)new[] { pair.Key, pair.Value })];

        object? Key(KeyValuePair<object, object?> pair) => (byValue ? pair.Value : pair.Key) is var key && key is string text
            && !bound.Flag("case_sensitive") ? text.ToLowerInvariant() : key;
    }

    private static List<object?> GroupBy(Interpreter _, object? value, Arguments arguments)
    {
        var (budget, bound) = (arguments.Budget, arguments.Bind("groupby", "attribute", "default", "case_sensitive"));
        bound.Required("attribute");
        var groups = new List<object?>();
        object? last = null;
        foreach (var item in Python.Items(value, budget).OrderBy(Key, Order(budget)))
        {
            if (groups.Count == 0 || !Python.AreEqual(last, Key(item), budget))
            {
                var shown = Keyed(item, bound, budget) is var key && key is Undefined ? Key(item) : key;
                groups.Add(new object?[] { shown, new List<object?>() });
            }
            last = Key(item);
            ((List<object?>)((object?[])groups[^1]!)[1]!).Add(item);
        }
        return groups;

        object? Key(object? item) => KeyedWithoutCase(item, bound, budget) is var key && key is Undefined && bound.Has("default")
            ? bound.Value("default") : key;
    }

    private static string Indent(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("indent", "width", "first", "blank");
        var indention = bound.Value("width") as string ?? "";
        if (bound.Value("width") is not string)
        {
            arguments.Budget.SpendText(Math.Max(0, bound.Int("width", 4)));
            indention = new string(' ', Math.Max(0, bound.Int("width", 4)));
        }
        var method = StringMethods.Find(Text(value, arguments) + "\n", "splitlines")!;
        var lines = (List<object?>)method.Run(new Arguments(arguments.Budget, [], new Dictionary<string, object?>()))!;
        arguments.Budget.SpendText((long)indention.Length * lines.Count);
        var (text, blank) = (new StringBuilder(bound.Flag("first") ? indention : ""), bound.Flag("blank"));
        foreach (var (i, line) in lines.Cast<string>().Index())
        {
            if (i > 0) text.Append('\n').Append(line.Length > 0 || blank ? indention : "");
            text.Append(line);
        }
        return text.ToString();
    }

    private static object? Int(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("int", "default", "base");
        var (standard, radix) = (bound.Value("default", 0L), bound.Int("base", 10));
        if (Python.IsInteger(value, out var whole)) return whole;
        if (value is string text)
        {
            var digits = StringMethods.Strip(text, null, true, true).Replace("_", "");
            if (radix == 10 && long.TryParse(digits, NumberStyles.AllowLeadingSign, null, out whole)) return whole;
            if (radix is 2 or 8 or 16)
            {
                if (digits.Length > 2 && digits[0] == '0' && "xXoObB".Contains(digits[1])) digits = digits[2..];
                try
                {
                    return Convert.ToInt64(digits, radix);
                }
                catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
                {
                    return standard;
                }
            }
        }
        var number = value is string plain ? StringMethods.ParseNumber(plain) : Python.Number(value);
        return number is { } real && Math.Abs(real) < long.MaxValue ? (long)real : standard;
    }

    private static string Join(Interpreter _, object? value, Arguments arguments)
    {
        var (bound, budget) = (arguments.Bind("join", "d", "attribute"), arguments.Budget);
        var separator = PythonText.Of(bound.Value("d", ""), budget);
        var parts = Python.Items(value, budget).Select(item => PythonText.Of(Keyed(item, bound, budget), budget)).ToList();
        budget.SpendText(parts.Sum(part => part.Length + (long)separator.Length));
        return string.Join(separator, parts);
    }

    private static Generator Map(Interpreter interpreter, object? value, Arguments arguments)
    {
        var budget = arguments.Budget;
        if (!Python.IsTrue(value, budget)) return new Generator([]);
        var items = Python.Items(value, budget);
        if (arguments.Positional.Count == 0)
        {
            var bound = arguments.Bind("map", [.. arguments.Named.Keys.Where(name => name is "attribute" or "default")]);
            bound.Required("attribute");
            return new Generator([.. items.Select(item => Keyed(item, bound, budget) is var found && found is Undefined
                && bound.Value("default") is { } standard ? standard : found)]);
        }
        var (name, rest) = (Named(arguments, 0, "filter"), arguments with { Positional = [.. arguments.Positional.Skip(1)] });
        return new Generator([.. items.Select(item => Apply(name, interpreter, item, rest))]);
    }

    private static string Named(Arguments arguments, int position, string what) => arguments.Positional[position] as string
        ?? throw new JinjaException($"the name of a {what} must be a string");

    private static Generator Select(Interpreter interpreter, object? value, Arguments arguments, bool wanted, bool withAttribute)
    {
        var budget = arguments.Budget;
        if (!Python.IsTrue(value, budget)) return new Generator([]);
        var given = arguments.Positional.Count;
        var attribute = !withAttribute ? null : given > 0 ? arguments.Positional[0]
            : throw new JinjaException("selectattr and rejectattr require an attribute name");
        var test = withAttribute ? 1 : 0;
        var name = given > test ? Named(arguments, test, "test") : null;
        var rest = arguments with { Positional = [.. arguments.Positional.Skip(test + 1)] };
        return new Generator([.. Python.Items(value, budget).Where(item =>
        {
            var subject = Path(item, attribute, budget);
            return wanted == (name is null ? Python.IsTrue(subject, budget) : Tests.Passes(name, interpreter, subject, rest));
        })]);
    }

    private static object? Extreme(string name, object? value, Arguments arguments, int sign)
    {
        var (bound, budget) = (arguments.Bind(name, "case_sensitive", "attribute"), arguments.Budget);
        var items = Python.Items(value, budget);
        if (items.Count == 0) return new Undefined($"{name}: the sequence is empty");
        var best = items[0];
        foreach (var item in items.Skip(1))
        {
            var order = Python.Compare(KeyedWithoutCase(item, bound, budget), KeyedWithoutCase(best, bound, budget), "<", budget);
            if (order * sign > 0) best = item;
        }
        return best;
    }

    private static object? Round(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("round", "precision", "method");
        var (digits, method) = (bound.Int("precision", 0), bound.Text("method", "common"));
        if (Python.Number(value) is not { } number)
            throw new JinjaException($"round requires a number, found a {Python.TypeName(value)}");
        if (method == "common")
        {
            if (digits >= 0 && Python.IsInteger(value, out var whole)) return whole;
            return digits is >= 0 and <= 15 ? RoundExactly(number, digits) : digits > 15 ? number
                : Math.Round(number * Math.Pow(10, digits)) / Math.Pow(10, digits);
        }
        var scale = Math.Pow(10, digits);
        return method switch
        {
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw new JinjaException("round: method must be common, ceil or floor"),
        };
    }

    /// <summary>Rounds the exact binary value, not its shortest decimal form: 2.675 is slightly less than it appears.</summary>
    private static double RoundExactly(double number, int digits)
    {
        if (digits == 0) return Math.Round(number, MidpointRounding.ToEven);
        if (Math.Abs(number) >= 1e15) return number;
        var culture = CultureInfo.InvariantCulture;
        return double.Parse(number.ToString("F" + digits, culture), culture);
    }

    private static Generator Slices(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("slice", "slices", "fill_with");
        var (items, count, fill) = (Python.Items(value, arguments.Budget), bound.Int("slices"), bound.Value("fill_with"));
        if (count < 1) throw new JinjaException("slice requires at least 1 slice");
        arguments.Budget.SpendItems(count);
        var (slices, at) = (new List<object?>(), 0);
        for (var i = 0; i < count; i++)
        {
            var isLong = i < items.Count % count;
            var size = items.Count / count + (isLong ? 1 : 0);
            var slice = items.Skip(at).Take(size).ToList();
            at += size;
            if (fill is not null && !isLong) slice.Add(fill);
            slices.Add(slice);
        }
        return new Generator(slices);
    }

    private static List<object?> Sort(Interpreter _, object? value, Arguments arguments)
    {
        var (bound, budget) = (arguments.Bind("sort", "reverse", "case_sensitive", "attribute"), arguments.Budget);
        string?[] paths = bound.Value("attribute") is string several ? several.Split(',') : [];
        var items = Python.Items(value, budget);
        return [.. bound.Flag("reverse") ? items.OrderByDescending(Key, Order(budget)) : items.OrderBy(Key, Order(budget))];

        object? Key(object? item) => paths.Length == 0 ? KeyedWithoutCase(item, bound, budget)
            : paths.Select(path => Path(item, path, budget) is var key && key is string text && !bound.Flag("case_sensitive")
                ? text.ToLowerInvariant() : key).ToArray();
    }

    private static string ToJson(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        var indent = bound.Value("indent") switch
        {
            null => null,
            string text => text,
            _ => new string(' ', Math.Clamp(bound.Int("indent"), 0, 100)),
        };
        var separators = bound.Value("separators") switch
        {
            null => new[] { indent is null ? ", " : ",", ": " },
            var pair when Python.Items(pair, arguments.Budget) is [string item, string key] => [item, key],
            _ => throw new JinjaException("tojson: separators must be two strings"),
        };
        return new PythonJson(arguments.Budget)
        {
            Indent = indent,
            ItemSeparator = separators[0],
            KeySeparator = separators[1],
            SortKeys = bound.Flag("sort_keys"),
            AsciiOnly = bound.Flag("ensure_ascii"),
        }.Write(value);
    }

    private static string Truncate(Interpreter _, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("truncate", "length", "killwords", "end", "leeway");
        var (text, end, length) = (Text(value, arguments), bound.Text("end", "..."), bound.Int("length", 255));
        var room = length - CodePoints.Count(end);
        if (room < 0) throw new JinjaException("truncate: length must not be less than the length of end");
        if (CodePoints.Count(text) <= (long)length + bound.Int("leeway", 5)) return text;
        var kept = text[..CodePoints.Offset(text, room)];
        if (!bound.Flag("killwords") && kept.LastIndexOf(' ') is >= 0 and var space) kept = kept[..space];
        return kept + end;
    }

    private static Generator Unique(Interpreter _, object? value, Arguments arguments)
    {
        var (bound, budget) = (arguments.Bind("unique", "case_sensitive", "attribute"), arguments.Budget);
        var (seen, unique) = (new List<object?>(), new List<object?>());
        foreach (var item in Python.Items(value, budget))
        {
            var key = KeyedWithoutCase(item, bound, budget);
            if (seen.Exists(other => Python.AreEqual(other, key, budget))) continue;
            seen.Add(key);
            unique.Add(item);
        }
        return new Generator(unique);
    }

    [GeneratedRegex(@"([-\s({\[<]+)")]
    private static partial Regex WordStart();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
