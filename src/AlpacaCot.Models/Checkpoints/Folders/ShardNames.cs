using System.Globalization;
using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Finds the parts of a model whose index file is missing, by their names: <c>model-00001-of-00003.safetensors</c>.
/// </summary>
internal static partial class ShardNames
{
    /// <summary>The names of all parts in a folder, in order; empty where it has none.</summary>
    /// <exception cref="InputException">Some parts are missing, or parts of two models are mixed.</exception>
    public static IReadOnlyList<string> In(string folder)
    {
        List<Match> found = [.. Directory.GetFiles(folder)
            .Select(file => Form().Match(Path.GetFileName(file))).Where(m => m.Success)];
        foreach (var ending in (string[])["safetensors", "bin"]) // as with whole files, safetensors first
        {
            var parts = found.Where(m => m.Groups["ending"].Value == ending).ToList();
            if (parts.Count == 0) continue;
            List<(string Stem, string Count)> models =
                [.. parts.Select(m => (m.Groups["stem"].Value, m.Groups["count"].Value)).Distinct()];
            if (models.Count > 1)
                throw new InputException($"{folder} has weight files of {models.Count} models ({models[0].Stem} in " +
                    $"{models[0].Count} parts, {models[1].Stem} in {models[1].Count}) and no index; keep those of one.");
            var ((stem, count), width) = (models[0], models[0].Count.Length);
            var names = Enumerable.Range(1, int.Parse(count, NumberStyles.None, CultureInfo.InvariantCulture))
                .Select(i => i.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0'))
                .Select(part => $"{stem}-{part}-of-{count}.{ending}").ToList();
            var missing = names.Where(name => !File.Exists(Path.Combine(folder, name))).ToList();
            return missing.Count == 0 ? names : throw new InputException(
                $"{folder}: {string.Join(", ", missing.Take(5))}{(missing.Count > 5 ? $" and {missing.Count - 5} more" : "")} " +
                $"of {count} " +
                "weight files are missing. Copy or download them.");
        }
        return [];
    }

    [GeneratedRegex(@"^(?<stem>.+)-(?<part>\d{1,5})-of-(?<count>\d{1,5})\.(?<ending>safetensors|bin)$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
