using System.Text;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Variables of a block, with access to those of the enclosing blocks.</summary>
internal sealed class Scope(Scope? outer)
{
    private readonly Dictionary<string, object?> _variables = [];

    public object? this[string name]
    {
        set => _variables[name] = value;
    }

    public bool TryFind(string name, out object? value)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
            if (scope._variables.TryGetValue(name, out value)) return true;
        value = null;
        return false;
    }

    /// <summary>The value of the innermost variable that is one of the items, by reference; null for none.</summary>
    public object? Holds(IReadOnlyList<object?> items)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
            foreach (var value in scope._variables.Values)
                if (value is Dict && items.Any(item => ReferenceEquals(item, value))) return value;
        return null;
    }

    private Scope? Outer => outer;
}

/// <summary>Executes statements; the other part of the class evaluates expressions.</summary>
internal sealed partial class Interpreter
{
    private enum Flow { Next, Break, Continue }

    private readonly IReadOnlyDictionary<string, object?> _globals;
    private readonly Budget _budget = new();
    private readonly List<Range> _generated = [];
    private readonly List<object?> _sources = [];
    private IReadOnlyList<object?> _messages = [];
    private readonly StringBuilder _whole = new();
    private StringBuilder _output;

    public Interpreter(IReadOnlyDictionary<string, object?> globals) => (_globals, _output) = (globals, _whole);

    /// <summary>One-based line of the node being executed.</summary>
    public int Line { get; private set; } = 1;

    /// <summary>Output of generation blocks, as offsets in the text.</summary>
    public IReadOnlyList<Range> Generated => _generated;

    /// <summary>For each range of <see cref="Generated"/> the message that the block is executed for; null for none.</summary>
    public IReadOnlyList<object?> Sources => _sources;

    public string Run(IReadOnlyList<Statement> template, IReadOnlyDictionary<string, object?> variables)
    {
        var scope = new Scope(null);
        foreach (var (name, value) in variables) scope[name] = value;
        if (variables.GetValueOrDefault("messages") is List<object?> messages) _messages = messages;
        Execute(template, new Scope(scope));
        return _whole.ToString();
    }

