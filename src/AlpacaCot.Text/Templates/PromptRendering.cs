using System.Globalization;
using System.Text;
using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates.Jinja;

namespace AlpacaCot.Text.Templates;

/// <summary>Renders one conversation with a <see cref="PromptTemplate"/>.</summary>
internal sealed class PromptRendering
{
    private readonly PromptTemplate _template;
    private readonly Conversation _conversation;
    private readonly List<Segment> _segments = [];
    private readonly StringBuilder _text = new();   // unsupervised text since the last segment
    private string _system = "", _tools = "";
    private readonly List<(string Own, string Written)> _calls = []; // the identifiers of the calls so far
    private int _round, _results, _lastUser;

    /// <exception cref="InputException">The conversation contains an image or another part that is not text.</exception>
    public PromptRendering(PromptTemplate template, Conversation conversation)
    {
        (_template, _conversation) = (template, conversation);
        MediaCheck.Require(conversation);
    }

    /// <summary>Writes the first turns.</summary>
    /// <exception cref="InputException">The template does not support a turn.</exception>
    public void Write(int count)
    {
        var turns = _conversation.Turns;
        if (_conversation.IsPlainText)
        {
            Add(turns[0].Text, turns[0].Learn ?? true);
            Add(SpecialToken.Eos, turns[0].Learn ?? true);
            return;
        }
        _lastUser = Enumerable.Range(0, count).LastOrDefault(i => turns[i].Role == Role.User, -1);
        WriteTools();
        for (var i = 0; i < count; i++)
        {
            var turn = turns[i];
            switch (turn.Role)
            {
                case Role.System when i == 0 && _template.UserWithSystem.Length > 0 && count > 1 && turns[1].Role == Role.User:
                    _system = turn.Text;
                    break;
                case Role.System when i == 0:
                    WriteSystem(turn);
                    break;
                case Role.User:
                    if (i == 0) _text.Append(turn.Input.Length > 0 ? _template.PreambleWithInput : _template.Preamble);
                    WriteUser(turn, i);
                    break;
                case Role.Assistant:
                    WriteAnswer(turn, i);
                    break;
                case Role.Tool when _template.ResultsForm is { } form:
                    var last = i;
                    while (last + 1 < count && turns[last + 1].Role == Role.Tool) last++;
                    WriteResults(form, turns.Skip(i).Take(last - i + 1));
                    i = last;
                    break;
                default:
                    throw Refusal(i, $"is a {turn.Role.ToString().ToLowerInvariant()} turn, which the template "
                        + $"{_template.Name} does "
                        + "not support" + (turn.Role == Role.System ? " after the first turn" : ""),
                        turn.Role == Role.Tool ? "Use " + Others(t => t.ResultsForm is not null) : "");
            }
        }
        if (_tools.Length > 0)
            throw Refusal(null, $"the template {_template.Name} writes tool definitions into the first user turn, and there is "
                + "none",
                "Use " + Others(t => t.ToolsInSystem is not null));
    }

    /// <summary>The segments, after a last unsupervised text.</summary>
    public IReadOnlyList<Segment> Finish(string end = "")
    {
        _text.Append(end);
        Flush();
        return _segments;
    }

    private void WriteTools()
    {
        if (_conversation.Tools.Count == 0) return;
        var inSystem = _template.ToolsInSystem;
        var form = inSystem ?? _template.ToolsInUser ?? _template.ToolsBeforeUser
            ?? throw Refusal(null, $"the record defines tools, for which the template {_template.Name} has no form",
                "Use " + Others(t => (t.ToolsInSystem ?? t.ToolsInUser ?? t.ToolsBeforeUser) is not null));
        _tools = Filled(form,
            ("{tools_list}", () => $"[{string.Join(", ", _conversation.Tools.Select(tool => Json(tool)))}]"),
            ("{tools}", () => string.Join('\n', _conversation.Tools.Select(tool => Json(tool)))),
            ("{indented_tools}", () => string.Join("\n\n", _conversation.Tools.Select(tool => Json(tool, "    ")))));
        if (inSystem is null) return;
        var hasSystem = _conversation.Turns.Count > 0 && _conversation.Turns[0].Role == Role.System;
        if (!hasSystem) WriteSystem(new Turn(Role.System, ""));
    }

    private void WriteSystem(Turn turn)
    {
        if (_template.ToolsInSystem is not null && _tools.Length > 0)
        {
            turn = turn with { Text = turn.Text.Length > 0 ? $"{turn.Text}\n\n{_tools}" : _tools };
            _tools = "";
        }
        Section(_template.System, turn, turn.Text);
    }

