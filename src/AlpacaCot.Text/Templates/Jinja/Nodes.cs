namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Syntax node with a value.</summary>
internal abstract record Expression(int Line);

internal sealed record Constant(object? Value, int Line) : Expression(Line);
internal sealed record Name(string Id, int Line) : Expression(Line);
internal sealed record ListLiteral(IReadOnlyList<Expression> Items, int Line) : Expression(Line);
internal sealed record TupleLiteral(IReadOnlyList<Expression> Items, int Line) : Expression(Line);
internal sealed record DictLiteral(IReadOnlyList<(Expression Key, Expression Value)> Items, int Line) : Expression(Line);
internal sealed record Attribute(Expression Of, string Id, int Line) : Expression(Line);
internal sealed record Subscript(Expression Of, Expression Key, int Line) : Expression(Line);
internal sealed record Slice(Expression? Start, Expression? Stop, Expression? Step, int Line) : Expression(Line);
internal sealed record Call(Expression Function, CallArguments Arguments, int Line) : Expression(Line);
internal sealed record Filter(Expression? Of, string Id, CallArguments Arguments, int Line) : Expression(Line);
internal sealed record Test(Expression Of, string Id, CallArguments Arguments, bool Negated, int Line) : Expression(Line);
internal sealed record Unary(string Operator, Expression Of, int Line) : Expression(Line);
internal sealed record Binary(string Operator, Expression Left, Expression Right, int Line) : Expression(Line);
internal sealed record Concatenation(IReadOnlyList<Expression> Parts, int Line) : Expression(Line);
internal sealed record Comparison(Expression First, IReadOnlyList<(string Operator, Expression With)> Rest, int Line)
    : Expression(Line);
internal sealed record Conditional(Expression Condition, Expression Then, Expression? Else, int Line) : Expression(Line);

/// <summary>Arguments of a call in the syntax tree.</summary>
internal sealed record CallArguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named,
    Expression? MorePositional = null, Expression? MoreNamed = null)
{
    public static readonly CallArguments None = new([], []);
}

/// <summary>Syntax node that is executed.</summary>
internal abstract record Statement(int Line);

internal sealed record Data(string Text, int Line) : Statement(Line);
internal sealed record Print(Expression Value, int Line) : Statement(Line);
internal sealed record If(IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> Branches,
    IReadOnlyList<Statement> Else, int Line) : Statement(Line);
internal sealed record For(Expression Target, Expression Over, Expression? Condition, bool Recursive,
    IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Else, int Line) : Statement(Line);
internal sealed record Set(Expression Target, Expression Value, int Line) : Statement(Line);
internal sealed record SetBlock(Expression Target, Filter? Filters, IReadOnlyList<Statement> Body, int Line) : Statement(Line);
internal sealed record FilterBlock(Filter Filters, IReadOnlyList<Statement> Body, int Line) : Statement(Line);
internal sealed record With(IReadOnlyList<(Expression Target, Expression Value)> Values, IReadOnlyList<Statement> Body, int Line)
    : Statement(Line);
internal sealed record DefineMacro(MacroBody Macro, int Line) : Statement(Line);
internal sealed record CallBlock(Call Call, MacroBody Caller, int Line) : Statement(Line);
internal sealed record Generation(IReadOnlyList<Statement> Body, int Line) : Statement(Line);
internal sealed record Jump(bool IsBreak, int Line) : Statement(Line);

/// <summary>Definition of a macro, or of the body of a call block.</summary>
/// <param name="Id">Name of the macro.</param>
/// <param name="Parameters">Parameter names with default expressions.</param>
/// <param name="Body">Statements of the body.</param>
/// <param name="Mentions">Which of <c>varargs</c>, <c>kwargs</c>, <c>caller</c> the body uses; only these may be
/// passed.</param>
internal sealed record MacroBody(string Id, IReadOnlyList<(string Name, Expression? Default)> Parameters,
    IReadOnlyList<Statement> Body, IReadOnlySet<string> Mentions);
