using AlpacaCot.Text;

namespace AlpacaCot.Configuration;

/// <summary>The context of one value while a file is read.</summary>
/// <param name="Name">The full name of the key or section, such as <c>training.epochs</c>; empty for the whole file.</param>
/// <param name="Folder">The folder that relative paths start from; null: paths are kept as they are.</param>
/// <param name="Problems">Collects the errors.</param>
/// <param name="Schema">The kind of file.</param>
public sealed record KeyContext(string Name, string? Folder, Problems Problems, Schema Schema)
{
    /// <summary>Reports a value that is not allowed.</summary>
    /// <param name="record">The record that is being read.</param>
    /// <param name="node">The value.</param>
    /// <param name="allowed">The allowed values, for the message.</param>
    /// <param name="choices">The allowed words, where there are few: the nearest is suggested.</param>
    /// <returns>The record, unchanged.</returns>
    public T Wrong<T>(T record, ConfigurationNode node, string allowed, IReadOnlyList<string>? choices = null)
    {
        var guess = node is ConfigurationNode.Scalar word && choices is not null ? Spelling.Nearest(word.Text, choices) : null;
        var quoted = node is ConfigurationNode.Scalar { Quoted: true } && !allowed.Contains("text", StringComparison.Ordinal)
            ? " (a number or true/false is written without quotes)" : "";
        var remedy = node is ConfigurationNode.Scalar text && choices is not null
            && Schema.Remedies.TryGetValue(text.Text.ToLowerInvariant(), out var known)
            ? known : node.Hint ?? (guess is null ? null : $"did you mean {guess}?");
        Problems.Add(node.Location, $"{Name}: found {node.Describe()}, allowed is {allowed}{quoted}"
            + (remedy is null ? "" : $"; {remedy}"));
        return record;
    }

    /// <summary>Reports a value that is not a number of the allowed range, with the right spelling where it is known.</summary>
    /// <param name="record">The record that is being read.</param>
    /// <param name="node">The value.</param>
    /// <param name="allowed">The allowed values, for the message.</param>
    /// <param name="whole">Whether the number must be whole.</param>
    /// <returns>The record, unchanged.</returns>
    public T WrongNumber<T>(T record, ConfigurationNode node, string allowed, bool whole) =>
        Wrong(record, node, node is ConfigurationNode.Scalar { Quoted: false } s && Numbers.Respelled(s.Text, whole) is { } right
            ? $"{allowed}; write {right}" : allowed);

    /// <summary>
    /// The path that a value names: a path in a file is relative to the folder of that file, a path in a command-line option to
    /// the current folder.
    /// </summary>
    public string FilePath(ConfigurationNode.Scalar node) =>
        Folder is null ? node.Text
        : node.Location.Option is not null ? Path.GetFullPath(node.Text)
        : Path.GetFullPath(node.Text, Path.GetFullPath(node.Location.Folder ?? Folder));
}
