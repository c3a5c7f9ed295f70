using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>One record of a file as it stands there, whatever it means.</summary>
/// <param name="Value">The record; rows of tables are objects, with their columns as fields.</param>
/// <param name="Number">Its place in the file, counted from 1.</param>
/// <param name="File">The file, as the user named it.</param>
public readonly record struct RawRecord(JsonElement Value, long Number, string File)
{
    /// <summary>Names the record in a message: <c>file.json, record 17</c>.</summary>
    public string Origin => $"{File}, record {Number}";
}
