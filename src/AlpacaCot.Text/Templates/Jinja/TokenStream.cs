namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Token cursor with a nesting counter for the parser.</summary>
internal sealed class TokenStream(List<Token> tokens)
{
    private const int MaxDepth = 300;   // a pair of parentheses takes three levels
    private int _depth;

    public int Position { get; private set; }

    public Token Current => tokens[Position];

    public Token Ahead => tokens[Math.Min(Position + 1, tokens.Count - 1)];

    /// <summary>Consumes and returns the current token.</summary>
    public Token Next()
    {
        var token = Current;
        if (token.Kind != TokenKind.End) Position++;
        return token;
    }

    public bool Skip(string symbol)
    {
        if (!Current.Is(symbol)) return false;
        Position++;
        return true;
    }

    public void Expect(string symbol)
    {
        if (!Skip(symbol)) throw Unexpected($"'{symbol}'");
    }

    public void Expect(TokenKind kind, string what)
    {
        if (Current.Kind != kind) throw Unexpected(what);
        Position++;
    }

    public string ExpectName() => Current.Kind == TokenKind.Name ? Next().Text : throw Unexpected("a name");

    public JinjaException Unexpected(string expected) => new($"expected {expected}, found {Current}", Current.Line);

    /// <summary>The names from a position to the current token.</summary>
    public IEnumerable<string> Names(int from) =>
        tokens.Skip(from).Take(Position - from).Where(t => t.Kind == TokenKind.Name).Select(t => t.Text);

    /// <summary>Enters a nesting level, left when the result is disposed.</summary>
    /// <exception cref="JinjaException">The maximum depth is exceeded.</exception>
    public Level Deeper() => ++_depth <= MaxDepth ? new Level(this)
        : throw new JinjaException($"it is nested more than {MaxDepth} levels deep", Current.Line);

    public readonly struct Level(TokenStream stream) : IDisposable
    {
        public void Dispose() => stream._depth--;
    }
}
