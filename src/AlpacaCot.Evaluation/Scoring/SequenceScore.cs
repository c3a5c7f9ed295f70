using AlpacaCot.Models;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;
using static TorchSharp.torch;

namespace AlpacaCot.Evaluation.Scoring;

/// <summary>The log-likelihood of a token sequence under a model.</summary>
public sealed class SequenceScore
{
    private SequenceScore(double[] logProbabilities, double loss, int counted) =>
        (LogProbabilities, Loss, Counted) = (logProbabilities, loss, counted);

    /// <summary>
    /// The natural logarithm of each token's probability given the tokens before it; length tokens - 1, without the first token.
    /// </summary>
    public IReadOnlyList<double> LogProbabilities { get; }

    /// <summary>The mean negative log-likelihood in nats over the labels that count.</summary>
    public double Loss { get; }

    /// <summary>The number of labels in the mean.</summary>
    public int Counted { get; }

    /// <summary>The exponential of the loss.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>Scores a sequence with one forward pass.</summary>
    /// <param name="model">The model.</param>
    /// <param name="ids">The tokens.</param>
    /// <param name="labels">
    /// The target at each position, aligned with <paramref name="ids"/>; <see cref="TokenizedExample.Ignored"/> for positions
    /// outside the loss. By default all tokens after the first count.
    /// </param>
    /// <exception cref="InputException">The sequence is too short or too long, an id is unknown, or no label counts.</exception>
    public static SequenceScore Of(LanguageModel model, IReadOnlyList<int> ids, IReadOnlyList<int>? labels = null)
    {
        labels ??= ids;
        var shape = model.Model.Shape;
        Check(ids, labels, shape);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        // The next token at each position, then the labels that differ from it.
        var positions = Enumerable.Range(0, ids.Count - 1).Select(i => (Position: i, Token: ids[i + 1])).ToList();
        var counted = Enumerable.Range(1, ids.Count - 1).Where(i => labels[i] != TokenizedExample.Ignored).ToList();
        var others = counted.Where(i => labels[i] != ids[i]).ToList();
        positions.AddRange(others.Select(i => (i - 1, labels[i])));
        using var input = tensor(ids.Select(id => (long)id).ToArray(), [1, ids.Count]);
        var each = model.Model.LogProbabilities(new ModelInput(input), tensor(positions.Select(p => (long)p.Position).ToArray()),
            tensor(positions.Select(p => (long)p.Token).ToArray())).cpu().data<double>().ToArray();
        var ofOther = others.Index().ToDictionary(o => o.Item, o => each[ids.Count - 1 + o.Index]);
        var loss = -counted.Average(i => ofOther.GetValueOrDefault(i, each[i - 1]));
        return new SequenceScore(each[..(ids.Count - 1)], loss, counted.Count);
    }

    private static void Check(IReadOnlyList<int> ids, IReadOnlyList<int> labels, ModelShape shape)
    {
        if (ids.Count < 2)
            throw new InputException("a score needs at least two tokens, because the first has no preceding token");
        if (ids.Count > shape.MaxPositions)
            throw new InputException($"the sequence has {ids.Count} tokens; the model takes at most {shape.MaxPositions}");
        if (labels.Count != ids.Count)
            throw new InputException($"there are {labels.Count} labels for {ids.Count} tokens; each token needs one, -100 " +
                "where it does not count");
        foreach (var id in ids.Concat(labels.Where(l => l != TokenizedExample.Ignored)))
            if (id < 0 || id >= shape.Vocabulary)
                throw new InputException($"unknown token id {id}; the model's ids are 0 to {shape.Vocabulary - 1}");
        if (labels.Skip(1).All(l => l == TokenizedExample.Ignored))
            throw new InputException("all labels after the first are -100; at least one must count");
    }
}