    private void WriteUser(Turn turn, int index)
    {
        if (_text.Length > 0 || _segments.Count > 0) _text.Append(_template.Separator);
        if (_tools.Length > 0 && _template.ToolsBeforeUser is null) (turn, _tools) = (turn with { Text = _tools + turn.Text },
            "");
        else if (_tools.Length > 0 && index == _lastUser)
        {
            _text.Append(_tools);
            _tools = "";
        }
        if (_system.Length > 0 && (_template.SystemInTurn is null || index == _lastUser))
        {
            var whole = turn.Input.Length > 0 ? turn with { Text = $"{turn.Text}\n{turn.Input}" } : turn;
            Section(_template.UserWithSystem, whole, _system);
            _system = "";
        }
        else Section(turn.Input.Length > 0 ? _template.UserWithInput : _template.User, turn, "");
        _round++;
    }

    private void WriteAnswer(Turn turn, int index)
    {
        if (index == 0 && _template.Opening is null)
            throw Refusal(index,
                $"is an assistant turn; with the template {_template.Name} a dialogue begins with a system or user "
                + "turn", "Use " + Others(t => t is { Opening: not null, Response.Length: > 0 }));
        var learn = turn.Learn ?? true;
        _text.Append(_template.Response);
        Flush();
        var answer = new StringBuilder(index > 0 && (turn.Calls.Count == 0 || _template.CallsForm is null)
            ? _template.AnswerPrefix : "");
        if (turn.Reasoning.Length > 0)
        {
            var form = _template.ReasoningForm ?? throw Refusal(index, "contains reasoning, for which the template "
                + $"{_template.Name} has no form", $"Use {Others(t => t.ReasoningForm is not null)}, or leave it out with "
                + "reasoning: drop");
            var at = form.IndexOf("{reasoning}", StringComparison.Ordinal);
            answer.Append(form.AsSpan(0, at));
            if (turn.MasksReasoning)
            {
                Add(answer.ToString(), learn);
                Add(turn.Reasoning, learn: false);
                answer.Clear();
            }
            else answer.Append(turn.Reasoning);
            answer.Append(form.AsSpan(at + "{reasoning}".Length));
        }
        answer.Append(turn.Text);
        WriteCalls(answer, turn, index);
        Add(answer.Append(_template.AnswerSuffix).ToString(), learn);
        if (_template.Eos == "every" || (_template.Eos == "last" && index == _conversation.Turns.Count - 1))
            Add(SpecialToken.Eos, learn);
    }

    private void WriteCalls(StringBuilder answer, Turn turn, int index)
    {
        if (turn.Calls.Count == 0) return;
        var form = _template.CallForm ?? throw Refusal(index, "contains a tool call, for which the template "
            + $"{_template.Name} has no form", "Use " + Others(t => t.CallForm is not null));
        var hasText = turn.Text.Trim().Length > 0;
        if (_template.CallsInTurn == "one" && (turn.Calls.Count > 1 || hasText))
            throw Refusal(index,
                $"contains {(turn.Calls.Count > 1 ? $"{turn.Calls.Count} tool calls" : "text and a tool call")}; "
                + $"a turn of the template {_template.Name} is either text or one call",
                "Use " + Others(t => t is { CallForm: not null, CallsInTurn: null } || (t.CallsInTurn == "only" && !hasText)));
        if (_template.CallsInTurn == "only" && hasText)
            throw Refusal(index,
                $"contains text and a tool call; a turn of the template {_template.Name} is either text or calls",
                "Use " + Others(t => t is { CallForm: not null, CallsInTurn: null }));
        List<string> calls = [.. turn.Calls.Select(Written)];
        if (_template.CallsForm is { } all) answer.Append(Filled(all, ("{calls}", () => string.Join(", ", calls))));
        else
            foreach (var (i, call) in calls.Index())
            {
                if (i > 0 || turn.Text.Length > 0) answer.Append('\n');
                answer.Append(call);
            }

        string Written(ToolCall call)
        {
            // Identifiers of other lengths would be refused by the models' own templates.
            var id = IsShort(call.Id) ? call.Id : _calls.Count.ToString("000000000", CultureInfo.InvariantCulture);
            _calls.Add((call.Id, id));
            return Filled(form, ("{name}", () => call.Name), ("{arguments}", () => Json(call.Arguments)), ("{id}", () => id));
        }
    }

    private static bool IsShort(string id) => id.Length == 9 && id.All(char.IsAsciiLetterOrDigit);

