namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>A rendered text with the parts that the model generates.</summary>
/// <param name="Text">The complete text.</param>
/// <param name="Generated">Offsets of the output of <c>{% generation %}</c> blocks, in order; null if the template has
/// none.</param>
public sealed record RenderedText(string Text, IReadOnlyList<Range>? Generated)
{
    /// <summary>For each range of <see cref="Generated"/> the message whose block it is; null where it is in no loop over the
    /// messages.</summary>
    internal IReadOnlyList<object?> Sources { get; init; } = [];
}

/// <summary>
/// A Jinja template, as stored in <c>tokenizer_config.json</c>. Renders like Jinja2 with the settings of Hugging Face's
/// <c>apply_chat_template</c>. Templates are untrusted: they have no access to the environment, and a rendering is limited in
/// steps, depth and size. Immutable and thread-safe.
/// </summary>
public sealed class JinjaTemplate
{
    private const int LongestMessage = 1000;

    private readonly string _name;
    private readonly IReadOnlyList<Statement> _body;

    private JinjaTemplate(string source, string name, IReadOnlyList<Statement> body, bool marks) =>
        (Source, _name, _body, MarksGeneration) = (source, name, body, marks);

    /// <summary>The text it was read from.</summary>
    public string Source { get; }

    /// <summary>Whether the template marks the model's output with <c>{% generation %}</c>.</summary>
    public bool MarksGeneration { get; }

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template's text.</param>
    /// <param name="name">Name in messages, usually a path.</param>
    /// <exception cref="InputException">A syntax error; the message includes the line.</exception>
    public static JinjaTemplate Parse(string source, string name)
    {
        try
        {
            var body = Parser.Parse(source);
            return new JinjaTemplate(source, name, body, Lexer.Read(source).Any(token => token.Is("generation")));
        }
        catch (JinjaException wrong)
        {
            throw new InputException($"{name}, line {wrong.Line ?? 1}: {wrong.Message}.", wrong);
        }
    }

    /// <summary>Renders with variables: null, bool, long, double, string, lists and dicts of them; see <see cref="PythonJson"/>.
    /// </summary>
    /// <exception cref="InputException">The template raises an error, or exceeds its limits.</exception>
    internal RenderedText Render(IReadOnlyDictionary<string, object?> variables, DateTime now)
    {
        var interpreter = new Interpreter(Globals.At(now));
        try
        {
            var text = interpreter.Run(_body, variables);
            return new RenderedText(text, MarksGeneration ? interpreter.Generated : null)
            {
                Sources = interpreter.Sources,
            };
        }
        catch (JinjaException wrong)
        {
            throw new InputException($"{_name}, line {wrong.Line ?? interpreter.Line}: {Shown(wrong.Message).TrimEnd('.')}.",
                wrong);
        }
    }

    // A template may put a text of any length into its message.
    private static string Shown(string message) => message.Length <= LongestMessage ? message : message[..LongestMessage] + "...";
}
