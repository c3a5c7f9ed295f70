using System.Globalization;
using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// The narrowest Parquet type that restores every value of the column exactly; JSON text where no such type exists.
/// </summary>
internal sealed class ColumnShape
{
    private const int DeepestNesting = 8, MostMembers = 100;

    /// <summary>The kinds of values.</summary>
    public enum Kinds { None, Text, Whole, Real, Flag, List, Group, Json }

    public Kinds Kind { get; private set; }

    /// <summary>The elements of a list.</summary>
    public ColumnShape? Item { get; private set; }

    /// <summary>The members of a group, in order of first occurrence.</summary>
    public OrderedDictionary<string, ColumnShape> Members { get; } = [];

    /// <summary>Whether the column is stored as JSON text because some part of it has no Parquet type.</summary>
    public bool IsJson => Kind switch
    {
        Kinds.None or Kinds.Json => true,   // the element type of a list that was always empty is unknown
        Kinds.List => Item!.IsJson,
        Kinds.Group => Members.Count == 0 || Members.Values.Any(member => member.IsJson),
        _ => false,
    };

    /// <summary>Widens the shape to include a value.</summary>
    public void Include(JsonElement value, int depth = 0)
    {
        var kind = depth > DeepestNesting ? Kinds.Json : KindOf(value);
        Kind = Kind == Kinds.None || Kind == kind ? kind : Kinds.Json;
        if (Kind == Kinds.List)
        {
            Item ??= new ColumnShape();
            foreach (var element in value.EnumerateArray()) Item.Include(element, depth + 1);
        }
        else if (Kind == Kinds.Group)
        {
            foreach (var member in value.EnumerateObject().Where(IsPresent))
            {
                if (!Members.TryGetValue(member.Name, out var shape)) Members[member.Name] = shape = new ColumnShape();
                if (member.Name.Length == 0 || member.Name.AsSpan().ContainsAny("./")) Kind = Kinds.Json;
                shape.Include(member.Value, depth + 1);
            }
            if (Members.Count > MostMembers) Kind = Kinds.Json;
        }
    }

    /// <summary>OpenAI's <c>content: null</c> beside <c>tool_calls</c> means the same as an absent member.</summary>
    public static bool IsPresent(JsonProperty member) => !(member.Value.ValueKind == JsonValueKind.Null
        && member.NameEquals("content"u8));

    private static Kinds KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Kinds.Text,
        JsonValueKind.True or JsonValueKind.False => Kinds.Flag,
        JsonValueKind.Array => Kinds.List,
        JsonValueKind.Object => Kinds.Group,
        JsonValueKind.Number when value.TryGetInt64(out var whole)
            && value.GetRawText() == whole.ToString(CultureInfo.InvariantCulture) => Kinds.Whole,
        JsonValueKind.Number when value.TryGetDouble(out var real)
            && value.GetRawText() == real.ToString("R", CultureInfo.InvariantCulture) => Kinds.Real,
        _ => Kinds.Json,
    };
}