    // The call that a result belongs to: the one that it names, else the next in order.
    private string IdOfResult(Turn result)
    {
        var order = _results++;
        return result.ToolCallId.Length > 0 && _calls.Find(call => call.Own == result.ToolCallId) is { Written: not null } named
            ? named.Written : IsShort(result.ToolCallId) ? result.ToolCallId
            : order < _calls.Count ? _calls[order].Written : order.ToString("000000000", CultureInfo.InvariantCulture);
    }

    private string Value(string text)
    {
        try
        {
            return Json(JsonElement.Parse(text));
        }
        catch (JsonException)
        {
            return Quoted(text);
        }
    }

    private string Quoted(string text) => Json(JsonElement.Parse($"\"{JsonEncodedText.Encode(text)}\""));

    private void WriteResults(string form, IEnumerable<Turn> results)
    {
        if (_text.Length > 0 || _segments.Count > 0) _text.Append(_template.Separator);
        var at = form.IndexOf("{results}", StringComparison.Ordinal);
        _text.Append(form.AsSpan(0, at));
        foreach (var turn in results)
        {
            var id = IdOfResult(turn);
            var text = Filled(_template.ResultForm!, ("{result}", () => turn.Text), ("{result_json}", () => Quoted(turn.Text)),
                ("{result_value}", () => Value(turn.Text)), ("{id}", () => id));
            if (turn.Learn is { } learn) AddBetween(text, learn);
            else _text.Append(text);
        }
        _text.Append(form.AsSpan(at + "{results}".Length));
    }

    /// <summary>A system or user turn: its header is never trained on, its text and end only where the turn says so.</summary>
    private void Section(string format, Turn turn, string system)
    {
        (string, Func<string>)[] values =
        [
            ("{instruction}", () => turn.Text), ("{input}", () => turn.Input), ("{system}", () => system),
            ("{round}", () => (_round + 1).ToString(CultureInfo.InvariantCulture)),
            ("{round0}", () => _round.ToString(CultureInfo.InvariantCulture)),
        ];
        if (turn.Learn is not { } learn)
        {
            _text.Append(Filled(format, values));
            return;
        }
        string[] marks = ["{instruction}", "{system}"];
        var at = marks.Select(mark => format.IndexOf(mark, StringComparison.Ordinal)).Where(i => i >= 0).Min();
        _text.Append(Filled(format[..at], values));
        AddBetween(Filled(format[at..], values), learn);
    }

    /// <summary>Replaces placeholders in one pass over the format, never in inserted text: braces in a user's text are
    /// kept.</summary>
    private static string Filled(string format, params ReadOnlySpan<(string Mark, Func<string> Value)> placeholders)
    {
        var text = new StringBuilder();
        ReadOnlySpan<char> rest = format;
        while (rest.IndexOf('{') is >= 0 and var at)
        {
            text.Append(rest[..at]);
            rest = rest[at..];
            var length = 0;
            foreach (var (mark, value) in placeholders)
            {
                if (!rest.StartsWith(mark)) continue;
                text.Append(value());
                length = mark.Length;
                break;
            }
            if (length == 0) text.Append(rest[0]);
            rest = rest[Math.Max(1, length)..];
        }
        return text.Append(rest).ToString();
    }

    private string Json(JsonElement value, string? indent = null)
    {
        try
        {
            return new PythonJson(new Budget()) { Indent = indent, ItemSeparator = indent is null ? ", " : "," }
                .Write(PythonJson.Read(value));
        }
        catch (JinjaException wrong)
        {
            throw Refusal(null, $"its tools or calls cannot be written: {wrong.Message}", "");
        }
    }

    private void AddBetween(string text, bool learn)
    {
        Flush();
        Add(text, learn);
    }

    private void Flush()
    {
        if (_text.Length > 0) _segments.Add(Text(_text.ToString(), isSupervised: false));
        _text.Clear();
    }

    private void Add(string text, bool learn)
    {
        if (text.Length > 0) _segments.Add(Text(text, learn) with { Masked = !learn });
    }

    private void Add(SpecialToken special, bool learn) => _segments.Add(new Segment("", learn, special) { Masked = !learn });

    private Segment Text(string text, bool isSupervised) =>
        new(text, isSupervised) { ParsesSpecial = _template.SpecialTokens == "parsed" };

    private static string Others(Func<PromptTemplate, bool> has) =>
        string.Join(", ", PromptTemplates.All.Where(has).Select(t => t.Name)) + " or the model's own template (template: model)";

    private InputException Refusal(int? turn, string what, string remedy) => new(
        (_conversation.Origin.Length > 0 ? _conversation.Origin + ": " : "") + (turn is { } i ? $"turn {i + 1} " : "") + what
            + "."
        + (remedy.Length > 0 ? $" {remedy}." : ""));
}
