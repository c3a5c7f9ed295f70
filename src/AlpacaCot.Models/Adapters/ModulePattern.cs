using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Regular expressions that a file or a recipe brings, matched against module names. They run in linear time where .NET's
/// engine can,
/// and with a time limit elsewhere (look-around, back references): no expression can hang a command.
/// </summary>
internal static class ModulePattern
{
    private const int Longest = 10_000, MostKept = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly ConcurrentDictionary<string, Regex> Compiled = new(StringComparer.Ordinal);

    /// <summary>Whether the pattern matches the whole name.</summary>
    /// <exception cref="InputException">The pattern is not valid, or takes too long.</exception>
    public static bool Matches(string pattern, string name) => Match(pattern, $"^(?:{pattern})$", name).Success;

    /// <summary>Whether the pattern matches the name or its last components, as PEFT matches the keys of rank_pattern.</summary>
    /// <exception cref="InputException">The pattern is not valid, or takes too long.</exception>
    public static bool MatchesEnd(string pattern, string name) => Match(pattern, $@"^(?:.*\.)?(?:{pattern})$", name).Success;

    /// <summary>The number after the last component that the pattern matches, such as 3 in <c>model.layers.3.mlp</c>.</summary>
    /// <exception cref="InputException">The pattern is not valid, or takes too long.</exception>
    public static int? NumberAfter(string pattern, string name) =>
        Match(pattern, $@"^(?:.*\.)?(?:{pattern})\.(?<blockNumber>[0-9]{{1,9}})(?:\.|$)", name) is { Success: true } match
            && int.TryParse(match.Groups["blockNumber"].ValueSpan, out var number) ? number : null;

    private static Match Match(string pattern, string whole, string name)
    {
        if (pattern.Length > Longest)
            throw new InputException($"The pattern {pattern[..40]}.. of module names has {pattern.Length} characters; " +
                $"at most {Longest} are allowed.");
        try
        {
            if (Compiled.Count > MostKept) Compiled.Clear();
            return Compiled.GetOrAdd(whole, Compile).Match(name);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new InputException($"The pattern {pattern} of module names takes more than {Patience.TotalSeconds:0} s " +
                $"for {name}; " +
                "write it without nested repetitions, or list the module names.", e);
        }
        catch (ArgumentException e)
        {
            throw new InputException($"The pattern {pattern} of module names is not a valid regular expression: {e.Message}", e);
        }
    }

    private static Regex Compile(string whole)
    {
        try
        {
            return new Regex(whole, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Patience);
        }
        catch (NotSupportedException)
        {
            return new Regex(whole, RegexOptions.CultureInvariant, Patience);
        }
    }
}
