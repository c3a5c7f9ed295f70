using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>
/// Renders a conversation as the text for a model, and marks the parts that the model is trained to write. Training, generation
/// and evaluation use no other interface. Implementations are immutable and thread-safe.
/// </summary>
public interface IChatFormat
{
    /// <summary>The name in messages and files: a built-in template's name or the name of the template's file.</summary>
    string Name { get; }

    /// <summary>Strings that end an answer in generation; a special token of the tokenizer is matched as a
    /// token.</summary>
    IReadOnlyList<string> Stop { get; }

    /// <summary>
    /// Whether the text contains BOS and EOS at their positions. If not, the encoder prepends BOS where the tokenizer does so
    /// for every text.
    /// </summary>
    bool WritesSpecialTokens { get; }

    /// <summary>
    /// Renders the training text. Only supervised segments enter the loss. A conversation of one assistant turn is plain text, as
    /// used for pre-training: it gets no header.
    /// </summary>
    /// <exception cref="InputException">
    /// The template does not support a turn, or the span of an answer is unknown; the message names the record.
    /// </exception>
    IReadOnlyList<Segment> Render(Conversation conversation);

    /// <summary>
    /// Renders the text up to the model's answer, including the answer's header. A last assistant turn is omitted: it is the
    /// answer to be generated.
    /// </summary>
    /// <exception cref="InputException">The template does not support a turn.</exception>
    IReadOnlyList<Segment> RenderPrompt(Conversation conversation);

    /// <summary>The template as JSON, for <see cref="ChatFormats.FileName"/>; <see cref="ChatFormats.FromJson"/> reads
    /// it.</summary>
    string ToJson();
}
