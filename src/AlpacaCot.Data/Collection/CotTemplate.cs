using System.Diagnostics.CodeAnalysis;
using System.Text;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// A pair of format strings: the instruction contains <c>{question}</c>, the output <c>{chain_of_thought}</c> and
/// <c>{answer}</c>. A doubled brace is a literal brace, as in Python's <c>str.format</c>.
/// </summary>
public sealed class CotTemplate
{
    private const string Question = "question", Rationale = "chain_of_thought", Answer = "answer";
    private readonly List<(string Text, bool IsPlace)> _instruction, _output;

    /// <summary>Parses a template.</summary>
    /// <param name="instruction">Format string with <c>{question}</c>.</param>
    /// <param name="output">Format string with <c>{chain_of_thought}</c> and <c>{answer}</c>.</param>
    /// <exception cref="InputException">A single brace, or an unknown placeholder.</exception>
    public CotTemplate(string instruction, string output)
    {
        _instruction = Parse(instruction, Question);
        _output = Parse(output, Rationale, Answer);
    }

    /// <summary>Formats the instruction for a question.</summary>
    public string Ask(string question) => Fill(_instruction, _ => question);

    /// <summary>Formats the output for a rationale and an answer.</summary>
    public string Reply(string rationale, string answer) => Fill(_output, place => place == Answer ? answer : rationale);

    /// <summary>
    /// Splits a formatted output. Works for templates with the rationale before the answer; if the text between them occurs
    /// several times, the last occurrence counts.
    /// </summary>
    /// <param name="output">A text this template may have produced.</param>
    /// <param name="parts">Its rationale and answer on success.</param>
    public bool TrySplit(string output, [NotNullWhen(true)] out CotParts? parts)
    {
        parts = null;
        if (_output is not [(Rationale, true), (var between, false), (Answer, true), .. var rest] || rest.Count > 1) return false;
        var end = rest.Count == 1 ? rest[0].Text : "";
        if (!output.EndsWith(end, StringComparison.Ordinal)) return false;
        var body = output[..^end.Length];
        if (body.LastIndexOf(between, StringComparison.Ordinal) is not (>= 0 and var at)) return false;
        parts = new(body[..at], body[(at + between.Length)..]);
        return true;
    }

    private static string Fill(List<(string Text, bool IsPlace)> template, Func<string, string> value) =>
        string.Concat(template.Select(part => part.IsPlace ? value(part.Text) : part.Text));

    private static List<(string Text, bool IsPlace)> Parse(string template, params string[] places)
    {
        var parts = new List<(string, bool)>();
        var literal = new StringBuilder();
        for (var i = 0; i < template.Length; i++)
        {
            if (template[i] is not ('{' or '}') || (i + 1 < template.Length && template[i + 1] == template[i]))
            {
                literal.Append(template[i]);
                if (template[i] is '{' or '}') i++;
                continue;
            }
            var close = template.IndexOf('}', i);
            if (template[i] == '}' || close < 0)
                throw new InputException($"single brace in \"{template}\"; write {{{{ or }}}} for a literal brace");
            var name = template[(i + 1)..close];
            if (!places.Contains(name))
                throw new InputException($"unknown placeholder {{{name}}} in \"{template}\"; allowed: "
                    + string.Join(", ", places.Select(p => $"{{{p}}}")));
            if (literal.Length > 0) parts.Add((literal.ToString(), false));
            literal.Clear();
            parts.Add((name, true));
            i = close;
        }
        if (literal.Length > 0) parts.Add((literal.ToString(), false));
        return parts;
    }
}

/// <summary>Rationale and answer of a Chain-of-Thought output.</summary>
/// <param name="Rationale">The reasoning before the answer.</param>
/// <param name="Answer">The final answer.</param>
public sealed record CotParts(string Rationale, string Answer);
