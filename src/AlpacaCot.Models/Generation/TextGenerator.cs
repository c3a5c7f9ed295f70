using AlpacaCot.Data;
using AlpacaCot.Data.Tokenization;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Layers;
using AlpacaCot.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// Continues token sequences with a model: one with streaming, or many at once. Without a tokenizer there are no stop strings and
/// no end tokens but those of the options.
/// </summary>
public sealed class TextGenerator(CausalModel model, Tokenizer? tokenizer)
{
    /// <summary>Continues one prompt and yields each token as soon as it is chosen; the end token is not yielded.</summary>
    /// <exception cref="InputException">The prompt is empty or too long for the model.</exception>
    public IEnumerable<int> Stream(IReadOnlyList<int> prompt, GenerationOptions options, CancellationToken cancel = default)
    {
        using var run = new Batch(this, [prompt], options);
        var (more, seen) = (true, 0);
        while (more && !cancel.IsCancellationRequested)
        {
            more = run.Advance();
            for (; seen < run.Answers[0].Count; seen++) yield return run.Answers[0][seen];
        }
    }

    /// <summary>
    /// Continues many prompts, in batches of similar length padded on the left. Gives the new tokens without the end token.
    /// </summary>
    public IReadOnlyList<int[]> Continue(
        IReadOnlyList<IReadOnlyList<int>> prompts, GenerationOptions options, int batchSize = 32, IProgress<int>? progress = null,
        CancellationToken cancel = default)
    {
        var answers = new int[prompts.Count][];
        var done = 0;
        foreach (var chunk in Enumerable.Range(0, prompts.Count).OrderBy(i => prompts[i].Count).Chunk(batchSize))
        {
            using (var run = new Batch(this, [.. chunk.Select(i => prompts[i])], options))
            {
                while (run.Advance()) cancel.ThrowIfCancellationRequested();
                for (var i = 0; i < chunk.Length; i++) answers[chunk[i]] = [.. run.Answers[i]];
            }
            Platform.TrimMemory();
            progress?.Report(done += chunk.Length);
        }
        return answers;
    }

    /// <summary>Sequences generated together. Those that end leave the batch, so that the rest runs faster.</summary>
    private sealed class Batch : IDisposable
    {
        private readonly CausalModel model;
        private readonly GenerationOptions options;
        private readonly Tokenizer? tokenizer;
        private readonly TokenChooser[] choosers;
        private readonly List<int>[] histories;
        private readonly int[] endTokens;
        private readonly KeyValueCache cache;
        private readonly int longest;
        private int[] live; // rows of the cache -> sequences
        private bool started;

        public Batch(TextGenerator owner, IReadOnlyList<int>[] prompts, GenerationOptions options)
        {
            (model, tokenizer, this.options) = (owner.Model, owner.Tokenizer, options);
            longest = prompts.Max(p => p.Count);
            var limit = model.Shape.MaxPositions;
            if (prompts.Any(p => p.Count == 0)) throw new InputException("The prompt is empty: there is nothing to continue.");
            if (longest >= limit) throw new InputException($"The prompt has {longest} tokens; the model takes at most {limit}, answer included.");
            if (prompts.SelectMany(p => p).FirstOrDefault(id => id < 0 || id >= model.Shape.Vocabulary, -1) is var bad and not -1)
                throw new InputException($"Token id {bad} is outside the model's vocabulary of {model.Shape.Vocabulary}.");
            histories = [.. prompts.Select(p => p.ToList())];
            Answers = [.. prompts.Select(_ => new List<int>())];
            choosers = [.. prompts.Select((_, i) => new TokenChooser(options, i))];
            endTokens = [.. options.EndTokens ?? (tokenizer?.EosId is { } eos ? [eos] : [])];
            live = [.. Enumerable.Range(0, prompts.Length)];
            cache = model.NewCache(prompts.Length, Math.Min(limit, (long)longest + options.MaxNewTokens));
        }

        /// <summary>The new tokens of each sequence.</summary>
        public List<int>[] Answers { get; }

        /// <summary>One more token for each live sequence; false when none is left to go on.</summary>
        public unsafe bool Advance()
        {
            if (live.Length == 0 || cache.Length == cache.Capacity || options.MaxNewTokens <= 0) return false;
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var logits = started ? Next() : Prefill(); // [live, vocabulary]
            started = true;

            var width = model.Shape.Vocabulary;
            var values = new Span<float>(TensorMemory.Floats(logits), live.Length * width);
            var kept = new List<int>();
            for (var r = 0; r < live.Length; r++)
            {
                var sequence = live[r];
                var token = choosers[sequence].Choose(values.Slice(r * width, width), histories[sequence]);
                if (endTokens.Contains(token)) continue;
                histories[sequence].Add(token);
                Answers[sequence].Add(token);
                if (Answers[sequence].Count < options.MaxNewTokens && !Stops(sequence)) kept.Add(r);
            }
            if (kept.Count == live.Length) return true;
            if (kept.Count > 0) cache.SelectRows(tensor(kept.Select(r => (long)r).ToArray()));
            live = [.. kept.Select(r => live[r])];
            return live.Length > 0;
        }

        private Tensor Prefill()
        {
            var ids = new long[live.Length * longest];
            var positions = new long[ids.Length];
            var present = new bool[ids.Length];
            for (var r = 0; r < live.Length; r++)
            {
                var (prompt, pad) = (histories[live[r]], longest - histories[live[r]].Count);
                for (var t = pad; t < longest; t++)
                {
                    var at = r * longest + t;
                    (ids[at], positions[at], present[at]) = (prompt[t - pad], t - pad, true);
                }
            }
            return Last(ids, positions, present, longest);
        }

        private Tensor Next()
        {
            var total = cache.Length + 1;
            var ids = live.Select(s => (long)histories[s][^1]).ToArray();
            var positions = live.Select(s => histories[s].Count - 1L).ToArray();
            var present = new bool[live.Length * total];
            for (var r = 0; r < live.Length; r++) // padding stands on the left
                Array.Fill(present, true, (int)(r * total + total - histories[live[r]].Count), histories[live[r]].Count);
            return Last(ids, positions, present, 1);
        }

        private Tensor Last(long[] ids, long[] positions, bool[] present, int length)
        {
            var padded = !present.All(p => p);
            var hidden = model.Hidden(new ModelInput(tensor(ids, [live.Length, length]))
            {
                Cache = cache,
                Positions = padded ? tensor(positions, [live.Length, length]) : null,
                Present = padded ? tensor(present, [live.Length, present.Length / live.Length]) : null,
            });
            return model.Project(hidden.select(1, length - 1)).contiguous(); // [live, vocabulary]
        }

        private bool Stops(int sequence)
        {
            if (tokenizer is null || options.StopStrings.Count == 0) return false;
            var text = tokenizer.Decode([.. Answers[sequence]]);
            return options.StopStrings.Any(stop => text.Contains(stop, StringComparison.Ordinal));
        }

        public void Dispose() => cache.Dispose();
    }

    private CausalModel Model => model;

    private Tokenizer? Tokenizer => tokenizer;
}
