using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using static System.FormattableString;

namespace AlpacaCot.Text.Examples;

/// <summary>
/// Turns conversations into token ids and labels. Every segment of the template is encoded by itself, so a token belongs to one
/// segment and its label is right by construction. Thread-safe.
/// </summary>
public sealed class ExampleEncoder
{
    private readonly Tokenizer _tokenizer;
    private readonly IChatFormat _template;
    private readonly EncodingOptions _options;
    private int _encoded, _truncated, _dropped, _shortestDroppedPrompt = int.MaxValue;

    /// <summary>Creates an encoder.</summary>
    /// <param name="tokenizer">Gives the ids.</param>
    /// <param name="template">Gives the text and what of it is supervised.</param>
    /// <param name="options">Cutoff and supervision of the prompt.</param>
    /// <exception cref="InputException">The cutoff length is less than 1.</exception>
    public ExampleEncoder(Tokenizer tokenizer, IChatFormat template, EncodingOptions options)
    {
        if (options.CutoffLength < 1)
            throw new InputException($"cutoff_length is {options.CutoffLength}; it must be at least 1.");
        (_tokenizer, _template, _options) = (tokenizer, template, options);
    }

    /// <summary>Examples made so far, the truncated ones included.</summary>
    public int Encoded => Volatile.Read(ref _encoded);

    /// <summary>Examples that lost their end to the cutoff but kept part of an answer.</summary>
    public int Truncated => Volatile.Read(ref _truncated);

    /// <summary>Conversations that gave no example, because nothing of an answer was left before the cutoff.</summary>
    public int Dropped => Volatile.Read(ref _dropped);

    /// <summary>What became of the conversations, in a line for people.</summary>
    public string Summary
    {
        get
        {
            var line = Invariant($"{Encoded:N0} {(Encoded == 1 ? "example" : "examples")}");
            if (Truncated > 0) line += Invariant($", {Truncated:N0} of them truncated to {_options.CutoffLength:N0} tokens");
            if (Dropped > 0)
                line += Invariant($"; {Dropped:N0} dropped (no token of an answer within {_options.CutoffLength:N0} tokens)");
            return line;
        }
    }

    /// <summary>Makes an example of a conversation.</summary>
    /// <returns>
    /// The first <see cref="EncodingOptions.CutoffLength"/> ids and their labels. An answer that is cut gets no EOS: that would
    /// teach to stop in the middle. Null, and counted, where the cutoff leaves nothing of an answer.
    /// </returns>
    /// <exception cref="InputException">The tokenizer has no EOS, or the template has no form for a turn.</exception>
    public TokenizedExample? Encode(Conversation conversation)
    {
        var segments = _template.Render(conversation);
        List<int> ids = [.. Begin];
        List<int> labels = [.. Ignored(ids.Count)];
        int? prompt = null;   // ids before the first answer
        foreach (var (piece, supervised) in Pieces(segments))
        {
            if (supervised) prompt ??= ids.Count;
            ids.AddRange(piece);
            labels.AddRange(supervised || _options.TrainOnInputs ? piece : Ignored(piece.Length));
            if (ids.Count > _options.CutoffLength) break;
        }

        if (_template.WritesSpecialTokens && ids.Count > 0 && ids[0] == _tokenizer.BosId) labels[0] = TokenizedExample.Ignored;

        if (prompt is null || prompt >= _options.CutoffLength)
        {
            Interlocked.Increment(ref _dropped);
            // What precedes the first answer is one segment, so it has been encoded whole.
            if (segments.Any(segment => segment.Supervised)) Minimize(ref _shortestDroppedPrompt, prompt ?? ids.Count);
            return null;
        }
        Interlocked.Increment(ref _encoded);
        if (ids.Count > _options.CutoffLength) Interlocked.Increment(ref _truncated);
        return new TokenizedExample([.. ids.Take(_options.CutoffLength)], [.. labels.Take(_options.CutoffLength)]);
    }

    /// <summary>What a model is given to answer: BOS where the tokenizer adds it, and the prompt, all of it.</summary>
    /// <exception cref="InputException">The template has no form for a turn.</exception>
    public int[] EncodePrompt(Conversation conversation) =>
        [.. Begin, .. Pieces(_template.RenderPrompt(conversation)).SelectMany(piece => piece.Ids)];

