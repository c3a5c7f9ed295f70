using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Objectives;

/// <summary>An objective as recipes name it.</summary>
/// <param name="Name">The word for <c>training.objective</c>.</param>
/// <param name="Create">Makes it from a recipe's training section.</param>
public sealed record ObjectiveEntry(string Name, Func<TrainingOptions, IObjective> Create);

/// <summary>The objectives this build knows. A new one is its file and one line here.</summary>
public static class ObjectiveRegistry
{
    /// <summary>Every objective; the first is the default.</summary>
    public static IReadOnlyList<ObjectiveEntry> All { get; } =
    [
        new(TrainingOptions.Supervised, _ => new SupervisedTuning()),
    ];

    /// <summary>Makes the objective that a recipe names.</summary>
    public static IObjective Create(TrainingOptions training) =>
        All.First(entry => entry.Name == training.Objective).Create(training);
}
