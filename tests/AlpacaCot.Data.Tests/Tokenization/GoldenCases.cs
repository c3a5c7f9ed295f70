using System.Text.Json;
using AlpacaCot.Tests;

namespace AlpacaCot.Data.Tests.Tokenization;

/// <summary>A text with the ids (and where recorded the decoded text) of the reference implementation.</summary>
internal sealed record GoldenCase(string Text, int[] Ids, string? Decoded)
{
    /// <summary>Reads <c>{"cases": [{"text", "ids", "decoded"?}]}</c>.</summary>
    public static IReadOnlyList<GoldenCase> Read(string relative)
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(ReferenceData.Path(relative)));
        return [.. file.RootElement.GetProperty("cases").EnumerateArray().Select(c => new GoldenCase(
            c.GetProperty("text").GetString()!,
            [.. c.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())],
            c.TryGetProperty("decoded", out var decoded) ? decoded.GetString() : null))];
    }
}

internal static class Golden
{
    /// <summary>All the cases that differ, or nothing.</summary>
    public static void AllEqual(IEnumerable<GoldenCase> cases, Func<string, int[]> encode)
    {
        var wrong = cases.Select(c => (Case: c, Ids: encode(c.Text))).Where(c => !c.Ids.SequenceEqual(c.Case.Ids)).ToList();
        Assert.True(wrong.Count == 0, $"{wrong.Count} differ; " + string.Join("; ", wrong.Take(5).Select(w =>
            $"{JsonSerializer.Serialize(w.Case.Text)} want [{string.Join(' ', w.Case.Ids)}] got [{string.Join(' ', w.Ids)}]")));
    }
}
