using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>A grid of recipes that are trained, put to the same questions and compared. <see cref="StudyFile"/> reads
/// it.</summary>
public sealed record Study
{
    /// <summary>The file it was read from.</summary>
    public required string File { get; init; }

    /// <summary>What stands above the report.</summary>
    public required string Title { get; init; }

    /// <summary>The folder of the cells and the report.</summary>
    public required string Output { get; init; }

    /// <summary>What is compared: combinations of the factors' levels.</summary>
    public required IReadOnlyList<StudyArm> Arms { get; init; }

    /// <summary>The arm that all others are compared with.</summary>
    public required StudyArm Reference { get; init; }

    /// <summary>Every arm that is trained is trained once with each.</summary>
    public required IReadOnlyList<int> Seeds { get; init; }

    /// <summary>What is asked.</summary>
    public required IReadOnlyList<StudyBenchmark> Benchmarks { get; init; }

    /// <summary>Threads of a cell; null: all cores, one cell after the other.</summary>
    public int? Threads { get; init; }

    /// <summary>Who grades the answers that need a judge; null: nobody.</summary>
    public JudgeSpec? Judge { get; init; }

    /// <summary>Points of a hundred within which a difference counts as none, where its whole interval lies there.</summary>
    public double Margin { get; init; } = 5;

    /// <summary>Published tables that are shown beside the results.</summary>
    public IReadOnlyList<string> Published { get; init; } = [];

    /// <summary>
    /// What is trained and asked: arms times seeds, every arm with the first seed first; an arm without training has one.
    /// </summary>
    public IReadOnlyList<StudyCell> Cells => [.. Seeds.SelectMany((seed, i) =>
        Arms.Where(arm => arm.Refusal is null && (arm.Trains || i == 0)).Select(arm => new StudyCell(arm, seed)))];
}

/// <summary>One combination of the factors' levels.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Levels">Its level of each factor.</param>
/// <param name="Recipe">What it trains; the seed is not set in it.</param>
public sealed record StudyArm(string Name, IReadOnlyList<ArmLevel> Levels, Recipe Recipe)
{
    /// <summary>False: the model is asked as it is.</summary>
    public bool Trains { get; init; } = true;

    /// <summary>A text put behind every question; null: the benchmark's own.</summary>
    public string? Trigger { get; init; }

    /// <summary>Why its recipe cannot be trained, as far as the recipe itself tells; such an arm has no cells.</summary>
    public string? Refusal { get; init; }
}

/// <summary>The level of one factor.</summary>
/// <param name="Factor">The factor's name.</param>
/// <param name="Name">The level's name.</param>
/// <param name="Without">The data sets that this level leaves out.</param>
public sealed record ArmLevel(string Factor, string Name, IReadOnlyList<string> Without)
{
    /// <summary>The names alone decide.</summary>
    public bool Equals(ArmLevel? other) => other is not null && Factor == other.Factor && Name == other.Name;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Factor, Name);
}

/// <summary>One training with its evaluation.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Seed">The seed of everything random.</param>
public sealed record StudyCell(StudyArm Arm, int Seed)
{
    /// <summary>The arm's recipe with this cell's seed.</summary>
    public Recipe Recipe => Arm.Recipe with { Training = Arm.Recipe.Training with { Seed = Seed } };

    /// <summary>The cell's name for people.</summary>
    public string Name => Arm.Trains ? $"{Arm.Name}, seed {Seed}" : Arm.Name;
}

/// <summary>A benchmark that every cell is put to.</summary>
/// <param name="Name">The benchmark's name.</param>
/// <param name="Path">Its data.</param>
public sealed record StudyBenchmark(string Name, string Path)
{
    /// <summary>The set of the collection whose form the data has; null where it is the benchmark's own.</summary>
    public string? Set { get; init; }

    /// <summary>The most questions.</summary>
    public int? Limit { get; init; }

    /// <summary>Solved examples before a question; null: as published.</summary>
    public int? Shots { get; init; }

    /// <summary>A text put behind every question; null: the benchmark's own.</summary>
    public string? Trigger { get; init; }

    /// <summary>The longest answer in tokens; null: as published.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>How it is asked.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public BenchmarkOptions Options => new()
    {
        Shots = Shots, Limit = Limit, Trigger = Trigger, Set = Set is null ? null : Catalogue.Find(Set),
    };
}
