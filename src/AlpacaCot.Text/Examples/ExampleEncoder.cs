using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using static System.FormattableString;

namespace AlpacaCot.Text.Examples;

/// <summary>
/// Encodes conversations as token ids and labels. Every segment of the template is encoded separately, so a token belongs to one
/// segment and its label is correct by construction. Thread-safe.
/// </summary>
public sealed class ExampleEncoder
{
    private readonly Tokenizer _tokenizer;
    private readonly IChatFormat _template;
    private readonly EncodingOptions _options;
    private int _encoded, _truncated, _dropped, _shortestDroppedPrompt = int.MaxValue;

    /// <summary>Creates an encoder.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The template, which renders text and supervised segments.</param>
    /// <param name="options">Cutoff and supervision of the prompt.</param>
    /// <exception cref="InputException">The cutoff length is less than 1.</exception>
    public ExampleEncoder(Tokenizer tokenizer, IChatFormat template, EncodingOptions options)
    {
        if (options.CutoffLength < 1)
            throw new InputException($"cutoff_length is {options.CutoffLength}; it must be at least 1.");
        (_tokenizer, _template, _options) = (tokenizer, template, options);
    }

    /// <summary>The number of examples so far, truncated ones included.</summary>
    public int Encoded => Volatile.Read(ref _encoded);

    /// <summary>The number of examples that were truncated but keep part of an answer.</summary>
    public int Truncated => Volatile.Read(ref _truncated);

    /// <summary>The number of conversations without an example, because no token of an answer is within the cutoff.</summary>
    public int Dropped => Volatile.Read(ref _dropped);

    /// <summary>A one-line summary of the counts.</summary>
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

    /// <summary>Encodes a conversation.</summary>
    /// <returns>
    /// The first <see cref="EncodingOptions.CutoffLength"/> ids and their labels. A truncated answer gets no EOS, which would
    /// teach to stop in the middle. Null, and counted as dropped, where no token of an answer is within the cutoff.
    /// </returns>
    /// <exception cref="InputException">The tokenizer has no EOS, or the template does not support a turn.</exception>
    public TokenizedExample? Encode(Conversation conversation)
    {
        var segments = _template.Render(conversation);
        List<int> ids = [.. Prefix];
        List<int> labels = [.. Ignored(ids.Count)];
        int? prompt = null;   // ids before the first answer
        foreach (var (tokens, supervised) in EncodeSegments(segments))
        {
            if (supervised) prompt ??= ids.Count;
            ids.AddRange(tokens);
            labels.AddRange(supervised || _options.TrainOnInputs ? tokens : Ignored(tokens.Length));
            if (ids.Count > _options.CutoffLength) break;
        }

        if (_template.WritesSpecialTokens && ids.Count > 0 && ids[0] == _tokenizer.BosId) labels[0] = TokenizedExample.Ignored;

        if (prompt is null || prompt >= _options.CutoffLength)
        {
            Interlocked.Increment(ref _dropped);
            // The text before the first answer is one segment, so its length is complete.
            if (segments.Any(segment => segment.Supervised)) Minimize(ref _shortestDroppedPrompt, prompt ?? ids.Count);
            return null;
        }
        Interlocked.Increment(ref _encoded);
        if (ids.Count > _options.CutoffLength) Interlocked.Increment(ref _truncated);
        return new TokenizedExample([.. ids.Take(_options.CutoffLength)], [.. labels.Take(_options.CutoffLength)])
        {
            From = conversation,
        };
    }

    /// <summary>Encodes the prompt of a conversation, untruncated, with BOS where the tokenizer adds it.</summary>
    /// <exception cref="InputException">The template does not support a turn.</exception>
    public int[] EncodePrompt(Conversation conversation) =>
        [.. Prefix, .. EncodeSegments(_template.RenderPrompt(conversation)).SelectMany(tokens => tokens.Ids)];

    /// <summary>
    /// Encodes many conversations on several threads, in their order, without the dropped ones. A bounded number is read ahead,
    /// so the source may be a file of any size.
    /// </summary>
    /// <param name="conversations">Read on the calling thread.</param>
    /// <param name="degree">The number of batches encoded in parallel; 0 for one more than the processors.</param>
    /// <param name="onDropped">Called with every dropped conversation, in order, on the calling thread.</param>
    public IEnumerable<TokenizedExample> EncodeAll(IEnumerable<Conversation> conversations, int degree = 0,
        Action<Conversation>? onDropped = null)
    {
        const int batchSize = 64;
        var ahead = degree > 0 ? degree : Environment.ProcessorCount + 1;   // one more, so that no processor waits for the reader
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
            // After an early stop the counters must not change any more.
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

    /// <summary>Throws where every conversation was dropped; to be called after all are encoded.</summary>
    /// <param name="cutoff">The caller's name of the cutoff length, for the message.</param>
    /// <exception cref="InputException">There is no example.</exception>
    public void RequireExamples(string cutoff = "cutoff_length")
    {
        if (Encoded > 0) return;
        if (Dropped == 0) throw new InputException("The data contains no records.");
        throw new InputException(_shortestDroppedPrompt == int.MaxValue
            ? Invariant($"None of the {Dropped:N0} records contains an answer to train on.")
            : Invariant($"{cutoff} {_options.CutoffLength:N0} leaves no token to train on: the shortest prompt of the ")
                + Invariant($"{Dropped:N0} records takes {_shortestDroppedPrompt:N0} tokens before its answer begins. ")
                + $"Raise {cutoff}.");
    }

    private int[] Bos => _tokenizer is { AddsBos: true, BosId: { } bos } ? [bos] : [];

    private int[] Prefix => _template.WritesSpecialTokens ? [] : Bos;

    private IEnumerable<(int[] Ids, bool Supervised)> EncodeSegments(IReadOnlyList<Segment> segments)
    {
        var position = TextPlace.Start;
        foreach (var segment in segments)
        {
            var ids = segment.Special switch
            {
                SpecialToken.Bos => Bos,
                SpecialToken.Eos => [EosId],
                _ => _tokenizer.EncodeSegment(segment.Text, position, segment.ParsesSpecial),
            };
            yield return (ids, segment.Supervised);
            if (segment.Special == SpecialToken.Bos) continue;
            // The text of a chat template is one text: some tokenizers mark the first word after a special token.
            position = _template.WritesSpecialTokens && ids.Length > 0
                ? _tokenizer.PlaceAfter(ids[^1]) : TextPlace.Continuation;
        }
    }

    private static IEnumerable<int> Ignored(int count) => Enumerable.Repeat(TokenizedExample.Ignored, count);

    private int EosId => _tokenizer.EosId ?? throw new InputException($"{_tokenizer.Path}: the tokenizer defines no end-of-"
        + "sequence token, so a model cannot learn to stop. Set it in tokenizer_config.json (\"eos_token\").");

    private static void Minimize(ref int least, int value)
    {
        for (var current = Volatile.Read(ref least); value < current; current = Volatile.Read(ref least))
            if (Interlocked.CompareExchange(ref least, value, current) == current) return;
    }
}
