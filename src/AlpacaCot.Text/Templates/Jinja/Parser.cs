namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Parses the statements of a template; <see cref="ExpressionParser"/> parses their expressions.</summary>
internal sealed class Parser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;
    private readonly Stack<string> _open = new();
    private int _loops;

    private Parser(TokenStream tokens) => (_tokens, _expressions) = (tokens, new ExpressionParser(tokens));

    /// <exception cref="JinjaException">A syntax error.</exception>
    public static IReadOnlyList<Statement> Parse(string source)
    {
        var parser = new Parser(new TokenStream(Lexer.Read(source)));
        return parser.Body();
    }

    /// <summary>Parses up to one of the tags, which becomes the current token; without tags, to the end.</summary>
    private List<Statement> Body(params string[] ends)
    {
        using var _ = _tokens.Deeper();
        var body = new List<Statement>();
        while (true)
        {
            var token = _tokens.Current;
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new Data(token.Text, token.Line));
                    _tokens.Next();
                    break;
                case TokenKind.VariableBegin:
                    _tokens.Next();
                    body.Add(new Print(_expressions.Tuple(), token.Line));
                    _tokens.Expect(TokenKind.VariableEnd, "'}}'");
                    break;
                case TokenKind.BlockBegin:
                    _tokens.Next();
                    if (_tokens.Current.Kind == TokenKind.Name && ends.Contains(_tokens.Current.Text)) return body;
                    body.Add(Statement());
                    _tokens.Expect(TokenKind.BlockEnd, "'%}'");
                    break;
                default:
                    if (ends.Length == 0) return body;
                    throw new JinjaException($"{_open.Peek()} is unclosed: '{{% {ends[^1]} %}}' is missing", token.Line);
            }
        }
    }

    /// <summary>Parses the body of the current tag and consumes the name of its end tag.</summary>
    private List<Statement> Block(string tag, int line, string end)
    {
        var body = Block(tag, line, [end]);
        _tokens.Next();
        return body;
    }

    private List<Statement> Block(string tag, int line, string[] ends)
    {
        _tokens.Expect(TokenKind.BlockEnd, "'%}'");
        _open.Push($"the {tag} block of line {line}");
        var body = Body(ends);
        _open.Pop();
        return body;
    }

    private Statement Statement()
    {
        var token = _tokens.Current;
        if (token.Kind != TokenKind.Name) throw new JinjaException($"expected the name of a tag, found {token}", token.Line);
        _tokens.Next();
        return token.Text switch
        {
            "if" => If(token.Line),
            "for" => For(token.Line),
            "set" => Set(token.Line),
            "macro" => Macro(token.Line),
            "call" => CallBlock(token.Line),
            "filter" => FilterBlock(token.Line),
            "with" => With(token.Line),
            "print" => new Print(_expressions.Tuple(), token.Line),
            "generation" => Scoped(() => new Generation(Block("generation", token.Line, "endgeneration"), token.Line)),
            "break" or "continue" => _loops > 0 ? new Jump(token.Text == "break", token.Line)
                : throw new JinjaException($"{token.Text} outside a loop", token.Line),
            "extends" or "include" or "import" or "from" or "block" =>
                throw new JinjaException($"{token.Text} is not supported: a chat template is a single file", token.Line),
            _ => throw new JinjaException($"unknown tag '{token.Text}'", token.Line),
        };
    }

    /// <summary>Parses a body in which break and continue do not apply to the surrounding loop.</summary>
    private T Scoped<T>(Func<T> read)
    {
        var loops = _loops;
        _loops = 0;
        var result = read();
        _loops = loops;
        return result;
    }

    private If If(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        List<Statement> otherwise = [];
        while (true)
        {
            var condition = _expressions.Tuple(withConditional: false);
            branches.Add((condition, Block("if", line, ["elif", "else", "endif"])));
            var tag = _tokens.Next().Text;
            if (tag == "elif") continue;
            if (tag == "else") otherwise = Block("if", line, "endif");
            return new If(branches, otherwise, line);
        }
    }

    private For For(int line)
    {
        var target = _expressions.Target();
        _tokens.Expect("in");
        var over = _expressions.Tuple(withConditional: false, end: "recursive");
        var condition = _tokens.Skip("if") ? _expressions.Expression() : null;
        var recursive = _tokens.Skip("recursive");
        _loops++;
        var body = Block("for", line, ["else", "endfor"]);
        _loops--;
        var otherwise = _tokens.Next().Text == "else" ? Block("for", line, "endfor") : [];
        return new For(target, over, condition, recursive, body, otherwise, line);
    }

    private Statement Set(int line)
    {
        var target = _expressions.Target(withAttribute: true);
        if (_tokens.Skip("=")) return new Set(target, _expressions.Tuple(), line);
        var filters = _tokens.Current.Is("|") ? (Filter)_expressions.Filters(null)! : null;
        return Scoped(() => new SetBlock(target, filters, Block("set", line, "endset"), line));
    }

    private FilterBlock FilterBlock(int line)
    {
        var filters = _expressions.FilterNamed(null);
        return Scoped(() => new FilterBlock((Filter)_expressions.Filters(filters)!, Block("filter", line, "endfilter"), line));
    }

    private With With(int line)
    {
        var values = new List<(Expression, Expression)>();
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (values.Count > 0) _tokens.Expect(",");
            var target = _expressions.Target(withTuple: false);
            _tokens.Expect("=");
            values.Add((target, _expressions.Expression()));
        }
        return new With(values, Block("with", line, "endwith"), line);
    }

    private DefineMacro Macro(int line)
    {
        var name = _tokens.ExpectName();
        return new DefineMacro(MacroBody(name, Signature(), "macro", line), line);
    }

    private CallBlock CallBlock(int line)
    {
        var parameters = _tokens.Current.Is("(") ? Signature() : [];
        if (_expressions.Expression() is not Call call) throw new JinjaException("call requires a macro call", line);
        return new CallBlock(call, MacroBody("caller", parameters, "call", line), line);
    }

    private MacroBody MacroBody(string name, List<(string, Expression?)> parameters, string tag, int line)
    {
        var from = _tokens.Position;
        var body = Scoped(() => Block(tag, line, "end" + tag));
        var mentions = _tokens.Names(from).Where(id => id is "varargs" or "kwargs" or "caller").ToHashSet();
        return new MacroBody(name, parameters, body, mentions);
    }

    private List<(string, Expression?)> Signature()
    {
        var parameters = new List<(string, Expression? Default)>();
        _tokens.Expect("(");
        while (!_tokens.Skip(")"))
        {
            if (parameters.Count > 0) _tokens.Expect(",");
            var line = _tokens.Current.Line;
            var name = _tokens.ExpectName();
            var standard = _tokens.Skip("=") ? _expressions.Expression() : null;
            if (standard is null && parameters.Count > 0 && parameters[^1].Default is not null)
                throw new JinjaException($"the parameter {name} without a default follows one with a default", line);
            parameters.Add((name, standard));
        }
        return parameters;
    }
}
