using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>Reads benchmark files in their published formats: records, CSV rows, and folders of them.</summary>
internal static class PublishedFile
{
    /// <summary>The records of a file; an object that contains the records in an array is unpacked.</summary>
    public static IEnumerable<PublishedRecord> Records(string path, string inside = "examples")
    {
        var number = 0;
        foreach (var record in RecordFile.Read(path))
        {
            if (record.Value.ValueKind == JsonValueKind.Object && record.Value.TryGetProperty(inside, out var all)
                && all.ValueKind == JsonValueKind.Array)
                foreach (var one in all.EnumerateArray())
                    yield return new(one, $"{path}, record {++number}", number);
            else yield return new(record.Value, record.Origin, number = (int)record.Number);
        }
    }

    /// <summary>Instruction data in any supported format, or in the format of a data set of the collection.</summary>
    public static IEnumerable<Conversation> Conversations(string path, BenchmarkOptions options) =>
        options.Set?.Convert(path, new ConvertOptions()) ?? InstructionFile.Read(path);

    /// <summary>The file itself, or the sorted files of a folder with one of the endings.</summary>
    public static IReadOnlyList<string> In(string path, params string[] endings)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new InputException($"{path}: file or folder not found.");
        var files = Directory.EnumerateFiles(path)
            .Where(f => endings.Any(e => f.EndsWith(e, StringComparison.OrdinalIgnoreCase)
                || f.EndsWith(e + ".gz", StringComparison.OrdinalIgnoreCase)))
            .Order(StringComparer.Ordinal).ToList();
        return files.Count > 0 ? files
            : throw new InputException($"{path}: the folder contains no file that ends with {string.Join(" or ", endings)}.");
    }

    /// <summary>The file name without folder and extensions.</summary>
    public static string Stem(string file) => Path.GetFileName(file).Split('.')[0];

    /// <summary>The text of a file, decompressed if necessary.</summary>
    public static string Text(string path)
    {
        if (!File.Exists(path)) throw new InputException($"{path}: file not found.");
        using var file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
            ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>The rows of a CSV file (RFC 4180) including the first, because some files have no
    /// header.</summary>
    public static IEnumerable<(string[] Cells, int Number)> Rows(string path)
    {
        var text = Text(path);
        var (cells, cell, number) = (new List<string>(), new StringBuilder(), 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"' && cell.Length == 0)
            {
                for (i++; i < text.Length && (text[i] != '"' || (i + 1 < text.Length && text[i + 1] == '"')); i++)
                    cell.Append(text[i] == '"' ? text[i++] : text[i]);
                if (i >= text.Length) throw new InputException($"{path}, row {number + 1}: unclosed quote.");
            }
            else if (text[i] == ',')
            {
                cells.Add(cell.ToString());
                cell.Clear();
            }
            else if (text[i] is '\n' || (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n'))
            {
                if (text[i] == '\r') i++;
                if (cells.Count > 0 || cell.Length > 0) yield return Row();
            }
            else cell.Append(text[i]);
        }
        if (cells.Count > 0 || cell.Length > 0) yield return Row();

        (string[], int) Row()
        {
            cells.Add(cell.ToString());
            cell.Clear();
            var row = cells.ToArray();
            cells.Clear();
            return (row, ++number);
        }
    }
}

/// <summary>A record of a benchmark file.</summary>
/// <param name="Value">The record.</param>
/// <param name="Origin">File and record number for messages.</param>
/// <param name="Number">One-based position.</param>
internal readonly record struct PublishedRecord(JsonElement Value, string Origin, int Number)
{
    /// <summary>The number of the record, zero-padded so that it sorts as text.</summary>
    public string Id => Number.ToString("D5", CultureInfo.InvariantCulture);

    /// <summary>Text of the first field that exists, numbers as written; null if none does.</summary>
    public string? Find(params ReadOnlySpan<string> names)
    {
        if (Value.ValueKind != JsonValueKind.Object) return null;
        foreach (var name in names)
            if (Value.TryGetProperty(name, out var field))
                switch (field.ValueKind)
                {
                    case JsonValueKind.String: return field.GetString();
                    case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False: return field.GetRawText();
                }
        return null;
    }

    /// <summary>Like <see cref="Find"/>, but throws if no field exists.</summary>
    public string Text(params string[] names) => Find(names) ?? throw Bad($"it has no text \"{string.Join("\" or \"", names)}\"");

    /// <summary>A field of any type; undefined if missing.</summary>
    public JsonElement Field(string name) =>
        Value.ValueKind == JsonValueKind.Object && Value.TryGetProperty(name, out var field) ? field : default;

    /// <summary>The texts of an array field.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        var field = Field(name);
        if (field.ValueKind != JsonValueKind.Array) throw Bad($"it has no list \"{name}\"");
        return [.. field.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.String ? e.GetString()! : e.GetRawText())];
    }

    /// <summary>Creates an error with the record's position.</summary>
    public InputException Bad(string problem) => new($"{Origin}: {problem}.");
}
