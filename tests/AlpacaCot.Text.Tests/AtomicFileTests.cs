using System.Diagnostics;

namespace AlpacaCot.Text.Tests;

/// <summary>What a write leaves on the disk when it succeeds, fails or is killed.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_failed_write_leaves_the_previous_content_and_nothing_else()
    {
        var path = _folder.Write("a.txt", "before");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        }));
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void The_next_write_removes_what_a_killed_one_left_and_no_other_file()
    {
        var path = _folder.File("a.txt");
        var dead = Name("a.txt", process: Ended());
        var (alive, other, own) = (Name("a.txt", Environment.ProcessId), Name("b.txt", Ended()), ".a.txt.backup.tmp");
        foreach (var name in (string[])[dead, alive, other, own]) _folder.Write(name, "x");
        Assert.Equal([_folder.File(dead), _folder.File(other)], Leftovers.In(_folder.Path).Order(StringComparer.Ordinal));
        AtomicFile.WriteText(path, "new");
        Assert.Equal(new[] { alive, other, own, "a.txt" }.Order(StringComparer.Ordinal),
            Directory.GetFiles(_folder.Path).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_temporary_file_that_is_being_written_is_none_of_a_killed_process()
    {
        var name = Name("a.txt", Ended());
        using var written = new FileStream(_folder.File(name), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        Assert.Empty(Leftovers.In(_folder.Path));
        AtomicFile.WriteText(_folder.File("a.txt"), "new");
        Assert.True(File.Exists(_folder.File(name)));
    }

    [Fact]
    public void Folders_are_left_over_where_the_caller_knows_them_as_unfinished()
    {
        foreach (var part in (string[])["run/a.partial", "run/b",
            "run/deep/c.partial"]) Directory.CreateDirectory(_folder.File(part));
        Assert.Empty(Leftovers.In(_folder.Path));
        Assert.Equal([_folder.File("run/a.partial"), _folder.File("run/deep/c.partial")],
            Leftovers.In(_folder.Path, path => path.EndsWith(".partial", StringComparison.Ordinal)));
    }

    [Fact]
    public void Names_with_numbers_are_ordered_by_value()
    {
        string[] names = ["checkpoint-1000", "checkpoint-200", "checkpoint-0200", "b10a", "b9z", "a"];
        Assert.Equal(["a", "b9z", "b10a", "checkpoint-0200", "checkpoint-200", "checkpoint-1000"],
            names.Order(NaturalOrder.Instance));
    }

    [Theory]
    [InlineData(28, "the disk is full (about 12 MB are needed,")]
    [InlineData(122, "the disk is full (about 12 MB are needed,")]
    [InlineData(30, "it is on a read-only file system; choose a folder that can be written")]
    public void A_disk_that_cannot_be_written_is_one_sentence_with_path_need_and_remedy(int errno, string part)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || OperatingSystem.IsMacOS(), "the numbers are Linux's");
        var message = WriteProblem.Explain(new IOException("No space left on device : '/x'", errno), _folder.Path, 12_000_000,
            "continue with --resume").Message;
        Assert.StartsWith(_folder.Path + " cannot be written: ", message, StringComparison.Ordinal);
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.EndsWith("continue with --resume.", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_missing_permission_names_the_path_of_the_error()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || OperatingSystem.IsMacOS(), "the numbers are Linux's");
        Assert.StartsWith("/ro/x.json cannot be written: it is on a read-only", WriteProblem.Explain(new IOException(
            "Read-only file system : '/ro/.x.json.000023edd6d44a5680659c36fe468d02.tmp'", 30), null).Message,
                StringComparison.Ordinal);
        var denied = new UnauthorizedAccessException("Access to the path '/etc/secret/x' is denied.");
        Assert.StartsWith("/etc/secret/x cannot be written: no permission", WriteProblem.Explain(denied, null).Message,
            StringComparison.Ordinal);
    }

    private static string Name(string file, int process) => $".{file}.{process:x8}{Guid.NewGuid().ToString("N")[8..]}.tmp";

    // The number of a process that has ended.
    private static int Ended()
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", "--version") { RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.Id;
    }
}
