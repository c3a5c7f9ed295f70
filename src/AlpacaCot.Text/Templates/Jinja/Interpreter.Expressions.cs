namespace AlpacaCot.Text.Templates.Jinja;

internal sealed partial class Interpreter
{
    private object? Evaluate(Expression expression, Scope scope)
    {
        _budget.Descend();
        Line = expression.Line;
        switch (expression)
        {
            case Constant constant:
                return constant.Value;
            case Name name:
                return TryFind(name.Id, scope, out var found) ? found : new Undefined($"'{name.Id}' is undefined");
            case ListLiteral list:
                return list.Items.Select(item => Evaluate(item, scope)).ToList();
            case TupleLiteral tuple:
                return tuple.Items.Select(item => Evaluate(item, scope)).ToArray();
            case DictLiteral literal:
                var dict = new Dict();
                foreach (var (key, value) in literal.Items)
                    dict[Python.Charged(Dict.Key(Evaluate(key, scope)), _budget)] = Evaluate(value, scope);
                return dict;
            case Attribute attribute:
                return Members.Attribute(At(attribute, Evaluate(attribute.Of, scope)), attribute.Id, _budget);
            case Subscript { Key: Slice slice } part:
                return Members.Part(Evaluate(part.Of, scope), Bound(slice.Start, scope), Bound(slice.Stop, scope),
                    Bound(slice.Step, scope), _budget);
            case Subscript subscript:
                var (of, index) = (Evaluate(subscript.Of, scope), Evaluate(subscript.Key, scope));
                return Members.Item(At(subscript, of), index, _budget);
            case Call call:
                return Call(call, scope, caller: null);
            case Filter filter:
                return Filtered(filter, null, scope);
            case Test test:
                var (subject, given) = (Evaluate(test.Of, scope), Arguments(test.Arguments, scope, caller: null));
                return Tests.Passes(test.Id, this, At(test, subject), given) != test.Negated;
            case Unary { Operator: "not" } not:
                return !IsTrue(not.Of, scope);
            case Unary unary:
                return Arithmetic.Negative(Evaluate(unary.Of, scope), unary.Operator);
            case Binary { Operator: "and" } and:
                return Evaluate(and.Left, scope) is var left && Python.IsTrue(left, _budget) ? Evaluate(and.Right, scope) : left;
            case Binary { Operator: "or" } or:
                return Evaluate(or.Left, scope) is var first && Python.IsTrue(first, _budget) ? first : Evaluate(or.Right, scope);
            case Binary binary:
                var (a, b) = (Evaluate(binary.Left, scope), Evaluate(binary.Right, scope));
                return Arithmetic.Apply(binary.Operator, At(binary, a), b, _budget);
            case Concatenation concatenation:
                var parts = concatenation.Parts.Select(part => PythonText.Of(Evaluate(part, scope), _budget)).ToList();
                _budget.SpendText(parts.Sum(part => (long)part.Length));
                return string.Concat(parts);
            case Comparison comparison:
                return Chain(comparison, scope);
            case Conditional conditional:
                return IsTrue(conditional.Condition, scope) ? Evaluate(conditional.Then, scope)
                    : conditional.Else is { } otherwise ? Evaluate(otherwise, scope)
                    : new Undefined("the inline if has no else, and its condition is false");
            case Slice:
                throw new JinjaException("a slice cannot be combined with other subscripts");
            default:
                throw new InvalidOperationException(expression.GetType().Name);
        }
    }

    /// <summary>Restores the line of an expression after its operands were evaluated.</summary>
    private object? At(Expression expression, object? value)
    {
        Line = expression.Line;
        return value;
    }

    private bool IsTrue(Expression condition, Scope scope) => Python.IsTrue(Evaluate(condition, scope), _budget);

    private bool TryFind(string name, Scope scope, out object? value) =>
        scope.TryFind(name, out value) || _globals.TryGetValue(name, out value);

    private long? Bound(Expression? expression, Scope scope)
    {
        if (expression is null || Evaluate(expression, scope) is not { } value) return null;
        return Python.IsInteger(value, out var number) ? number
            : throw new JinjaException($"a slice requires integers, found a {Python.TypeName(value)}");
    }

    private bool Chain(Comparison comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (symbol, with) in comparison.Rest)
        {
            var right = Evaluate(with, scope);
            Line = comparison.Line;
            if (!Compare(symbol, left, right, _budget)) return false;
            left = right;
        }
        return true;
    }

    public static bool Compare(string symbol, object? left, object? right, Budget budget) => symbol switch
    {
        "==" => Python.AreEqual(left, right, budget),
        "!=" => !Python.AreEqual(left, right, budget),
        "in" => Python.Contains(right, left, budget),
        "not in" => !Python.Contains(right, left, budget),
        "<" => Python.Compare(left, right, symbol, budget) < 0,
        "<=" => Python.Compare(left, right, symbol, budget) <= 0,
        ">" => Python.Compare(left, right, symbol, budget) > 0,
        _ => Python.Compare(left, right, symbol, budget) >= 0,
    };

    /// <summary>Evaluates a chain of filters; <paramref name="start"/> is the input if the innermost filter has no expression of
    /// own.</summary>
    private object? Filtered(Filter? filter, object? start, Scope scope)
    {
        if (filter is null) return start;
        _budget.Descend();
        var value = filter.Of switch
        {
            null => start,
            Filter inner => Filtered(inner, start, scope),
            _ => Evaluate(filter.Of, scope),
        };
        var arguments = Arguments(filter.Arguments, scope, caller: null);
        Line = filter.Line;
        return Filters.Apply(filter.Id, this, value, arguments);
    }

    private object? Call(Call call, Scope scope, Function? caller)
    {
        var function = Evaluate(call.Function, scope);
        var arguments = Arguments(call.Arguments, scope, caller);
        Line = call.Line;
        return function switch
        {
            Function known => known.Run(arguments),
            LoopState { Recurse: { } recurse } => recurse.Run(arguments),
            LoopState => throw new JinjaException("loop can be called only in a loop marked recursive"),
            Undefined missing => throw missing.Error(),
            _ => throw new JinjaException($"a {Python.TypeName(function)} cannot be called"),
        };
    }

    private Arguments Arguments(CallArguments written, Scope scope, Function? caller)
    {
        var positional = written.Positional.Select(argument => Evaluate(argument, scope)).ToList();
        if (written.MorePositional is { } more) positional.AddRange(Python.Items(Evaluate(more, scope), _budget));
        var named = new Dictionary<string, object?>();
        foreach (var (name, value) in written.Named)
            if (!named.TryAdd(name, Evaluate(value, scope))) throw new JinjaException($"the argument '{name}' is passed twice");
        if (written.MoreNamed is { } rest)
        {
            if (Evaluate(rest, scope) is not Dict dict) throw new JinjaException("'**' requires a dict");
            foreach (var (key, value) in dict) named[PythonText.Of(key, _budget)] = value;
        }
        if (caller is not null) named["caller"] = caller;
        return new Arguments(_budget, positional, named);
    }
}
