using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Objectives;

/// <summary>An objective with its name in recipes.</summary>
/// <param name="Name">The value of <c>training.objective</c>.</param>
/// <param name="Create">Creates it from a recipe's training section.</param>
public sealed record ObjectiveEntry(string Name, Func<TrainingOptions, IObjective> Create);

/// <summary>The available objectives. A new objective is one file and one entry here.</summary>
public static class ObjectiveRegistry
{
    /// <summary>Every objective; the first is the default.</summary>
    public static IReadOnlyList<ObjectiveEntry> All { get; } =
    [
        new(TrainingOptions.Supervised, _ => new SupervisedTuning()),
    ];

    /// <summary>Creates the objective of a recipe.</summary>
    public static IObjective Create(TrainingOptions training) =>
        All.First(entry => entry.Name == training.Objective).Create(training);
}
