using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// What was computed before, by the hash of everything it depends on: a file of JSON lines that only grows. Whatever was added
/// before a crash is there afterwards; a line that the crash cut is dropped.
/// </summary>
public sealed class ResponseStore : IDisposable
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Dictionary<string, JsonElement> known = [];
    private readonly FileStream? file;

    private ResponseStore(FileStream? file) => this.file = file;

    /// <summary>Opens a store or makes a new one; no other process may write to it meanwhile.</summary>
    /// <exception cref="InputException">The file cannot be written, is in use, or is no such store.</exception>
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
            throw new InputException($"{path}: earlier results cannot be kept there: {e.Message} "
                + "(another run may use the same file; --cache names another folder)", e);
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

    /// <summary>Reads a store that another process may be writing to; nothing can be added. Without a file it is empty.</summary>
    /// <exception cref="InputException">The file cannot be read or is no such store.</exception>
    public static ResponseStore OpenToRead(string path)
    {
        if (!File.Exists(path)) return new ResponseStore(null);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var store = new ResponseStore(null);
        store.Load(path, file);
        return store;
    }

    /// <summary>The key of something that depends on all of the parts.</summary>
    public static string Key(params ReadOnlySpan<string> parts) => Fingerprint.OfAll(parts);

    /// <summary>What is kept under a key; false where there is nothing.</summary>
    public bool TryGet<T>(string key, out T value)
    {
        lock (known)
        {
            if (known.TryGetValue(key, out var json) && json.Deserialize<T>(Readable) is { } found)
            {
                value = found;
                return true;
            }
        }
        value = default!;
        return false;
    }

    /// <summary>Keeps a value: it is on its way to the disk when this returns.</summary>
    public void Add<T>(string key, T value)
    {
        var json = JsonSerializer.SerializeToElement(value, Readable);
        var line = JsonSerializer.SerializeToUtf8Bytes(new { key, value = json }, Readable);
        lock (known)
        {
            known[key] = json;
            (file ?? throw new InvalidOperationException("this store was opened to be read")).Write([.. line, (byte)'\n']);
            file.Flush();
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file?.Dispose();

    // The length of the whole lines: a crash may have cut the last one.
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
                known[line.GetProperty("key").GetString()!] = line.GetProperty("value");
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentNullException)
            {
                throw new InputException(
                    $"{path}:{number}: this is no kept result; delete the file or name another folder with --cache", e);
            }
            start += length + 1;
        }
        return whole;
    }
}
