using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>A question excluded from the training data.</summary>
/// <param name="Category">The category, such as <c>english</c>.</param>
/// <param name="Instruction">The instruction.</param>
/// <param name="Input">The input of the instruction; empty for none.</param>
/// <param name="Reference">The right answer.</param>
public sealed record HeldOutQuestion(string Category, string Instruction, string Input, string Reference)
{
    private static readonly string[] Names = ["category", "instruction", "input", "output"];

    /// <summary>Reads a held-out file: a JSON array of Alpaca records that also have a <c>category</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The maximum number of questions, taken round-robin over the categories, so that each is
    /// represented.</param>
    /// <returns>The questions in the order of the file.</returns>
    /// <exception cref="InputException">The file does not exist, is not such an array, or a record lacks a field.</exception>
    public static IReadOnlyList<HeldOutQuestion> Read(string path, int? limit = null)
    {
        if (!File.Exists(path)) throw new InputException($"{path}: the file does not exist.");
        return InputBoundary.Read(path, () => ReadFile(path, limit));
    }

    private static IReadOnlyList<HeldOutQuestion> ReadFile(string path, int? limit)
    {
        List<HeldOutQuestion> all;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            if (json.RootElement.ValueKind != JsonValueKind.Array)
                throw new InputException($"{path}: expected a JSON array of records with category, instruction and output.");
            all = [.. json.RootElement.EnumerateArray().Select((record, i) => Parse(record, $"{path}, record {i + 1}"))];
        }
        catch (JsonException e)
        {
            throw new InputException($"{path}: this is not valid JSON: {e.Message}", e);
        }
        if (all.Count == 0) throw new InputException($"{path}: the file contains no records.");
        var taken = all.Index().GroupBy(q => q.Item.Category)
            .SelectMany(group => group.Select((q, rank) => (q.Index, q.Item, Rank: rank)))
            .OrderBy(q => q.Rank).ThenBy(q => q.Index).Take(limit ?? all.Count);
        return [.. taken.OrderBy(q => q.Index).Select(q => q.Item)];
    }

    private static HeldOutQuestion Parse(JsonElement record, string location)
    {
        if (record.ValueKind != JsonValueKind.Object)
            throw new InputException($"{location}: expected an object with {string.Join(", ", Names)}.");
        var values = Names.Select(name => !record.TryGetProperty(name, out var value) ? name == "input" ? "" : null
            : value.ValueKind == JsonValueKind.String ? value.GetString() : null).ToArray();
        if (Array.IndexOf(values, null) is >= 0 and var missing)
            throw new InputException($"{location}: the field \"{Names[missing]}\" is missing or not a string.");
        return new HeldOutQuestion(values[0]!, values[1]!, values[2]!, values[3]!);
    }
}
