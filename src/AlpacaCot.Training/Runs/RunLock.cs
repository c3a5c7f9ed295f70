using System.Globalization;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// Holds a run folder while a process trains in it. The system releases the lock of a process that died, so the next one takes it
/// over.
/// </summary>
public sealed class RunLock : IDisposable
{
    private const string LockName = "lock", HolderName = "lock.json";

    private readonly string _folder;
    private readonly FileStream _held;

    private RunLock(string folder, FileStream held) => (_folder, _held) = (folder, held);

    /// <summary>The names of the lock's files in the folder.</summary>
    internal static IReadOnlyList<string> Names { get; } = [LockName, HolderName];

    /// <summary>Takes the lock of a folder, which must exist.</summary>
    /// <exception cref="InputException">Another process holds it; the message names it and says what to do.</exception>
    public static RunLock Take(string folder)
    {
        for (var attempt = 0; ; attempt++)
        {
            var held = Open(folder) ?? throw InUse(folder);
            // The previous holder may have removed the file between its opening and its locking here.
            if (!File.Exists(held.Name) && attempt < 100)
            {
                held.Dispose();
                continue;
            }
            File.WriteAllText(Path.Combine(folder, HolderName), JsonSerializer.Serialize(new Holder(Environment.ProcessId,
                Environment.MachineName, DateTimeOffset.Now.ToString("yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture))));
            return new RunLock(folder, held);
        }
    }

    /// <summary>Throws if another process holds a folder; takes nothing.</summary>
    /// <exception cref="InputException">Another process holds it.</exception>
    public static void RequireFree(string folder)
    {
        if (!File.Exists(Path.Combine(folder, LockName))) return;
        using var free = Open(folder);
        if (free is null) throw InUse(folder);
    }

    /// <summary>Whether a process holds a folder; takes nothing.</summary>
    internal static bool IsHeld(string folder)
    {
        if (!File.Exists(Path.Combine(folder, LockName))) return false;
        try
        {
            using var free = Open(folder);
            return free is null;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose()
    {
        foreach (var name in Names) File.Delete(Path.Combine(_folder, name)); // before the release: another may take it at once
        _held.Dispose();
    }

    private static FileStream? Open(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (!WriteProblem.IsFull(e) && File.Exists(Path.Combine(folder, LockName)))
        {
            return null;
        }
    }

    private static InputException InUse(string folder)
    {
        var who = "another process trains in it";
        try
        {
            if (JsonSerializer.Deserialize<Holder>(File.ReadAllText(Path.Combine(folder, HolderName))) is { } holder)
                who = $"process {holder.Process} on {holder.Machine} has been training in it since {holder.Since}"
                    + $" (stop it with: kill {holder.Process})";
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            // The holder is just writing it.
        }
        return new InputException($"{folder} is in use: {who}. Wait until it ends, or choose another output (--out DIR).");
    }

    private sealed record Holder(int Process, string Machine, string Since);
}