    private Flow Execute(IReadOnlyList<Statement> body, Scope scope)
    {
        foreach (var statement in body)
        {
            Line = statement.Line;
            _budget.Descend();
            var flow = Execute(statement, scope);
            if (flow != Flow.Next) return flow;
        }
        return Flow.Next;
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case Data data:
                Write(data.Text);
                return Flow.Next;
            case Print print:
                Write(PythonText.Of(Evaluate(print.Value, scope), _budget));
                return Flow.Next;
            case If branches:
                foreach (var (condition, body) in branches.Branches)
                    if (IsTrue(condition, scope)) return Execute(body, scope);
                return Execute(branches.Else, scope);
            case For loop:
                return Loop(loop, Evaluate(loop.Over, scope), scope, depth: 0);
            case Jump jump:
                return jump.IsBreak ? Flow.Break : Flow.Continue;
            case Set set:
                Assign(set.Target, Evaluate(set.Value, scope), scope);
                return Flow.Next;
            case SetBlock set:
                Assign(set.Target, Filtered(set.Filters, Captured(set.Body, new Scope(scope)), scope), scope);
                return Flow.Next;
            case FilterBlock filter:
                Write(PythonText.Of(Filtered(filter.Filters, Captured(filter.Body, new Scope(scope)), scope), _budget));
                return Flow.Next;
            case With with:
                var inner = new Scope(scope);
                foreach (var (target, value) in with.Values) Assign(target, Evaluate(value, scope), inner);
                return Execute(with.Body, inner);
            case DefineMacro define:
                scope[define.Macro.Id] = Macro(define.Macro, scope);
                return Flow.Next;
            case CallBlock block:
                Write(PythonText.Of(Call(block.Call, scope, Macro(block.Caller, scope)), _budget));
                return Flow.Next;
            case Generation generation:
                if (_output != _whole)
                    throw new JinjaException("a generation block inside a macro or set block has no position in the output");
                var start = _output.Length;
                Execute(generation.Body, new Scope(scope));
                _generated.Add(start.._output.Length);
                _sources.Add(scope.Holds(_messages));
                return Flow.Next;
            default:
                throw new InvalidOperationException(statement.GetType().Name);
        }
    }

    private void Write(string text)
    {
        _budget.SpendText(text.Length);
        _output.Append(text);
    }

    private string Captured(IReadOnlyList<Statement> body, Scope scope)
    {
        var outer = _output;
        _output = new StringBuilder();
        Execute(body, scope);
        var text = _output.ToString();
        _output = outer;
        return text;
    }

    private Flow Loop(For loop, object? over, Scope scope, int depth)
    {
        var items = Python.Items(over, _budget);
        if (loop.Condition is not null)
        {
            items = [.. items.Where(item =>
            {
                var inner = new Scope(scope);
                Assign(loop.Target, item, inner);
                return IsTrue(loop.Condition, inner);
            })];
        }
        var state = new LoopState(items, depth)
        {
            Recurse = loop.Recursive ? new Function("loop", arguments => Again(loop, arguments, scope, depth + 1)) : null,
        };
        for (; state.Index < items.Count; state.Index++)
        {
            _budget.Spend();
            var inner = new Scope(scope) { ["loop"] = state };
            Assign(loop.Target, items[state.Index], inner);
            if (Execute(loop.Body, inner) == Flow.Break) break;
        }
        return items.Count == 0 ? Execute(loop.Else, new Scope(scope)) : Flow.Next;
    }

    /// <summary>Implements <c>loop(...)</c> in a recursive loop: runs the loop over other items.</summary>
    private string Again(For loop, Arguments arguments, Scope scope, int depth)
    {
        var over = arguments.Bind("loop", "iterable").Required("iterable");
        _budget.EnterCall();
        var outer = _output;
        _output = new StringBuilder();
        Loop(loop, over, scope, depth);
        var text = _output.ToString();
        _output = outer;
        _budget.LeaveCall();
        return text;
    }

    private void Assign(Expression target, object? value, Scope scope)
    {
        switch (target)
        {
            case Name name:
                scope[name.Id] = value;
                break;
            case Attribute { Of: Name of } member:
                if (!TryFind(of.Id, scope, out var found) || found is not Namespace variables)
                    throw new JinjaException($"cannot assign to a member of '{of.Id}', which is not a namespace");
                variables.Members[member.Id] = value;
                break;
            case TupleLiteral tuple:
                var items = Python.Items(value, _budget);
                if (items.Count != tuple.Items.Count)
                    throw new JinjaException($"cannot unpack {items.Count} values into {tuple.Items.Count} names");
                for (var i = 0; i < items.Count; i++) Assign(tuple.Items[i], items[i], scope);
                break;
            default:
                throw new InvalidOperationException(target.GetType().Name);
        }
    }

    private Function Macro(MacroBody macro, Scope defined) => new(macro.Id, arguments =>
    {
        var inner = new Scope(defined);
        var named = arguments.Named.ToDictionary();
        for (var i = 0; i < macro.Parameters.Count; i++)
        {
            var (name, standard) = macro.Parameters[i];
            var isPositional = i < arguments.Positional.Count;
            if (named.Remove(name, out var value) && isPositional)
                throw new JinjaException($"the macro {macro.Id} received the argument '{name}' twice");
            inner[name] = isPositional ? arguments.Positional[i] : arguments.Named.ContainsKey(name) ? value
                : standard is not null ? Evaluate(standard, inner) : new Undefined($"parameter '{name}' was not provided");
        }
        if (macro.Mentions.Contains("caller"))
            inner["caller"] = named.Remove("caller", out var caller) ? caller : new Undefined("no caller is defined");
        if (macro.Mentions.Contains("varargs")) inner["varargs"] = arguments.Positional.Skip(macro.Parameters.Count).ToArray();
        else if (arguments.Positional.Count > macro.Parameters.Count)
            throw new JinjaException($"the macro {macro.Id} takes at most {macro.Parameters.Count} arguments");
        if (macro.Mentions.Contains("kwargs"))
        {
            var rest = new Dict();
            foreach (var (name, value) in named) rest[name] = value;
            inner["kwargs"] = rest;
        }
        else if (named.Count > 0) throw new JinjaException($"the macro {macro.Id} has no argument '{named.Keys.First()}'");
        _budget.EnterCall();
        var text = Captured(macro.Body, inner);
        _budget.LeaveCall();
        return text;
    });
}
