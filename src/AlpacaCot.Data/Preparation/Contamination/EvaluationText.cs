using System.Text.Json;

namespace AlpacaCot.Data.Preparation.Contamination;

/// <summary>One question of an evaluation set, independent of its field names.</summary>
/// <param name="Origin">Source for messages.</param>
/// <param name="Text">All its texts, separated by line feeds.</param>
public sealed record EvaluationText(string Origin, string Text)
{
    /// <summary>
    /// Extracts the questions from a record of an evaluation set. Benchmarks share no schema except that a question is an object
    /// with texts: its strings and lists of strings (such as choices) form the question; nested objects are questions of
    /// their own.
    /// </summary>
    /// <param name="record">A JSON value.</param>
    /// <param name="origin">Source for messages.</param>
    public static IEnumerable<EvaluationText> From(JsonElement record, string origin)
    {
        var own = new List<string>();
        var inner = new List<JsonElement>();
        Take(record, own, inner);
        if (own.Count > 0) yield return new EvaluationText(origin, string.Join('\n', own));
        foreach (var (i, element) in inner.Index())
            foreach (var text in From(element, inner.Count == 1 ? origin : $"{origin}, part {i + 1}"))
                yield return text;
    }

    private static void Take(JsonElement value, List<string> own, List<JsonElement> inner)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                own.Add(value.GetString()!);
                break;
            case JsonValueKind.Object:
                foreach (var field in value.EnumerateObject())
                    if (field.Value.ValueKind == JsonValueKind.Object) inner.Add(field.Value);
                    else Take(field.Value, own, inner);
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                    if (item.ValueKind is JsonValueKind.Object or JsonValueKind.Array) inner.Add(item);
                    else Take(item, own, inner);
                break;
        }
    }
}
