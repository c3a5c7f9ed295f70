using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Studies.Grid;

/// <summary>A grid of recipes that are trained, evaluated on the same questions and compared. Read by <see cref="StudyFile"/>.
/// </summary>
public sealed record Study
{
    /// <summary>Path of the study file.</summary>
    public required string File { get; init; }

    /// <summary>Title of the report.</summary>
    public required string Title { get; init; }

    /// <summary>Folder of the cells and the report.</summary>
    public required string Output { get; init; }

    /// <summary>The compared combinations of factor levels.</summary>
    public required IReadOnlyList<StudyArm> Arms { get; init; }

    /// <summary>The arm that the others are compared with.</summary>
    public required StudyArm Reference { get; init; }

    /// <summary>Training seeds; each trained arm is trained once per seed.</summary>
    public required IReadOnlyList<int> Seeds { get; init; }

    /// <summary>The benchmarks.</summary>
    public required IReadOnlyList<StudyBenchmark> Benchmarks { get; init; }

    /// <summary>Threads per cell; null: all cores, one cell at a time.</summary>
    public int? Threads { get; init; }

    /// <summary>The judge for answers that need one; null: none.</summary>
    public JudgeSpec? Judge { get; init; }

    /// <summary>Equivalence margin in points of a hundred: a difference is negligible if its interval is within it.</summary>
    public double Margin { get; init; } = 5;

    /// <summary>Ids of published tables to show with the results.</summary>
    public IReadOnlyList<string> Published { get; init; } = [];

    /// <summary>
    /// All trainings with evaluation: arms times seeds, ordered by seed; an arm without training has one cell.
    /// </summary>
    public IReadOnlyList<StudyCell> Cells => [.. Seeds.SelectMany((seed, i) =>
        Arms.Where(arm => arm.Refusal is null && (arm.Trains || i == 0)).Select(arm => new StudyCell(arm, seed)))];
}

/// <summary>One combination of factor levels.</summary>
/// <param name="Name">Name in tables.</param>
/// <param name="Levels">Its level of each factor.</param>
/// <param name="Recipe">Its recipe, without a seed.</param>
public sealed record StudyArm(string Name, IReadOnlyList<ArmLevel> Levels, Recipe Recipe)
{
    /// <summary>Whether the arm is trained; false: the base model is evaluated.</summary>
    public bool Trains { get; init; } = true;

    /// <summary>Text appended to every question; null: the benchmark's own.</summary>
    public string? Trigger { get; init; }

    /// <summary>Why the recipe cannot be trained, if the recipe alone shows it; such an arm has no cells.</summary>
    public string? Refusal { get; init; }
}

/// <summary>Level of one factor.</summary>
/// <param name="Factor">The factor's name.</param>
/// <param name="Name">The level's name.</param>
/// <param name="Without">Data sets excluded by this level.</param>
public sealed record ArmLevel(string Factor, string Name, IReadOnlyList<string> Without)
{
    /// <summary>Compares factor and level names only.</summary>
    public bool Equals(ArmLevel? other) => other is not null && Factor == other.Factor && Name == other.Name;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Factor, Name);
}

/// <summary>One training with its evaluation.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Seed">Seed of the training.</param>
public sealed record StudyCell(StudyArm Arm, int Seed)
{
    /// <summary>The arm's recipe with this cell's seed.</summary>
    public Recipe Recipe => Arm.Recipe with { Training = Arm.Recipe.Training with { Seed = Seed } };

    /// <summary>Display name.</summary>
    public string Name => Arm.Trains ? $"{Arm.Name}, seed {Seed}" : Arm.Name;
}

/// <summary>A benchmark that every cell is evaluated on.</summary>
/// <param name="Name">Name of the benchmark.</param>
/// <param name="Path">Path of its data.</param>
public sealed record StudyBenchmark(string Name, string Path)
{
    /// <summary>Data set of the collection whose format the data has; null for the benchmark's own format.</summary>
    public string? Set { get; init; }

    /// <summary>Maximum number of questions; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Number of few-shot examples; null: as published.</summary>
    public int? Shots { get; init; }

    /// <summary>Text appended to every question; null: the benchmark's own.</summary>
    public string? Trigger { get; init; }

    /// <summary>Maximum length of an answer in tokens; null: the benchmark's default.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Options for reading the benchmark.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public BenchmarkOptions Options => new()
    {
        Shots = Shots, Limit = Limit, Trigger = Trigger, Set = Set is null ? null : Catalogue.Find(Set),
    };
}
