namespace AlpacaCot.Text.Templates;

/// <summary>A token that is meant as such and not spelled as text.</summary>
public enum SpecialToken
{
    /// <summary>None: the segment is text.</summary>
    None,

    /// <summary>The end-of-sequence token of the tokenizer in use.</summary>
    Eos,

    /// <summary>The begin-of-sequence token where the tokenizer in use puts one in front of every text; else nothing.</summary>
    Bos,
}

/// <summary>
/// A piece of a rendered conversation with its mark. Marks are set where the text is put together and carried to the labels, so
/// nothing has to search for the answer afterwards.
/// </summary>
/// <param name="Text">The text; empty where <paramref name="Special"/> is a token.</param>
/// <param name="Supervised">Whether the model is trained to write this piece.</param>
/// <param name="Special">The special token the piece stands for, if it is not text.</param>
public readonly record struct Segment(string Text, bool Supervised, SpecialToken Special = SpecialToken.None)
{
    /// <summary>Whether text that spells a special token becomes that token.</summary>
    public bool ParsesSpecial { get; init; }

    /// <summary>The piece as text for people.</summary>
    /// <param name="bos">The text of <see cref="SpecialToken.Bos"/>.</param>
    /// <param name="eos">The text of <see cref="SpecialToken.Eos"/>.</param>
    public string Spelled(string bos, string eos) =>
        Special switch { SpecialToken.Bos => bos, SpecialToken.Eos => eos, _ => Text };
}
