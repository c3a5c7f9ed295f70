namespace AlpacaCot.Data.Formats;

/// <summary>What to do about records that cannot be used.</summary>
public sealed record ReadOptions
{
    /// <summary>
    /// Skips a record that cannot be used instead of failing. A file that was cut short, or whose structure is broken so that
    /// the next record cannot be found, fails all the same.
    /// </summary>
    public bool SkipBad { get; init; }

    /// <summary>Told of every record that was skipped: file, record number, line and what was wrong.</summary>
    public Action<string>? OnBadRecord { get; init; }

    /// <summary>Deals with a record that cannot be used: it is reported, or it is the end.</summary>
    /// <param name="place">File, record number and line.</param>
    /// <param name="problem">What is wrong.</param>
    internal void Refuse(string place, string problem)
    {
        var message = $"{place}: {problem.TrimEnd('.')}.";
        if (!SkipBad) throw new InputException(message);
        OnBadRecord?.Invoke(message);
    }
}
