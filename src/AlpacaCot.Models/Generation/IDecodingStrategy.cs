using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Generation;

/// <summary>Tokens that a pass through a model is to read.</summary>
/// <param name="Cache">The cache of the sequence that they continue.</param>
/// <param name="Ids">The tokens, one or more.</param>
/// <param name="LogitCount">After how many of the last of them the next token's logits are wanted.</param>
internal readonly record struct ForwardRequest(KeyValueCache Cache, IReadOnlyList<int> Ids, int LogitCount = 1);

/// <summary>
/// One prompt's way to its answer. It says what it wants read next and takes in the logits; who reads may put the wishes of many
/// into one pass.
/// </summary>
internal interface IDecodingStrategy : IDisposable
{
    /// <summary>Whether the answer is complete.</summary>
    bool Done { get; }

    /// <summary>The tokens of the answer that are certain, without the end token.</summary>
    IReadOnlyList<int> Answer { get; }

    /// <summary>How many tokens its caches may hold in the end.</summary>
    long MaxCacheTokens { get; }

    /// <summary>How many sequences it goes on with at a time.</summary>
    int Rows { get; }

    /// <summary>What is to be read next.</summary>
    IReadOnlyList<ForwardRequest> Next();

    /// <summary>Goes on with the logits that were wanted, <c>[wanted, vocabulary]</c>, which may be changed.</summary>
    void Accept(Span<float> logits);
}

/// <summary>Takes the logits of one or more readings, <c>[wanted, vocabulary]</c>.</summary>
internal delegate void LogitsConsumer(Span<float> logits);

/// <summary>Passes through a model.</summary>
internal static class BatchedForward
{
    /// <summary>Reads all in one pass. The logits are gone when <paramref name="take"/> returns.</summary>
    public static unsafe void Run(CausalModel model, IReadOnlyList<ForwardRequest> readings, LogitsConsumer take)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var hidden = model.Hidden(ModelInput.Continuing([.. readings.Select(r => (r.Cache, r.Ids))])); // [1, n, hidden]
        var (wanted, end) = (new List<long>(), 0L);
        foreach (var reading in readings)
        {
            end += reading.Ids.Count;
            for (var at = end - reading.LogitCount; at < end; at++) wanted.Add(at);
        }
        if (wanted.Count < end) hidden = hidden.index_select(1, Tensors.Of([.. wanted], hidden.device));
        var logits = model.Project(hidden, PassMode.Generation).cpu().contiguous(); // [1, wanted, vocabulary]
        take(new Span<float>(TensorMemory.Floats(logits), checked((int)logits.numel())));
    }
}
