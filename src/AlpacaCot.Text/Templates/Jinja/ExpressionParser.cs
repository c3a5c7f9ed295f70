using System.Globalization;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Recursive-descent parser for expressions; one method per precedence level of Jinja2, lowest first.</summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>Parses one expression, or a tuple of several separated by commas.</summary>
    /// <param name="withConditional">Whether <c>a if b</c> is allowed.</param>
    /// <param name="end">A name that terminates the tuple.</param>
    public Expression Tuple(bool withConditional = true, string? end = null)
    {
        var line = tokens.Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (true)
        {
            if (items.Count > 0 && !isTuple) isTuple = true;
            if (EndsTuple(end)) break;
            items.Add(withConditional ? Expression() : Or());
            if (!tokens.Current.Is(",")) break;
            isTuple = true;
            tokens.Next();
        }
        if (items.Count == 0) throw tokens.Unexpected("an expression");
        return isTuple ? new TupleLiteral(items, line) : items[0];
    }

    private bool EndsTuple(string? end) => tokens.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || tokens.Current.Is(")") || (end is not null && tokens.Current.Is(end));

    /// <summary>Parses an assignment target.</summary>
    public Expression Target(bool withTuple = true, bool withAttribute = false)
    {
        var line = tokens.Current.Line;
        if (withTuple && tokens.Skip("("))
        {
            var inner = Target();
            tokens.Expect(")");
            return inner;
        }
        var items = new List<Expression> { TargetName() };
        if (withAttribute && tokens.Skip(".")) return new Attribute(items[0], tokens.ExpectName(), line);
        var isTuple = false;
        while (withTuple && tokens.Skip(","))
        {
            isTuple = true;
            if (tokens.Current.Is("(")) items.Add(Target());
            else if (tokens.Current.Kind == TokenKind.Name && !tokens.Current.Is("in")) items.Add(TargetName());
            else break;
        }
        return isTuple ? new TupleLiteral(items, line) : items[0];
    }

    private Name TargetName()
    {
        var token = tokens.Current;
        var name = tokens.ExpectName();
        return name.ToLowerInvariant() is "true" or "false" or "none"
            ? throw new JinjaException($"cannot assign to {name}", token.Line) : new Name(name, token.Line);
    }

    public Expression Expression()
    {
        using var _ = tokens.Deeper();
        var line = tokens.Current.Line;
        var value = Or();
        while (tokens.Skip("if"))
        {
            var condition = Or();
            var otherwise = tokens.Skip("else") ? Expression() : null;
            value = new Conditional(condition, value, otherwise, line);
            line = tokens.Current.Line;
        }
        return value;
    }

    private Expression Or() => LeftToRight(["or"], And);

    private Expression And() => LeftToRight(["and"], Not);

    private Expression Not()
    {
        using var _ = tokens.Deeper();
        var line = tokens.Current.Line;
        return tokens.Skip("not") ? new Unary("not", Not(), line) : Compare();
    }

    private Expression Compare()
    {
        var line = tokens.Current.Line;
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (tokens.Current.Kind == TokenKind.Operator && Comparisons.Contains(tokens.Current.Text))
                rest.Add((tokens.Next().Text, Sum()));
            else if (tokens.Skip("in")) rest.Add(("in", Sum()));
            else if (tokens.Current.Is("not") && tokens.Ahead.Is("in"))
            {
                tokens.Next();
                tokens.Next();
                rest.Add(("not in", Sum()));
            }
            else return rest.Count == 0 ? first : new Comparison(first, rest, line);
        }
    }

    private Expression Sum() => LeftToRight(["+", "-"], Concatenated);

    private Expression Concatenated()
    {
        var line = tokens.Current.Line;
        var parts = new List<Expression> { Product() };
        while (tokens.Skip("~")) parts.Add(Product());
        return parts.Count == 1 ? parts[0] : new Concatenation(parts, line);
    }

    private Expression Product() => LeftToRight(["*", "/", "//", "%"], Power);

    private Expression Power() => LeftToRight(["**"], () => Signed());

    private Expression LeftToRight(string[] operators, Func<Expression> operand)
    {
        var line = tokens.Current.Line;
        var left = operand();
        while (tokens.Current.Kind is TokenKind.Operator or TokenKind.Name && operators.Contains(tokens.Current.Text))
        {
            var symbol = tokens.Next().Text;
            left = new Binary(symbol, left, operand(), line);
            line = tokens.Current.Line;
        }
        return left;
    }

    private Expression Signed(bool withFilters = true)
    {
        using var _ = tokens.Deeper();
        var line = tokens.Current.Line;
        var value = tokens.Skip("-") ? new Unary("-", Signed(withFilters: false), line)
            : tokens.Skip("+") ? new Unary("+", Signed(withFilters: false), line) : Primary();
        value = Postfix(value);
        return withFilters ? FiltersAndTests(value) : value;
    }

    private Expression Primary()
    {
        var token = tokens.Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new Constant(true, token.Line),
                    "false" or "False" => new Constant(false, token.Line),
                    "none" or "None" => new Constant(null, token.Line),
                    _ => new Name(token.Text, token.Line),
                };
            case TokenKind.Text:
                var text = token.Text;
                while (tokens.Current.Kind == TokenKind.Text) text += tokens.Next().Text;
                return new Constant(text, token.Line);
            case TokenKind.Integer:
                return long.TryParse(token.Text, CultureInfo.InvariantCulture, out var integer)
                    ? new Constant(integer, token.Line) : throw new JinjaException($"{token.Text} is too large", token.Line);
            case TokenKind.Float:
                return new Constant(double.Parse(token.Text, CultureInfo.InvariantCulture), token.Line);
        }
        if (token.Is("("))
        {
            if (tokens.Skip(")")) return new TupleLiteral([], token.Line);
            var inner = Tuple();
            tokens.Expect(")");
            return inner;
        }
        if (token.Is("[")) return new ListLiteral(Items("]", Expression), token.Line);
        if (token.Is("{"))
        {
            return new DictLiteral(Items("}", () =>
            {
                var key = Expression();
                tokens.Expect(":");
                return (key, Expression());
            }), token.Line);
        }
        throw new JinjaException($"expected an expression, found {token}", token.Line);
    }

    private List<T> Items<T>(string end, Func<T> read)
    {
        var items = new List<T>();
        while (!tokens.Skip(end))
        {
            if (items.Count > 0)
            {
                tokens.Expect(",");
                if (tokens.Skip(end)) break;
            }
            items.Add(read());
        }
        return items;
    }

    private Expression Postfix(Expression value)
    {
        while (true)
        {
            var line = tokens.Current.Line;
            if (tokens.Skip("."))
            {
                var token = tokens.Next();
                value = token.Kind switch
                {
                    TokenKind.Name => new Attribute(value, token.Text, line),
                    TokenKind.Integer => new Subscript(value, new Constant(long.Parse(token.Text, null), line), line),
                    _ => throw new JinjaException($"expected a name after '.', found {token}", token.Line),
                };
            }
            else if (tokens.Skip("["))
            {
                var key = Items("]", Subscribed);
                if (key.Count == 0) throw new JinjaException("expected an expression between the brackets", line);
                value = new Subscript(value, key.Count == 1 ? key[0] : new TupleLiteral(key, line), line);
            }
            else if (tokens.Current.Is("(")) value = new Call(value, Arguments(), line);
            else return value;
        }
    }

    private Expression Subscribed()
    {
        var line = tokens.Current.Line;
        var start = tokens.Current.Is(":") ? null : Expression();
        if (!tokens.Skip(":")) return start!;
        var stop = Part();
        return new Slice(start, stop, tokens.Skip(":") ? Part() : null, line);

        Expression? Part() => tokens.Current.Is(":") || tokens.Current.Is("]") || tokens.Current.Is(",") ? null : Expression();
    }

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            if (tokens.Current.Is("|")) value = Filters(value)!;
            else if (tokens.Current.Is("is")) value = Test(value);
            else if (tokens.Current.Is("(")) value = new Call(value, Arguments(), tokens.Current.Line);
            else return value;
        }
    }

    /// <summary>Parses the filters that follow; returns the value itself if there is none.</summary>
    public Expression? Filters(Expression? value)
    {
        while (tokens.Skip("|")) value = FilterNamed(value);
        return value;
    }

    /// <summary>Parses the filter at the current token.</summary>
    public Filter FilterNamed(Expression? value)
    {
        var line = tokens.Current.Line;
        return new Filter(value, tokens.ExpectName(), tokens.Current.Is("(") ? Arguments() : CallArguments.None, line);
    }

    private Test Test(Expression value)
    {
        var line = tokens.Next().Line;
        var negated = tokens.Skip("not");
        var name = tokens.ExpectName();
        var arguments = CallArguments.None;
        if (tokens.Current.Is("(")) arguments = Arguments();
        else if (TakesArgument(tokens.Current))
        {
            if (tokens.Current.Is("is")) throw new JinjaException("'is' tests cannot be chained", line);
            arguments = new CallArguments([Postfix(Primary())], []);
        }
        return new Test(value, name, arguments, negated, line);
    }

    private static bool TakesArgument(Token token) => token.Kind switch
    {
        TokenKind.Text or TokenKind.Integer or TokenKind.Float => true,
        TokenKind.Name => token.Text is not ("else" or "or" or "and" or "if"),
        _ => token.Is("[") || token.Is("{"),
    };

    private CallArguments Arguments()
    {
        tokens.Expect("(");
        var (positional, named) = (new List<Expression>(), new List<(string, Expression)>());
        Expression? morePositional = null, moreNamed = null;
        var isFirst = true;
        while (!tokens.Skip(")"))
        {
            if (!isFirst)
            {
                tokens.Expect(",");
                if (tokens.Skip(")")) break;
            }
            isFirst = false;
            if (tokens.Skip("*")) morePositional = Expression();
            else if (tokens.Skip("**")) moreNamed = Expression();
            else if (tokens.Current.Kind == TokenKind.Name && tokens.Ahead.Is("="))
            {
                var name = tokens.Next().Text;
                tokens.Next();
                named.Add((name, Expression()));
            }
            else if (named.Count > 0 || morePositional is not null || moreNamed is not null)
                throw new JinjaException("positional argument after a named argument", tokens.Current.Line);
            else positional.Add(Expression());
        }
        return new CallArguments(positional, named, morePositional, moreNamed);
    }
}