    /// <summary>
    /// Makes examples of many conversations on several threads, in their order, without those that are dropped. A bounded
    /// number is read ahead, so the source may be a file of any size.
    /// </summary>
    /// <param name="conversations">Read on the calling thread.</param>
    /// <param name="degree">How many batches are encoded at once; 0 for as many as keep the processors busy.</param>
    /// <param name="onDropped">Told of every dropped conversation, in order, on the calling thread.</param>
    public IEnumerable<TokenizedExample> EncodeAll(IEnumerable<Conversation> conversations, int degree = 0,
        Action<Conversation>? onDropped = null)
    {
        const int batchSize = 64;
        var ahead = degree > 0 ? degree : Environment.ProcessorCount + 1;   // one more, so that none waits for the reader
        var running = new Queue<Task<(Conversation From, TokenizedExample? Example)[]>>();
        try
        {
            foreach (var batch in conversations.Chunk(batchSize))
            {
                running.Enqueue(Task.Run(() => Array.ConvertAll(batch, from => (from, Encode(from)))));
                if (running.Count < ahead) continue;
                foreach (var example in Finish()) yield return example;
            }
            while (running.Count > 0)
                foreach (var example in Finish()) yield return example;
        }
        finally
        {
            // Whoever stops early must not find the counters still moving.
            foreach (var task in running) ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
        }

        IEnumerable<TokenizedExample> Finish()
        {
            foreach (var (from, example) in running.Dequeue().GetAwaiter().GetResult())
            {
                if (example is not null) yield return example;
                else onDropped?.Invoke(from);
            }
        }
    }

    /// <summary>Fails where every conversation was dropped, saying why: call it when all are encoded.</summary>
    /// <param name="cutoff">What the caller names the cutoff length, for the message.</param>
    /// <exception cref="InputException">No example was made.</exception>
    public void RequireExamples(string cutoff = "cutoff_length")
    {
        if (Encoded > 0) return;
        if (Dropped == 0) throw new InputException("The data holds no record.");
        throw new InputException(_shortestDroppedPrompt == int.MaxValue
            ? Invariant($"None of the {Dropped:N0} records holds an answer to learn from.")
            : Invariant($"{cutoff} {_options.CutoffLength:N0} leaves nothing to learn: the shortest prompt of the ")
                + Invariant($"{Dropped:N0} records takes {_shortestDroppedPrompt:N0} tokens before its answer begins. ")
                + $"Raise {cutoff}.");
    }

    private int[] Bos => _tokenizer is { AddsBos: true, BosId: { } bos } ? [bos] : [];

    private int[] Begin => _template.WritesSpecialTokens ? [] : Bos;

    private IEnumerable<(int[] Ids, bool Supervised)> Pieces(IReadOnlyList<Segment> segments)
    {
        var place = TextPlace.Start;
        foreach (var segment in segments)
        {
            var ids = segment.Special switch
            {
                SpecialToken.Bos => Bos,
                SpecialToken.Eos => [EosId],
                _ => _tokenizer.EncodeSegment(segment.Text, place, segment.ParsesSpecial),
            };
            yield return (ids, segment.Supervised);
            if (segment.Special == SpecialToken.Bos) continue;
            // The text of a chat template is one text: some tokenizers mark the first word after a special token.
            place = _template.WritesSpecialTokens && ids.Length > 0 ? _tokenizer.PlaceAfter(ids[^1]) : TextPlace.Continuation;
        }
    }

    private static IEnumerable<int> Ignored(int count) => Enumerable.Repeat(TokenizedExample.Ignored, count);

    private int EosId => _tokenizer.EosId ?? throw new InputException($"{_tokenizer.Path}: the tokenizer names no end-of-"
        + "sequence token, so a model cannot learn to stop. Name it in tokenizer_config.json (\"eos_token\").");

    private static void Minimize(ref int least, int value)
    {
        for (var seen = Volatile.Read(ref least); value < seen; seen = Volatile.Read(ref least))
            if (Interlocked.CompareExchange(ref least, value, seen) == seen) return;
    }
}
