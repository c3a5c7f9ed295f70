using System.Buffers;
using System.Text.RegularExpressions;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>The modules of a model that a method adapts, in the form of PEFT's configurations.</summary>
public sealed partial record Targets
{
    private static readonly SearchValues<char> PatternSigns = SearchValues.Create(@"\*+?|[](){}^$");

    /// <summary>The value for every linear layer except the head.</summary>
    public const string AllLinear = "all-linear";

    /// <summary><c>target_modules</c> as a list of module names or their last components. Empty if a pattern is set.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>
    /// <c>target_modules</c> as one string: <c>all-linear</c>, or a regular expression that must match the whole module name.
    /// </summary>
    public string? Pattern { get; init; }

    /// <summary><c>layers_to_transform</c>: the only blocks whose layers are adapted, from 0; null: all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary><c>layers_pattern</c>: names of the block list that <see cref="Layers"/> indexes.</summary>
    public IReadOnlyList<string> LayersPattern { get; init; } = [];

    /// <summary><c>exclude_modules</c> as a list of module names or their last components: never adapted.</summary>
    public IReadOnlyList<string> Excluded { get; init; } = [];

    /// <summary><c>exclude_modules</c> as one regular expression that matches the whole module name; null: none.</summary>
    public string? ExcludedPattern { get; init; }

    /// <summary>Creates targets from names or a single pattern, as given in a recipe or on the command line.</summary>
    public static Targets Of(params IReadOnlyList<string> names) =>
        names is [AllLinear] ? new() { Pattern = AllLinear } : names is [var only] && IsPattern(only)
            ? new() { Pattern = only } : new() { Modules = names };

    /// <summary>Whether neither names nor a pattern are set, so that the method's defaults apply.</summary>
    public bool AreEmpty => Modules.Count == 0 && Pattern is null;

    /// <summary>The matching linear layers of a model.</summary>
    /// <exception cref="InputException">No linear layer matches.</exception>
    public IReadOnlyList<Linear> Linears(CausalModel model)
    {
        var layers = model.Linears.Values.Where(layer => Names(layer.Name, layer == model.Head)).ToList();
        return layers.Count > 0 ? layers : throw Nothing("linear layer", model.Linears.Keys);
    }

    /// <summary>Whether a module matches.</summary>
    /// <param name="module">The module's full name.</param>
    /// <param name="isHead">Whether the module is the output head.</param>
    public bool Names(string module, bool isHead = false)
    {
        if (ExcludedPattern is { } excluded ? ModulePattern.Matches(excluded, module) : IsNamed(Excluded, module)) return false;
        if (Layers is { } indices && !(BlockOf(module) is { } block && indices.Contains(block))) return false;
        if (Pattern == AllLinear) return !isHead;
        return Pattern is { } pattern ? ModulePattern.Matches(pattern, module) : IsNamed(Modules, module);
    }

    private static bool IsNamed(IReadOnlyList<string> names, string module) =>
        names.Any(name => module == name || module.EndsWith("." + name, StringComparison.Ordinal));

    // With layers_pattern only the blocks of those lists are counted.
    private int? BlockOf(string module) => LayersPattern.Count == 0 ? Block(module)
        : LayersPattern.Select(list => ModulePattern.NumberAfter(list, module)).FirstOrDefault(number => number is not null);

    /// <summary>
    /// The value of the first pattern that matches the end of a module's name, else <paramref name="otherwise"/>.
    /// </summary>
    internal static T Own<T>(IReadOnlyDictionary<string, T> patterns, string module, T otherwise)
    {
        foreach (var (key, value) in patterns)
            if (ModulePattern.MatchesEnd(key, module)) return value;
        return otherwise;
    }

    /// <summary>The block index in a module or weight name; null if it has none.</summary>
    public static int? Block(string name) =>
        BlockIndex().Match(name) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out var number)
            ? number : null;

    /// <summary>The error for targets that match no module.</summary>
    internal InputException Nothing(string kind, IEnumerable<string> names)
    {
        var kinds = names.Select(name => name.Split('.')[^1]).Distinct();
        return new InputException($"The adapter's targets {Pattern ?? string.Join(", ", Modules)} match no {kind} " +
            $"of this model. It has {string.Join(", ", kinds)}; {AllLinear} means all linear layers except the head.");
    }

    private static bool IsPattern(string text) => text.AsSpan().ContainsAny(PatternSigns);

    [GeneratedRegex(@"\.(\d+)\.")]
    private static partial Regex BlockIndex();
}
