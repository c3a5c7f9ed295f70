namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>A text with the places of it that a model writes.</summary>
/// <param name="Text">The whole text.</param>
/// <param name="Generated">Offsets of what <c>{% generation %}</c> blocks wrote, in order; null where the template has
/// none.</param>
public sealed record RenderedText(string Text, IReadOnlyList<Range>? Generated);

/// <summary>
/// A Jinja template, as models carry in <c>tokenizer_config.json</c>. It renders as Jinja2 does with the settings of Hugging
/// Face's <c>apply_chat_template</c>. Templates come from strangers: nothing outside can be reached from one, and a rendering is
/// bounded in steps, depth and size. Immutable; may be used by several threads.
/// </summary>
public sealed class JinjaTemplate
{
    private readonly string _name;
    private readonly IReadOnlyList<Statement> _body;

    private JinjaTemplate(string source, string name, IReadOnlyList<Statement> body, bool marks) =>
        (Source, _name, _body, MarksGeneration) = (source, name, body, marks);

    /// <summary>The text it was read from.</summary>
    public string Source { get; }

    /// <summary>Whether the template says itself what the model writes.</summary>
    public bool MarksGeneration { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its text.</param>
    /// <param name="name">What messages call it: a path, if there is one.</param>
    /// <exception cref="InputException">It is not well-formed; the message names the line.</exception>
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

    /// <summary>Renders with variables: null, bool, long, double, string, lists and dicts of them as <see cref="PythonJson"/>
    /// reads.</summary>
    /// <exception cref="InputException">The template refuses, cannot work on the variables, or does not end.</exception>
    internal RenderedText Render(IReadOnlyDictionary<string, object?> variables, DateTime now)
    {
        var interpreter = new Interpreter(Globals.At(now));
        try
        {
            var text = interpreter.Run(_body, variables);
            return new RenderedText(text, MarksGeneration ? interpreter.Generated : null);
        }
        catch (JinjaException wrong)
        {
            throw new InputException($"{_name}, line {wrong.Line ?? interpreter.Line}: {wrong.Message.TrimEnd('.')}.", wrong);
        }
    }
}
