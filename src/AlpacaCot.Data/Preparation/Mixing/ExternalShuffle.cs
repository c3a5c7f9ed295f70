using System.Buffers;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>
/// Shuffles any number of conversations in bounded memory. Each gets a random 64-bit sort key; sorting is in memory if
/// possible, else by merging sorted runs on disk. The order depends only on the seed, not on the memory limit, and all
/// permutations are equally likely.
/// </summary>
public static class ExternalShuffle
{
    /// <summary>Default memory limit for records, in bytes.</summary>
    public const long StandardMemory = 256L << 20;

    private const int RecordOverhead = 64;   // bytes of an array header and its list entry

    /// <summary>Shuffles; the input is read when the first output is requested.</summary>
    /// <param name="records">Enumerated once.</param>
    /// <param name="seed">Seed of the order.</param>
    /// <param name="memory">Maximum size of the records in memory, in bytes.</param>
    /// <param name="folder">Folder for temporary runs; null: the system's temporary folder.</param>
    public static IEnumerable<Conversation> Shuffle(IEnumerable<Conversation> records, long seed, long memory = StandardMemory,
        string? folder = null)
    {
        var random = new DeterministicRandom(seed).Fork("shuffle");
        var buffer = new ArrayBufferWriter<byte>();
        var held = new List<Entry>();
        var size = 0L;
        var runs = new List<FileStream>();
        try
        {
            foreach (var record in records)
            {
                held.Add(new Entry(random.NextUInt64(), ConversationBytes.Write(buffer, record)));
                size += held[^1].Bytes.Length + RecordOverhead;
                if (size < memory) continue;
                runs.Add(WriteRun(held, folder ?? Path.GetTempPath()));
                held = [];
                size = 0;
            }
            held.Sort();
            var parts = runs.Select(ReadRun).Append(held);
            foreach (var entry in runs.Count == 0 ? held : Merge(parts)) yield return ConversationBytes.Read(entry.Bytes);
        }
        finally
        {
            foreach (var run in runs) run.Dispose();   // which deletes it
        }
    }

    private static FileStream WriteRun(List<Entry> entries, string folder)
    {
        entries.Sort();
        FileStream file;
        try
        {
            file = Leftovers.Unnamed(new FileStream(Path.Combine(folder, $"alpaca-cot-{Guid.NewGuid():N}.run"),
                FileMode.CreateNew,
                FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose | FileOptions.SequentialScan));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{folder}: cannot create a temporary file: {refused.Message}", refused);
        }
        try
        {
            using var writer = new BinaryWriter(file, System.Text.Encoding.UTF8, leaveOpen: true);
            foreach (var (key, bytes) in entries)
            {
                writer.Write(key);
                writer.Write(bytes.Length);
                writer.Write(bytes);
            }
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static IEnumerable<Entry> ReadRun(FileStream file)
    {
        file.Position = 0;
        using var reader = new BinaryReader(file, System.Text.Encoding.UTF8, leaveOpen: true);
        while (file.Position < file.Length)
        {
            var key = reader.ReadUInt64();
            yield return new Entry(key, reader.ReadBytes(reader.ReadInt32()));
        }
    }

    private static IEnumerable<Entry> Merge(IEnumerable<IEnumerable<Entry>> sorted)
    {
        var heads = new PriorityQueue<IEnumerator<Entry>, Entry>();
        foreach (var run in sorted.Select(run => run.GetEnumerator()))
            if (run.MoveNext()) heads.Enqueue(run, run.Current);
        while (heads.TryDequeue(out var run, out var entry))
        {
            yield return entry;
            if (run.MoveNext()) heads.Enqueue(run, run.Current);
        }
    }

    private readonly record struct Entry(ulong Key, byte[] Bytes) : IComparable<Entry>
    {
        // Equal keys (probability 2^-64) are ordered by content, so the result stays independent of the memory limit.
        public int CompareTo(Entry other) =>
            Key != other.Key ? Key.CompareTo(other.Key) : Bytes.AsSpan().SequenceCompareTo(other.Bytes);
    }
}
