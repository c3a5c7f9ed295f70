namespace AlpacaCot.Text;

/// <summary>Explains why a file or folder cannot be read: missing permission, or what the system says.</summary>
public static class ReadProblem
{
    /// <summary>An exception whose message is one sentence with the path, the need and the remedy.</summary>
    /// <param name="e">The cause.</param>
    /// <param name="path">What was read, where the cause does not name a file.</param>
    public static InputException Explain(Exception e, string path)
    {
        ArgumentNullException.ThrowIfNull(e);
        return new(e is UnauthorizedAccessException ? Refused(WriteProblem.PathIn(e.Message) ?? path)
            : $"{path} cannot be read: {e.Message.TrimEnd('.')}.", e);
    }

    /// <summary>
    /// Why a path that seems to be missing cannot be seen: a folder on the way that this user may not enter; null where there is
    /// none.
    /// </summary>
    public static string? OfMissing(string path)
    {
        for (var folder = Path.GetFullPath(path); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (!Directory.Exists(folder)) continue;
            try
            {
                _ = Directory.EnumerateFileSystemEntries(folder).Any();
                return null; // the folders above can be entered
            }
            catch (UnauthorizedAccessException)
            {
                return Refused(folder);
            }
            catch (IOException)
            {
                return null;
            }
        }
        return null;
    }

    private static string Refused(string path) =>
        $"{path} cannot be read: no permission (user {Environment.UserName}); change the "
        + $"permissions ({(Directory.Exists(path) ? "chmod a+rx" : "chmod a+r")}), and run the command again.";
}
