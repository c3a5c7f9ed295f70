using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Sources;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Whether the output head of a model is its token embedding: one decision for building, training, merging, exporting,
/// quantizing and planning. A head that is stored and differs from the embedding is used, whatever the configuration says.
/// </summary>
/// <param name="IsConfigured">Whether the configuration, or the family's default, ties the head.</param>
/// <param name="IsTied">Whether the head is the embedding.</param>
/// <param name="Note">What a user should know about the decision; null for nothing.</param>
internal sealed record HeadTie(bool IsConfigured, bool IsTied, string? Note = null)
{
    private const string Key = "tie_word_embeddings";

    /// <summary>Decides from the configuration and the weights.</summary>
    /// <param name="head">The name of the head's weight.</param>
    /// <param name="embedding">The name of the embedding's weight.</param>
    /// <param name="isConfigured">Whether the configuration ties the head.</param>
    /// <param name="weights">The weights.</param>
    public static HeadTie Of(string head, string embedding, bool isConfigured, IWeightSource weights) =>
        !isConfigured || !weights.Differ(head, embedding) ? new(isConfigured, isConfigured)
        : new(true, false, $"config.json says {Key}, but {weights.Origin} has its own {head}, which differs from {embedding}: " +
            "the stored head is used, and written models say that it is not tied.");

    /// <summary>States in a configuration that the head is a weight of its own, if the configuration ties it.</summary>
    /// <param name="config">The content of <c>config.json</c>.</param>
    /// <param name="isTied">Whether the written head is the written embedding.</param>
    /// <returns>Whether the configuration was changed.</returns>
    public bool Write(JsonObject config, bool isTied)
    {
        if (!IsConfigured || isTied) return false;
        config[Key] = false;
        return true;
    }
}
