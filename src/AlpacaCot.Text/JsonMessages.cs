using System.Text.Json;

namespace AlpacaCot.Text;

/// <summary>Error messages of the JSON reader, for use after the caller's own position.</summary>
public static class JsonMessages
{
    /// <summary>
    /// The reader's message on one line, without the line and byte numbers at its end, which count from the start of the record
    /// and not of the file.
    /// </summary>
    public static string WithoutPosition(JsonException error)
    {
        ArgumentNullException.ThrowIfNull(error);
        var message = error.Message;
        // The reader quotes the text after the error, which may span lines.
        return (message.IndexOf(" LineNumber:", StringComparison.Ordinal) is > 0 and var at ? message[..at] : message)
            .ReplaceLineEndings(" ");
    }
}
