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
    private int _encoded, _truncated, _dropped, _bad, _longTexts, _chunks, _shortestDroppedPrompt = int.MaxValue;
    private string? _firstProblem;

    /// <summary>Creates an encoder.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The template, which renders text and supervised segments.</param>
    /// <param name="options">Cutoff and supervision of the prompt.</param>
    /// <exception cref="InputException">The cutoff length is less than 1, or options exclude each other.</exception>
    public ExampleEncoder(Tokenizer tokenizer, IChatFormat template, EncodingOptions options)
    {
        if (options.CutoffLength < 1)
            throw new InputException($"cutoff_length is {options.CutoffLength}; it must be at least 1.");
        if (options is { TrainOnInputs: true, TrainOn: not TrainOn.All })
            throw new InputException("train_on_inputs: true supervises the whole text, so train_on must be all. Remove one of "
                + "them.");
        if (options.TrainOn == TrainOn.Roles && options.Roles.Count == 0)
            throw new InputException("train_on: roles needs train_on_roles, such as [assistant, tool].");
        if (options.TrainOn != TrainOn.Roles && options.Roles.Count > 0)
            throw new InputException("train_on_roles needs train_on: roles. Add it, or remove train_on_roles.");
        (_tokenizer, _template, _options) = (tokenizer, template, options);
    }

    /// <summary>The number of examples so far, truncated ones included.</summary>
    public int Encoded => Volatile.Read(ref _encoded);

    /// <summary>The number of examples that were truncated but keep part of an answer.</summary>
    public int Truncated => Volatile.Read(ref _truncated);

    /// <summary>The number of conversations without an example, because no supervised token is within the cutoff.</summary>
    public int Dropped => Volatile.Read(ref _dropped);

    /// <summary>The number of records that could not be encoded and were left out.</summary>
    public int Bad => Volatile.Read(ref _bad);

    /// <summary>The number of plain texts that were cut into several examples.</summary>
    public int LongTexts => Volatile.Read(ref _longTexts);

    /// <summary>A one-line summary of the counts.</summary>
    public string Summary
    {
        get
        {
            var line = Invariant($"{Encoded:N0} {(Encoded == 1 ? "example" : "examples")}");
            if (Truncated > 0) line += Invariant($", {Truncated:N0} of them truncated to {_options.CutoffLength:N0} tokens");
            if (Dropped > 0)
                line += Invariant($"; {Dropped:N0} dropped (no token of an answer within {_options.CutoffLength:N0} tokens)");
            if (_longTexts > 0)
                line += Invariant($"; {_longTexts:N0} long {(_longTexts == 1 ? "text" : "texts")} cut into {_chunks:N0} of them");
            if (Bad > 0) line += Invariant($"; {Bad:N0} {(Bad == 1 ? "record" : "records")} left out");
            return line;
        }
    }

    /// <summary>Encodes a conversation.</summary>
    /// <returns>
    /// The first <see cref="EncodingOptions.CutoffLength"/> ids and their labels. A truncated answer gets no EOS, which would
    /// teach to stop in the middle. Null, and counted as dropped, where no supervised token is within the cutoff.
    /// </returns>
    /// <exception cref="InputException">The tokenizer has no EOS, the template does not support a turn, or the record has a mark
    /// that cannot be honoured, or a token that the model has no embedding for.</exception>
    public TokenizedExample? Encode(Conversation conversation) =>
        First(Tokens(conversation, _options.CutoffLength), conversation);

    /// <summary>
    /// Encodes a conversation as <see cref="Encode"/> does, except that plain text longer than the cutoff becomes several
    /// examples: each begins with BOS as every text does, and only the last one ends with EOS.
    /// </summary>
    /// <exception cref="InputException">As <see cref="Encode"/>.</exception>
    public IReadOnlyList<TokenizedExample> EncodeChunks(Conversation conversation)
    {
        if (!conversation.IsPlainText) return Encode(conversation) is { } example ? [example] : [];
        var whole = Tokens(conversation, int.MaxValue);
        var front = whole.Labels.FindIndex(label => label != TokenizedExample.Ignored);
        var room = _options.CutoffLength - front;
        if (whole.Ids.Count <= _options.CutoffLength || front < 0 || room < 2)
            return First(whole, conversation) is { } example ? [example] : [];
        var chunks = new List<TokenizedExample>();
        for (var at = front; at < whole.Ids.Count;)
        {
            var left = whole.Ids.Count - at;
            var length = left == room + 1 ? room - 1 : Math.Min(left, room);   // EOS never gets an example of its own
            chunks.Add(Example([.. whole.Ids[..front], .. whole.Ids[at..(at + length)]],
                [.. Ignored(front), .. whole.Labels[at..(at + length)]], conversation) with { Continues = at > front });
            at += length;
        }
        Interlocked.Add(ref _encoded, chunks.Count);
        Interlocked.Increment(ref _longTexts);
        Interlocked.Add(ref _chunks, chunks.Count);
        return chunks;
    }

    private (List<int> Ids, List<int> Labels, int? Prompt) Tokens(Conversation conversation, int enough)
    {
        conversation = Supervision.Applied(conversation, _options);
        var segments = _template.Render(conversation);
        if (_options.TrainOnInputs && conversation.Turns.Any(turn => turn.Learn == false) && !segments.Any(s => s.Masked))
            throw new InputException($"{conversation.Origin}: the record excludes a turn from training, whose span in the text "
                + "is unknown with this template. Set train_on_inputs: false, or use a built-in template.");
        List<int> ids = [.. Prefix];
        List<int> labels = [.. Ignored(ids.Count)];
        int? prompt = null;   // ids before the first supervised segment
        foreach (var (tokens, segment) in EncodeSegments(segments))
        {
            if (segment.Supervised) prompt ??= ids.Count;
            ids.AddRange(tokens);
            labels.AddRange(segment.Supervised || (_options.TrainOnInputs && !segment.Masked) ? tokens : Ignored(tokens.Length));
            if (ids.Count > enough) break;
        }
        if (_template.WritesSpecialTokens && ids.Count > 0 && ids[0] == _tokenizer.BosId) labels[0] = TokenizedExample.Ignored;
        // The text before the first answer is one segment, so its length is complete.
        return (ids, labels, prompt ?? (segments.Any(segment => segment.Supervised) ? ids.Count : null));
    }

    private TokenizedExample? First((List<int> Ids, List<int> Labels, int? Prompt) whole, Conversation conversation)
    {
        var (ids, labels, prompt) = whole;
        var cutoff = _options.CutoffLength;
        if (prompt is null || !labels.Take(cutoff).Any(label => label != TokenizedExample.Ignored))
        {
            Interlocked.Increment(ref _dropped);
            if (prompt is { } length) Minimize(ref _shortestDroppedPrompt, length);
            return null;
        }
        Interlocked.Increment(ref _encoded);
        if (ids.Count > cutoff) Interlocked.Increment(ref _truncated);
        return Example([.. ids.Take(cutoff)], [.. labels.Take(cutoff)], conversation);
    }

    private TokenizedExample Example(int[] ids, int[] labels, Conversation from)
    {
        if (_options.Embeddings is { } rows && Array.Find(ids, id => id >= rows) is var id and not 0)
            throw new InputException(Invariant($"{from.Origin}: the text has the token '{_tokenizer.IdToToken(id)}' (id {id}), ")
                + Invariant($"but the ")
                + Invariant($"model has embeddings for {rows} tokens only. Remove it from the data, or give it an embedding: ")
                + $"alpaca-cot extend --token '{_tokenizer.IdToToken(id)}' --out DIR.");
        return new TokenizedExample(ids, labels) { From = from };
    }

    /// <summary>Encodes the prompt of a conversation, untruncated, with BOS where the tokenizer adds it.</summary>
    /// <exception cref="InputException">The template does not support a turn.</exception>
    public int[] EncodePrompt(Conversation conversation) =>
        [.. Prefix, .. EncodeSegments(_template.RenderPrompt(Supervision.WithReasoning(conversation, _options.Reasoning)))
            .SelectMany(tokens => tokens.Ids)];

    /// <summary>
    /// Encodes many conversations with <see cref="EncodeChunks"/> on several threads, in their order, without the dropped ones.
    /// A bounded number is read ahead,
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
        var running = new Queue<Task<(Conversation From, IReadOnlyList<TokenizedExample> Examples, string? Problem)[]>>();
        try
        {
            foreach (var batch in conversations.Chunk(batchSize))
            {
                running.Enqueue(Task.Run(() => Array.ConvertAll(batch, Attempt)));
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
            foreach (var (from, examples, problem) in running.Dequeue().GetAwaiter().GetResult())
            {
                foreach (var example in examples) yield return example;
                if (problem is not null)
                {
                    _bad++;
                    _firstProblem ??= problem;
                    _options.OnBadRecord!(problem);
                }
                else if (examples.Count == 0) onDropped?.Invoke(from);
            }
        }
    }

    private (Conversation From, IReadOnlyList<TokenizedExample> Examples, string? Problem) Attempt(Conversation from)
    {
        try
        {
            return (from, EncodeChunks(from), null);
        }
        catch (InputException unusable) when (_options.OnBadRecord is not null)
        {
            return (from, [], unusable.Message);
        }
    }

    /// <summary>Throws where every conversation was dropped; to be called after all are encoded.</summary>
    /// <param name="cutoff">The caller's name of the cutoff length, for the message.</param>
    /// <exception cref="InputException">There is no example.</exception>
    public void RequireExamples(string cutoff = "cutoff_length")
    {
        if (Encoded > 0) return;
        if (Dropped == 0 && Bad > 0)
            throw new InputException(Invariant($"None of the {Bad:N0} records can be used. The first problem: {_firstProblem}"));
        if (Dropped == 0) throw new InputException("The data contains no records.");
        throw new InputException(_shortestDroppedPrompt == int.MaxValue
            ? Invariant($"None of the {Dropped:N0} records contains an answer to train on.")
            : Invariant($"{cutoff} {_options.CutoffLength:N0} leaves no token to train on: the shortest prompt of the ")
                + Invariant($"{Dropped:N0} records takes {_shortestDroppedPrompt:N0} tokens before its answer begins. ")
                + $"Raise {cutoff}.");
    }

    private int[] Bos => _tokenizer is { AddsBos: true, BosId: { } bos } ? [bos] : [];

    private int[] Prefix => _template.WritesSpecialTokens ? [] : Bos;

    private IEnumerable<(int[] Ids, Segment Segment)> EncodeSegments(IReadOnlyList<Segment> segments)
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
            yield return (ids, segment);
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
