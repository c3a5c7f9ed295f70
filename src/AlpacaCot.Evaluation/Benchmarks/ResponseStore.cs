using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// Store of computed results, keyed by a hash of everything they depend on: an append-only file of JSON lines. Results survive
/// a crash once added; a line truncated by a crash is dropped.
/// </summary>
public sealed class ResponseStore : IDisposable
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Dictionary<string, JsonElement> _known = [];
    private readonly FileStream? _file;

    private ResponseStore(FileStream? file) => this._file = file;

    /// <summary>Opens or creates a store for writing, exclusively.</summary>
    /// <exception cref="InputException">The file cannot be written, is in use, or has another format.</exception>
    public static ResponseStore Open(string path)
    {
        FileStream file;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot open the result store: {e.Message} "
                + "(another run may use the same file; choose another folder with --cache)", e);
        }
        var store = new ResponseStore(file);
        try
        {
            var whole = store.Load(path, file);
            file.SetLength(whole);
            file.Position = whole;
        }
        catch
        {
            file.Dispose();
            throw;
        }
        return store;
    }

    /// <summary>Opens a store read-only, even while another process writes to it. A missing file is an empty store.</summary>
    /// <exception cref="InputException">The file cannot be read or has another format.</exception>
    public static ResponseStore OpenToRead(string path)
    {
        if (!File.Exists(path)) return new ResponseStore(null);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var store = new ResponseStore(null);
        store.Load(path, file);
        return store;
    }

    /// <summary>Computes the key of a result from everything it depends on.</summary>
    public static string Key(params ReadOnlySpan<string> parts) => Fingerprint.OfAll(parts);

    /// <summary>Looks up a result; false if there is none.</summary>
    public bool TryGet<T>(string key, out T value)
    {
        lock (_known)
        {
            try
            {
                if (_known.TryGetValue(key, out var json) && json.Deserialize<T>(Readable) is { } found)
                {
                    value = found;
                    return true;
                }
            }
            catch (JsonException)
            {
                // damaged: computed again
            }
        }
        value = default!;
        return false;
    }

    /// <summary>Adds a result and writes it to the file before returning.</summary>
    public void Add<T>(string key, T value)
    {
        var json = JsonSerializer.SerializeToElement(value, Readable);
        var line = JsonSerializer.SerializeToUtf8Bytes(new { key, value = json }, Readable);
        lock (_known)
        {
            _known[key] = json;
            (_file ?? throw new InvalidOperationException("this store was opened read-only")).Write([.. line, (byte)'\n']);
            _file.Flush();
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file?.Dispose();

    // Returns the length of the complete lines: a crash may have truncated the last one.
    private long Load(string path, FileStream from)
    {
        var bytes = new byte[from.Length];
        from.ReadExactly(bytes);
        var whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
        for (var (start, number) = (0, 1); start < whole; number++)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)'\n');
            try
            {
                var line = JsonSerializer.Deserialize<JsonElement>(bytes.AsSpan(start, length));
                _known[line.GetProperty("key").GetString()!] = line.GetProperty("value");
            }
            catch (Exception e) when (e
                is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentNullException)
            {
                throw new InputException(
                    $"{path}:{number}: not a stored result; delete the file or choose another folder with --cache", e);
            }
            start += length + 1;
        }
        return whole;
    }
}
