using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Generation;

/// <summary>A request to process tokens in one forward pass.</summary>
/// <param name="Cache">The cache of the sequence that the tokens continue.</param>
/// <param name="Ids">The token ids, at least one.</param>
/// <param name="LogitCount">The number of last tokens for which next-token logits are returned.</param>
internal readonly record struct ForwardRequest(KeyValueCache Cache, IReadOnlyList<int> Ids, int LogitCount = 1);

/// <summary>
/// The decoding of one prompt. It returns forward requests and accepts their logits, so that a caller can combine the requests of
/// many prompts in one pass.
/// </summary>
internal interface IDecodingStrategy : IDisposable
{
    /// <summary>Whether the answer is complete.</summary>
    bool Done { get; }

    /// <summary>The token ids of the answer that are final, without the end token.</summary>
    IReadOnlyList<int> Answer { get; }

    /// <summary>The maximum number of tokens its caches may contain.</summary>
    long MaxCacheTokens { get; }

    /// <summary>The number of sequences per pass.</summary>
    int Rows { get; }

    /// <summary>The requests for the next pass.</summary>
    IReadOnlyList<ForwardRequest> Next();

    /// <summary>Continues with the requested logits, <c>[logit count, vocabulary]</c>, which may be modified.</summary>
    void Accept(Span<float> logits);
}

/// <summary>Receives the logits of one or more requests, <c>[logit count, vocabulary]</c>.</summary>
internal delegate void LogitsConsumer(Span<float> logits);

/// <summary>Forward passes for requests.</summary>
internal static class BatchedForward
{
    /// <summary>Runs all requests in one pass. The logits are valid only until <paramref name="consume"/> returns.</summary>
    public static unsafe void Run(CausalModel model, IReadOnlyList<ForwardRequest> requests, LogitsConsumer consume)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var hidden = model.Hidden(ModelInput.Continuing([.. requests.Select(r => (r.Cache, r.Ids))])); // [1, n, hidden]
        var (indices, end) = (new List<long>(), 0L);
        foreach (var request in requests)
        {
            end += request.Ids.Count;
            for (var i = end - request.LogitCount; i < end; i++) indices.Add(i);
        }
        if (indices.Count < end) hidden = hidden.index_select(1, Tensors.Of([.. indices], hidden.device));
        var logits = model.Project(hidden, PassMode.Generation).cpu().contiguous(); // [1, logit count, vocabulary]
        consume(new Span<float>(TensorMemory.Floats(logits), checked((int)logits.numel())));
    }
}
