using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>The texts that judges are asked with: files that a user may replace.</summary>
/// <param name="folder">Where files of the user are looked for first; null: only those that ship.</param>
public sealed partial class JudgePrompts(string? folder = null)
{
    /// <summary>The prompt files there are.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["grade", "grade-reference", "grade-second-turn", "pairwise", "belle", "belle-criteria"];

    /// <summary>The text of a prompt file.</summary>
    public string Text(string name)
    {
        if (folder is not null && Path.Combine(folder, name + ".txt") is var own && File.Exists(own))
            return File.ReadAllText(own);
        using var stream = typeof(JudgePrompts).Assembly.GetManifestResourceStream($"judge-prompts/{name}.txt")
            ?? throw new InputException($"there is no judge prompt \"{name}\"");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>A prompt with its marks filled in, in one pass: braces of a user's text stay as they are.</summary>
    /// <exception cref="InputException">The prompt has a mark that nothing is known for.</exception>
    public string Fill(string name, params (string Mark, string Value)[] values) =>
        Mark.Replace(Text(name), mark => values.Any(v => v.Mark == mark.Groups[1].Value)
            ? values.First(v => v.Mark == mark.Groups[1].Value).Value
            : throw new InputException($"the judge prompt \"{name}\" has the mark {mark.Value}; it may have "
                + string.Join(", ", values.Select(v => $"{{{v.Mark}}}")))).Trim();

    /// <summary>A line of a file of <c>key: text</c> lines.</summary>
    public string Line(string name, string key) =>
        Text(name).Split('\n').FirstOrDefault(l => l.StartsWith(key + ":", StringComparison.Ordinal)) is { } line
            ? line[(key.Length + 1)..].Trim()
            : throw new InputException($"the judge prompt \"{name}\" has no line for \"{key}\"");

    [GeneratedRegex(@"\{([a-z_]+)\}")]
    private static partial Regex Mark { get; }
}
