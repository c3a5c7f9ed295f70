using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>
/// How a conversation becomes the text a model reads, and which parts of it the model is trained to write. Training, generation
/// and evaluation ask nothing else. Implementations are immutable and safe for many threads.
/// </summary>
public interface IChatFormat
{
    /// <summary>The name for messages and files: of a built-in template, or of the file the template was read from.</summary>
    string Name { get; }

    /// <summary>Strings that end an answer in generation; one that is a special token of the tokenizer ends it as a
    /// token.</summary>
    IReadOnlyList<string> Stop { get; }

    /// <summary>
    /// Whether the text contains BOS and EOS where they belong. If not, the encoder puts BOS first where the tokenizer does so
    /// for every text.
    /// </summary>
    bool WritesSpecialTokens { get; }

    /// <summary>
    /// The training text. Exactly the supervised segments are learned. A conversation of one assistant turn is plain text, as
    /// used for pre-training: it gets no heading.
    /// </summary>
    /// <exception cref="InputException">
    /// The template has no form for a turn, or the place of an answer in the text is unknown; the message names the record.
    /// </exception>
    IReadOnlyList<Segment> Render(Conversation conversation);

    /// <summary>
    /// The text up to where the model answers, heading of the answer included. A last turn of the assistant is left out: it is
    /// the answer to be written.
    /// </summary>
    /// <exception cref="InputException">The template has no form for a turn.</exception>
    IReadOnlyList<Segment> RenderPrompt(Conversation conversation);

    /// <summary>The template as JSON, for <see cref="ChatFormats.FileName"/>; <see cref="ChatFormats.FromJson"/> reads
    /// it.</summary>
    string ToJson();
}
