using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>The prompts of judges, text files that users may replace.</summary>
/// <param name="folder">A folder whose files take precedence; null: only the built-in prompts.</param>
public sealed partial class JudgePrompts(string? folder = null)
{
    /// <summary>The names of the prompt files, without extension.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["grade", "grade-reference", "grade-second-turn", "pairwise", "belle", "belle-criteria"];

    /// <summary>The text of a prompt file.</summary>
    public string Text(string name)
    {
        if (folder is not null && Path.Combine(folder, name + ".txt") is var own && File.Exists(own))
            return File.ReadAllText(own);
        using var stream = typeof(JudgePrompts).Assembly.GetManifestResourceStream($"judge-prompts/{name}.txt")
            ?? throw new InputException($"unknown judge prompt \"{name}\"; allowed are {string.Join(", ", Names)}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Fills the placeholders of a prompt in one pass; braces in the inserted texts are kept.</summary>
    /// <exception cref="InputException">The prompt has an unknown placeholder.</exception>
    public string Fill(string name, params (string Mark, string Value)[] values) =>
        Mark.Replace(Text(name), mark => values.Any(v => v.Mark == mark.Groups[1].Value)
            ? values.First(v => v.Mark == mark.Groups[1].Value).Value
            : throw new InputException($"the judge prompt \"{name}\" has the unknown placeholder {mark.Value}; allowed are "
                + string.Join(", ", values.Select(v => $"{{{v.Mark}}}")))).Trim();

    /// <summary>The text of a key in a file of <c>key: text</c> lines.</summary>
    public string Line(string name, string key) =>
        Text(name).Split('\n').FirstOrDefault(l => l.StartsWith(key + ":", StringComparison.Ordinal)) is { } line
            ? line[(key.Length + 1)..].Trim()
            : throw new InputException($"the judge prompt \"{name}\" has no line for \"{key}\"");

    [GeneratedRegex(@"\{([a-z_]+)\}")]
    private static partial Regex Mark { get; }
}
