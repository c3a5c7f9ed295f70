using System.Collections.ObjectModel;

namespace AlpacaCot.Configuration;

/// <summary>One key as documented.</summary>
/// <param name="Name">The full name, such as <c>training.learning_rate</c>.</param>
/// <param name="Allowed">The values it takes.</param>
/// <param name="Default">The value where the key is absent; empty for none.</param>
/// <param name="Meaning">The effect.</param>
public sealed record DocumentedKey(string Name, string Allowed, string Default, string Meaning);

/// <summary>The properties of one kind of file besides its keys: short forms, synonyms, and names for messages.</summary>
/// <param name="Kind">The name of the kind in messages, used after the article "a", such as <c>recipe</c>.</param>
public sealed record Schema(string Kind)
{
    /// <summary>
    /// Sections that may be one word, each with the key that the word stands for: <c>model: FOLDER</c> is
    /// <c>model: { path: FOLDER }</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Shorthands { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Sections of <see cref="Shorthands"/> that are lists; one word is a list of one entry.</summary>
    public IReadOnlyList<string> Lists { get; init; } = [];

    /// <summary>The names of keys in other tools, each with this project's name, for suggestions.</summary>
    public IReadOnlyDictionary<string, string> Synonyms { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Words of other tools that name no single key or value here, in lower case, each with what to write.</summary>
    public IReadOnlyDictionary<string, string> Remedies { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Another kind of file by a key that only it has, with the command that reads it.</summary>
    public IReadOnlyList<(string Key, string Kind, string Command)> Others { get; init; } = [];

    /// <summary>Keys that no other kind of file has; a file with one of them is of this kind.</summary>
    public IReadOnlyList<string> Marks { get; init; } = [];

    /// <summary>All documented keys, to suggest the section of a key that was written in another one.</summary>
    public Func<IEnumerable<DocumentedKey>> Documented { get; init; } = () => [];

    /// <summary>Two keys as examples for the form of a key.</summary>
    public (string First, string Second) Examples { get; init; } = ("section.key", "list.0.key");

    /// <summary>An override as an example.</summary>
    public string ExampleOverride { get; init; } = "section.key=value";
}
