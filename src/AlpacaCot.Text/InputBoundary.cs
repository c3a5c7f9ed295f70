namespace AlpacaCot.Text;

/// <summary>
/// The net under the readers of files and replies. A reader reports what it knows to be wrong by itself, with record and field;
/// an exception of .NET that damaged content causes all the same becomes an <see cref="InputException"/> that names the source.
/// </summary>
public static class InputBoundary
{
    /// <summary>Reads something.</summary>
    /// <param name="source">The file, folder or address that is read, and the place in it where it is known.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="InputException">The content cannot be read.</exception>
    public static T Read<T>(string source, Func<T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        try
        {
            return read();
        }
        catch (Exception e) when (IsOfContent(e))
        {
            throw Unreadable(source, e);
        }
    }

    /// <summary>Passes items on while they are read.</summary>
    /// <param name="source">The file, folder or address that is read.</param>
    /// <param name="items">The items.</param>
    /// <exception cref="InputException">Thrown during enumeration: the content cannot be read.</exception>
    public static IEnumerable<T> Each<T>(string source, IEnumerable<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        using var all = Read(source, items.GetEnumerator);
        while (Read(source, all.MoveNext)) yield return all.Current;
    }

    /// <summary>
    /// Whether an exception may come from content that is read, and is not yet a message for the user. Cancelling, lack of memory
    /// and the exceptions of this project are not.
    /// </summary>
    public static bool IsOfContent(Exception e) =>
        e is IOException or UnauthorizedAccessException or System.Text.Json.JsonException
        or FormatException or ArithmeticException or InvalidOperationException and not ObjectDisposedException
        or ArgumentException or IndexOutOfRangeException or KeyNotFoundException or InvalidCastException
        or NullReferenceException or NotSupportedException or InvalidDataException
        or System.Text.RegularExpressions.RegexMatchTimeoutException;

    /// <summary>What is wrong, in the words of an exception of .NET.</summary>
    public static string Reason(Exception e)
    {
        ArgumentNullException.ThrowIfNull(e);
        return e switch
        {
            UnauthorizedAccessException => "no permission to read it",
            IOException => e.Message.TrimEnd('.'),
            // How text with half of a surrogate pair, or bytes that are not UTF-8, fails in System.Text.Json.
            InvalidOperationException { InnerException: System.Text.DecoderFallbackException } =>
                "a text in it is not valid UTF-8",
            InvalidOperationException when e.Message.Contains("surrogate", StringComparison.OrdinalIgnoreCase)
                || e.Message.Contains("transcode", StringComparison.OrdinalIgnoreCase)
                => "a text in it is not valid Unicode (half of a surrogate pair, or bytes that are not UTF-8)",
            NullReferenceException => "a value in it is null where one is needed",
            OutOfMemoryException => "it needs too much memory",
            _ => e.Message.ReplaceLineEndings(" ").TrimEnd('.'),
        };
    }

    private static InputException Unreadable(string source, Exception e) => e is UnauthorizedAccessException
        ? ReadProblem.Explain(e, source)
        : new($"{source}: the content is damaged, or has an unexpected form: {Reason(e)}", e);
}
