using System.Text.Json;

namespace AlpacaCot.Cli.Output;

/// <summary>Writes JSON objects and arrays with closures in place of start and end calls.</summary>
internal static class JsonExtensions
{
    public static void Object(this Utf8JsonWriter json, Action<Utf8JsonWriter> members)
    {
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    }

    public static void Object(this Utf8JsonWriter json, string name, Action<Utf8JsonWriter> members)
    {
        json.WritePropertyName(name);
        json.Object(members);
    }

    public static void Array<T>(this Utf8JsonWriter json, string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items) write(item);
        json.WriteEndArray();
    }

    public static void Ids(this Utf8JsonWriter json, string name, IEnumerable<int> ids) =>
        json.Array(name, ids, json.WriteNumberValue);

    public static void Ids(this Utf8JsonWriter json, IEnumerable<int> ids)
    {
        json.WriteStartArray();
        foreach (var id in ids) json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    public static void Strings(this Utf8JsonWriter json, string name, IEnumerable<string> texts) =>
        json.Array(name, texts, json.WriteStringValue);
}
