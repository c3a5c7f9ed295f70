namespace AlpacaCot.Text.Templates;

/// <summary>A special token that is not written as text.</summary>
public enum SpecialToken
{
    /// <summary>None: the segment is text.</summary>
    None,

    /// <summary>The end-of-sequence token of the tokenizer in use.</summary>
    Eos,

    /// <summary>The begin-of-sequence token where the tokenizer in use prepends one to every text; else nothing.</summary>
    Bos,
}

/// <summary>
/// A part of a rendered conversation with its supervision. Supervision is set during rendering and carried to the labels, so the
/// answer is never searched for in the text.
/// </summary>
/// <param name="Text">The text; empty where <paramref name="Special"/> is a token.</param>
/// <param name="Supervised">Whether the model is trained to write this part.</param>
/// <param name="Special">The special token of the segment; None for text.</param>
public readonly record struct Segment(string Text, bool Supervised, SpecialToken Special = SpecialToken.None)
{
    /// <summary>Whether the part is outside the loss even where the prompt is trained on: the record or the recipe says
    /// so.</summary>
    public bool Masked { get; init; }

    /// <summary>Whether text that spells a special token becomes that token.</summary>
    public bool ParsesSpecial { get; init; }

    /// <summary>The segment as readable text.</summary>
    /// <param name="bos">The text of <see cref="SpecialToken.Bos"/>.</param>
    /// <param name="eos">The text of <see cref="SpecialToken.Eos"/>.</param>
    public string Spelled(string bos, string eos) =>
        Special switch { SpecialToken.Bos => bos, SpecialToken.Eos => eos, _ => Text };
}
