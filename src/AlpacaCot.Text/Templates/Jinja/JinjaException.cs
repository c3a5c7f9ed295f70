namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>What a template or its variables did wrong; <see cref="JinjaTemplate"/> turns it into an input error with the
/// line.</summary>
internal sealed class JinjaException(string message, int? line = null) : Exception(message)
{
    /// <summary>The line of the template, from 1, where the place of the fault knows it better than the interpreter.</summary>
    public int? Line { get; } = line;
}
