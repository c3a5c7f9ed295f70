using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>One record of a file in its original form.</summary>
/// <param name="Value">The record; a table row is an object with the columns as fields.</param>
/// <param name="Number">One-based position in the file.</param>
/// <param name="File">The file as the user passed it.</param>
public readonly record struct RawRecord(JsonElement Value, long Number, string File)
{
    /// <summary>Position of the record for messages: <c>file.json, record 17</c>.</summary>
    public string Origin => $"{File}, record {Number}";
}
