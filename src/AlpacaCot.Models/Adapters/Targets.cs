using System.Buffers;
using System.Text.RegularExpressions;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>Which modules of a model a method is put on, as PEFT's configurations say it.</summary>
public sealed partial record Targets
{
    private static readonly SearchValues<char> PatternSigns = SearchValues.Create(@"\*+?|[](){}^$");

    /// <summary>The word for every linear layer but the head.</summary>
    public const string AllLinear = "all-linear";

    /// <summary><c>target_modules</c> as a list: last parts of module names, or whole ones. Empty with a pattern.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>
    /// <c>target_modules</c> as one string: <c>all-linear</c>, or a regular expression that a whole module name must match.
    /// </summary>
    public string? Pattern { get; init; }

    /// <summary><c>layers_to_transform</c>: the only blocks that take part, from 0; null for all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary><c>layers_pattern</c>: names of the list of blocks that <see cref="Layers"/> counts in.</summary>
    public IReadOnlyList<string> LayersPattern { get; init; } = [];

    /// <summary>Names or one pattern, as a recipe or a person gives them.</summary>
    public static Targets Of(params IReadOnlyList<string> names) =>
        names is [AllLinear] ? new() { Pattern = AllLinear } : names is [var only] && IsPattern(only)
            ? new() { Pattern = only } : new() { Modules = names };

    /// <summary>Whether neither names nor a pattern are given, so that the method decides.</summary>
    public bool AreEmpty => Modules.Count == 0 && Pattern is null;

    /// <summary>The linear layers meant.</summary>
    /// <exception cref="InputException">None is.</exception>
    public IReadOnlyList<Linear> Linears(CausalModel model)
    {
        var layers = model.Linears.Values.Where(layer => Names(layer.Name, layer == model.Head)).ToList();
        return layers.Count > 0 ? layers : throw Nothing("linear layer", model.Linears.Keys);
    }

    /// <summary>Whether a module is meant.</summary>
    /// <param name="module">Its whole name.</param>
    /// <param name="isHead">Whether it is the output head.</param>
    public bool Names(string module, bool isHead = false)
    {
        if (Layers is { } indices && !(Block(module) is { } block && indices.Contains(block))) return false;
        if (Pattern == AllLinear) return !isHead;
        if (Pattern is { } pattern) return Regex.IsMatch(module, $"^(?:{pattern})$");
        return Modules.Any(target => module == target || module.EndsWith("." + target, StringComparison.Ordinal));
    }

    /// <summary>The value of the first key that is a regular expression for the end of a module's name.</summary>
    internal static T Own<T>(IReadOnlyDictionary<string, T> patterns, string module, T otherwise)
    {
        foreach (var (key, value) in patterns)
            if (Regex.IsMatch(module, $@"^(?:.*\.)?(?:{key})$")) return value;
        return otherwise;
    }

    /// <summary>The block a name lies in, or none.</summary>
    internal static int? Block(string name) =>
        BlockIndex().Match(name) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan) : null;

    /// <summary>Nothing of this kind has such a name.</summary>
    internal InputException Nothing(string kind, IEnumerable<string> names)
    {
        var kinds = names.Select(name => name.Split('.')[^1]).Distinct();
        return new InputException($"The adapter's targets {Pattern ?? string.Join(", ", Modules)} name no {kind} " +
            $"of this model. It has {string.Join(", ", kinds)}; {AllLinear} means all linear layers but the head.");
    }

    private static bool IsPattern(string text) => text.AsSpan().ContainsAny(PatternSigns);

    [GeneratedRegex(@"\.(\d+)\.")]
    private static partial Regex BlockIndex();
}
