using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Objectives;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// Direct preference optimization (Rafailov et al., 2023) as someone outside would add it: it shows that an objective over pairs
/// with a reference model needs its own file only.
/// </summary>
internal sealed class PreferenceObjective(double beta) : IObjective
{
    public int RowsPerExample => 2;

    public string WeightName => "pairs";

    public string EmptyStep => "the step holds no pair.";

    public IEnumerable<TokenizedExample> Encode(ExampleEncoder encoder, IEnumerable<Conversation> conversations)
    {
        foreach (var chosen in conversations.Where(c => c.Rejected is not null))
            if (encoder.Encode(chosen) is { } won
                && encoder.Encode(chosen with { Turns = [.. chosen.Turns.SkipLast(1), .. chosen.Rejected!.Turns] })
                    is { } lost)
            {
                yield return won;
                yield return lost;
            }
    }

    public int Weight(MicroBatch batch) => batch.Rows / 2;

    public ObjectiveLoss Loss(TrainedModel trained, MicroBatch batch)
    {
        var reference = batch.SumByRow(trained.ReferenceLogProbabilities(batch));
        var rewards = (batch.SumByRow(trained.LogProbabilities(batch)) - reference) * Number(beta); // [2 · pairs]
        var margins = rewards.view(-1, 2).select(1, 0) - rewards.view(-1, 2).select(1, 1); // [pairs]
        return new(nn.functional.logsigmoid(margins).sum().neg().to(ScalarType.Float32),
            [
                new("reward_margin", margins.sum().item<double>()),
                new("accuracy", margins.gt(Number(0)).sum().item<long>()),
            ]);
    }
}
