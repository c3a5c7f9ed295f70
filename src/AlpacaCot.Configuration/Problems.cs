using AlpacaCot.Text;

namespace AlpacaCot.Configuration;

/// <summary>Collects all errors of a file, so that one message reports all of them.</summary>
/// <param name="file">The file as messages name it.</param>
public sealed class Problems(string file)
{
    private readonly List<string> _problems = [];
    private readonly List<string> _refusals = [];

    /// <summary>The location of each given key, by its full name such as <c>training.epochs</c>.</summary>
    public Dictionary<string, SourceLocation> Given { get; } = [];

    /// <summary>Reports an error at a location.</summary>
    public void Add(SourceLocation location, string problem) => _problems.Add($"{location}: {problem}");

    /// <summary>Reports an error where <paramref name="key"/> was given, or for the whole file where it was not.</summary>
    public void AddAt(string key, string problem) =>
        Add(Given.TryGetValue(key, out var location) ? location : new SourceLocation(file, 0), problem);

    /// <summary>Whether an error was reported.</summary>
    public bool Any => _problems.Count > 0;

    /// <summary>Reports the errors of another message, each as one.</summary>
    /// <param name="problem">The message.</param>
    /// <param name="key">The key whose location is put before a message that has none; null: the message has its own.</param>
    public void Include(InputException problem, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(problem);
        foreach (var one in problem.Problems ?? [problem.Message])
            if (key is not null) AddAt(key, one);
            else if (!_problems.Contains(one)) _problems.Add(one);
    }

    /// <summary>Reports a valid setting whose combination with others is not supported.</summary>
    public void Refuse(string key, string reason)
    {
        AddAt(key, $"{key}: {reason}");
        _refusals.Add(reason);
    }

    /// <summary>Throws all errors as one message; returns where there are none.</summary>
    /// <exception cref="InputException">At least one error was reported; <see cref="InputException.Refusal"/> is set where all
    /// of them are refusals.</exception>
    public void ThrowIfAny()
    {
        var refusal = _refusals.Count == _problems.Count ? string.Join("; ", _refusals) : null;
        if (_problems.Count == 1) throw new InputException(_problems[0]) { Refusal = refusal };
        if (_problems.Count > 1)
            throw new InputException($"{file} has {_problems.Count} errors:\n" +
                string.Join('\n', _problems.Select(p => "  " + p))) { Refusal = refusal, Problems = [.. _problems] };
    }
}
