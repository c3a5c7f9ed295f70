using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Global variables and functions of every template.</summary>
internal static class Globals
{
    private const long MaxRange = 100_000;   // the limit of Jinja2's sandbox

    public static Dictionary<string, object?> At(DateTime now) => new Function[]
    {
        new("range", Range),
        new("dict", MakeDict),
        new("namespace", arguments =>
        {
            var variables = new Namespace();
            foreach (var (name, value) in MakeDict(arguments)) variables.Members[name] = value;
            return variables;
        }),
        new("joiner", arguments =>
        {
            var separator = arguments.Bind("joiner", "sep").Text("sep", ", ");
            var isFirst = true;
            return new Function("joiner", _ =>
            {
                var text = isFirst ? "" : separator;
                isFirst = false;
                return text;
            });
        }),
        new("raise_exception", arguments => throw new JinjaException("the template rejects the conversation: "
            + PythonText.Of(arguments.Bind("raise_exception", "message").Required("message"), arguments.Budget))),
        new("strftime_now", arguments => Time(now, arguments.Bind("strftime_now", "format").Text("format"),
            arguments.Budget)),
    }.ToDictionary(function => function.Name, function => (object?)function);

    private static View Range(Arguments arguments)
    {
        var numbers = arguments.Positional.Select(value => Python.IsInteger(value, out var number) ? number
            : throw new JinjaException($"range requires integers, found a {Python.TypeName(value)}")).ToArray();
        var (start, stop, step) = numbers switch
        {
            [var end] => (0L, end, 1L),
            [var from, var to] => (from, to, 1L),
            [var from, var to, var by] => (from, to, by),
            _ => throw new JinjaException("range requires one to three arguments"),
        };
        if (step == 0) throw new JinjaException("the step of a range cannot be 0");
        var distance = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        var count = distance <= 0 ? 0 : (distance - 1) / Int128.Abs(step) + 1;
        if (count > MaxRange) throw new JinjaException($"a range is limited to {MaxRange:N0} numbers");
        arguments.Budget.SpendItems((long)count);
        var items = new object?[(int)count];
        for (var i = 0; i < items.Length; i++) items[i] = start + i * step;
        return new View("range", step == 1 ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})", items);
    }

    private static Dict MakeDict(Arguments arguments)
    {
        var dict = new Dict();
        if (arguments.Positional.Count > 1) throw new JinjaException("dict takes at most one positional argument");
        if (arguments.Positional is [Dict from]) foreach (var (key, value) in from) dict[key] = value;
        else if (arguments.Positional is [var pairs])
        {
            foreach (var pair in Python.Items(pairs, arguments.Budget))
            {
                if (Python.Items(pair, arguments.Budget) is not [var key, var value])
                    throw new JinjaException("dict requires a dict or pairs");
                dict[Python.Charged(Dict.Key(key), arguments.Budget)] = value;
            }
        }
        foreach (var (name, value) in arguments.Named) dict[name] = value;
        return dict;
    }

    /// <summary>Formats a time like C's <c>strftime</c> in the English locale.</summary>
    private static string Time(DateTime now, string format, Budget budget)
    {
        budget.SpendCharacters(format.Length);   // a directive writes up to 25 characters
        var text = new StringBuilder();
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%' || at + 1 == format.Length)
            {
                text.Append(format[at]);
                continue;
            }
            var bare = format[++at] == '-' && at + 1 < format.Length;   // GNU: without leading zeros
            if (bare) at++;
            var written = format[at] switch
            {
                'a' => Net("ddd"), 'A' => Net("dddd"), 'b' or 'h' => Net("MMM"), 'B' => Net("MMMM"),
                'd' => Net("dd"), 'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
                'm' => Net("MM"), 'y' => Net("yy"), 'Y' => Net("yyyy"), 'j' => $"{now.DayOfYear:000}",
                'H' => Net("HH"), 'I' => Net("hh"), 'M' => Net("mm"), 'S' => Net("ss"), 'f' => Net("ffffff"), 'p' => Net("tt"),
                'F' => Net("yyyy-MM-dd"), 'T' or 'X' => Net("HH:mm:ss"), 'D' or 'x' => Net("MM/dd/yy"), 'R' => Net("HH:mm"),
                'c' => $"{Net("ddd MMM")} {now.Day,2} {Net("HH:mm:ss yyyy")}",
                'u' => $"{(now.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)now.DayOfWeek)}", 'w' => $"{(int)now.DayOfWeek}",
                'Z' or 'z' => "", 'n' => "\n", 't' => "\t", '%' => "%",
                var other => throw new JinjaException($"strftime_now: unknown directive %{other}"),
            };
            text.Append(bare ? written.TrimStart('0', ' ') is { Length: > 0 } stripped ? stripped : "0" : written);
        }
        return text.ToString();

        string Net(string pattern) => now.ToString(pattern, CultureInfo.InvariantCulture);
    }
}
