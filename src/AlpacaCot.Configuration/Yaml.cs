using System.Globalization;

namespace AlpacaCot.Configuration;

/// <summary>Writes values as YAML text.</summary>
public static class Yaml
{
    /// <summary>A number that reads back as the same number.</summary>
    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A text, in quotes where YAML would read it as something else.</summary>
    public static string Text(string value)
    {
        var plain = value.Length > 0 && value.All(c => char.IsLetterOrDigit(c) || c is '.' or '/' or '_' or '-' or '+')
            && (char.IsLetter(value[0]) || value[0] is '.' or '/') && value is not ("null" or "Null" or "NULL");
        return plain ? value : "\"" + string.Concat(value.Select(c => c switch
        {
            '"' => "\\\"",
            '\\' => @"\\",
            _ when char.IsControl(c) || c is '\u2028' or '\u2029' or '\ufeff' => $"\\u{(int)c:x4}",
            _ => c.ToString(),
        })) + "\"";
    }

    /// <summary>Texts as a list in one line: <c>[a, b]</c>.</summary>
    public static string List(IEnumerable<string> texts) => $"[{string.Join(", ", texts.Select(Text))}]";

    /// <summary>A map in one line: <c>{ a: 1, b: 2 }</c>; the values are YAML already.</summary>
    public static string Map(IEnumerable<(string Name, string Value)> entries) =>
        $"{{ {string.Join(", ", entries.Select(e => $"{e.Name}: {e.Value}"))} }}";
}
