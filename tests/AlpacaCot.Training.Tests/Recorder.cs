using AlpacaCot.Training.Runs;

namespace AlpacaCot.Training.Tests;

/// <summary>Remembers what a run reported.</summary>
internal sealed class Recorder : ITrainingObserver
{
    public List<StepMetrics> Steps { get; } = [];

    public List<ValidationMetrics> Validations { get; } = [];

    public List<string> Notes { get; } = [];

    public List<string> Checkpoints { get; } = [];

    public RunSummary? Plan { get; private set; }

    public Action<StepMetrics>? OnStep { get; set; }

    public void Started(RunSummary summary) => Plan = summary;

    public void Step(StepMetrics m)
    {
        Steps.Add(m);
        OnStep?.Invoke(m);
    }

    public void Validated(ValidationMetrics m) => Validations.Add(m);

    public void Saved(string checkpoint) => Checkpoints.Add(checkpoint);

    public void Finished(TrainingResult r) { }

    public void Note(string message) => Notes.Add(message);
}
