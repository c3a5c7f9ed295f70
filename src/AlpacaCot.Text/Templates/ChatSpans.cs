using AlpacaCot.Text.Templates.Jinja;

namespace AlpacaCot.Text.Templates;

/// <summary>A part of a rendered conversation.</summary>
/// <param name="Part">The offsets in the text.</param>
/// <param name="Learn">Whether the model is trained to write it; else it is masked.</param>
internal readonly record struct ChatSpan(Range Part, bool Learn);

/// <summary>
/// Finds the turns of a rendered conversation. A turn is located by what its rendering adds to the text, and the start of a text
/// by rendering another in its place; nothing is searched for.
/// </summary>
/// <param name="messages">The messages, each a <see cref="Dict"/>.</param>
/// <param name="addPrompt">Whether the text ends with the header of an answer.</param>
/// <param name="render">Renders messages, with or without the header of an answer.</param>
internal sealed class ChatSpans(List<object?> messages, bool addPrompt, Func<List<object?>, bool, RenderedText> render)
{
    private const string Content = "content", Reasoning = "reasoning_content";

    // Private-use characters, so that it differs from a text at its first and last character.
    private const string Other = "\uE0F1placeholder\uE0F2";

    private readonly RenderedText _whole = render(messages, addPrompt);

    /// <summary>The whole text.</summary>
    public string Text => _whole.Text;

    /// <summary>The spans in order: the assistant's turns, and other turns where <paramref name="learn"/> is set.</summary>
    /// <param name="learn">For each message whether it is trained on; null: the role decides.</param>
    /// <param name="problem">Why a span is unknown, with the index of its message; null where all are known.</param>
    public List<ChatSpan> Find(IReadOnlyList<bool?> learn, out (int Turn, string Why)? problem)
    {
        problem = null;
        var spans = new List<ChatSpan>();
        var marked = _whole.Generated;
        for (var i = 0; marked is not null && i < marked.Count; i++)
        {
            var turn = messages.FindIndex(message => ReferenceEquals(message, _whole.Sources[i]));
            if (turn < 0 && learn.Any(one => one is not null))
            {
                problem = (messages.FindIndex(message => Role(message) == "assistant"),
                    "its generation block is outside the loop "
                    + "over the messages");
                return [];
            }
            spans.Add(new(marked[i], turn < 0 || (learn[turn] ?? true)));
        }
        for (var i = 0; i < messages.Count; i++)
        {
            var isAnswer = Role(messages[i]) == "assistant";
            if (isAnswer ? marked is not null : learn[i] is null) continue;
            if (Turn(i, isAnswer) is not { } part)
            {
                if (learn[i] == false) continue;   // not trained on, so its span is not needed
                problem = (i, _why);
                return [];
            }
            spans.Add(new(part, learn[i] ?? true));
        }
        spans.Sort((a, b) => a.Part.Start.Value.CompareTo(b.Part.Start.Value));
        return spans;
    }

    /// <summary>Masks a message's reasoning inside the spans; false where the template does not render it.</summary>
    public bool MaskReasoning(int turn, List<ChatSpan> spans)
    {
        var with = Replaced(turn, Reasoning, Other);
        var (other, text) = (render(with, addPrompt).Text, _whole.Text);
        if (other == text) return false;
        var start = other.AsSpan().CommonPrefixLength(text);
        var end = text.Length - CommonSuffixLength(other.AsSpan(start), text.AsSpan(start));
        for (var i = 0; i < spans.Count; i++)
        {
            var (first, last) = (spans[i].Part.Start.Value, spans[i].Part.End.Value);
            if (!spans[i].Learn || start < first || end > last) continue;
            ChatSpan[] parts = [new(first..start, true), new(start..end, false), new(end..last, true)];
            spans.RemoveAt(i);
            spans.InsertRange(i, parts.Where(part => part.Part.Start.Value < part.Part.End.Value));
            break;
        }
        return true;
    }

    private string _why = "";

    private Range? Turn(int i, bool isAnswer)
    {
        var through = i == messages.Count - 1 && !addPrompt ? _whole.Text : render(messages[..(i + 1)], false).Text;
        var start = isAnswer && i > 0 ? PromptLength(i, through) : ContentStart(i, through);
        if (start < 0) _why = "the rendered turn does not begin with its prompt";
        else if (!_whole.Text.StartsWith(through, StringComparison.Ordinal))
            _why = "it is rendered differently when further turns follow";
        else return start..through.Length;
        return null;
    }

    private int PromptLength(int i, string through)
    {
        var prompt = render(messages[..i], true).Text;
        return through.StartsWith(prompt, StringComparison.Ordinal) ? prompt.Length : -1;
    }

    // Without a prompt before it, a turn begins where another text in its place makes a difference.
    private int ContentStart(int i, string through)
    {
        var other = render([.. Replaced(i, Content, Other)[..(i + 1)]], false).Text;
        return other.AsSpan().CommonPrefixLength(through);
    }

    private List<object?> Replaced(int turn, string key, string text)
    {
        var message = new Dict();
        foreach (var (own, value) in (Dict)messages[turn]!)
            if (key != Content || own is not (Reasoning or "tool_calls")) message[own] = value;
        message[key] = text;
        List<object?> changed = [.. messages];
        changed[turn] = message;
        return changed;
    }

    private static int CommonSuffixLength(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var length = 0;
        while (length < Math.Min(a.Length, b.Length) && a[^(length + 1)] == b[^(length + 1)]) length++;
        return length;
    }

    private static string? Role(object? message) => message is Dict dict ? dict.GetValueOrDefault("role") as string : null;
}
