using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>Collects everything that is wrong with a recipe, so that a person sees all of it at once.</summary>
internal sealed class RecipeProblems(string file)
{
    private readonly List<string> _problems = [];
    private readonly List<string> _refusals = [];

    /// <summary>Where each key that was given stands, by its full name such as <c>training.epochs</c>.</summary>
    public Dictionary<string, Place> Given { get; } = [];

    /// <summary>The recipe's file.</summary>
    public string File => file;

    public void Add(Place place, string problem) => _problems.Add($"{place}: {problem}");

    /// <summary>Reports a problem where <paramref name="key"/> was given, or for the whole file where it was not.</summary>
    public void AddAt(string key, string problem) =>
        Add(Given.TryGetValue(key, out var place) ? place : new Place(file, 0), problem);

    /// <summary>Reports what is well said and cannot be done.</summary>
    public void Refuse(string key, string reason)
    {
        AddAt(key, $"{key}: {reason}");
        _refusals.Add(reason);
    }

    /// <summary>Throws all problems as one message; returns where there are none.</summary>
    public void ThrowIfAny()
    {
        // Where something is wrong besides, that comes first.
        var refusal = _refusals.Count == _problems.Count ? string.Join("; ", _refusals) : null;
        if (_problems.Count == 1) throw new InputException(_problems[0]) { Refusal = refusal };
        if (_problems.Count > 1)
            throw new InputException($"{file} has {_problems.Count} errors:\n" +
                string.Join('\n', _problems.Select(p => "  " + p))) { Refusal = refusal };
    }
}
