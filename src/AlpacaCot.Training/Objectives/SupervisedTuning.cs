using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Objectives;

/// <summary>Supervised fine-tuning: the mean cross-entropy in nats of the supervised tokens.</summary>
public sealed class SupervisedTuning : IObjective
{
    /// <inheritdoc/>
    public string WeightName => "supervised_tokens";

    /// <inheritdoc/>
    public string? EncodingName => "supervised";

    /// <inheritdoc/>
    public IEnumerable<TokenizedExample> Encode(ExampleEncoder encoder, IEnumerable<Conversation> conversations) =>
        encoder.EncodeAll(conversations, Environment.ProcessorCount);

    /// <inheritdoc/>
    public int Weight(MicroBatch batch) => batch.Supervised;

    /// <inheritdoc/>
    public ObjectiveLoss Loss(TrainedModel trained, MicroBatch batch) =>
        new(trained.LogProbabilities(batch).sum().neg().to(ScalarType.Float32));

    /// <inheritdoc/>
    public string EmptyStep => "no token of this step is supervised, so there is no loss. " +
        "Inspect an example with `alpaca-cot inspect`; raise training.cutoff_length if answers are truncated.";

    /// <inheritdoc/>
    public string? Fault(double loss, int weight) => loss != 0 ? null
        : $"the loss is exactly 0 over {weight} supervised tokens. " +
            "The model's output no longer depends on its weights (overflow) or the labels are trivial: " +
            "check the data with `alpaca-cot inspect` and the base model with `alpaca-cot score`.";
}
