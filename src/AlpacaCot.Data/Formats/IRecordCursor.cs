using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Iterates over the records of a container (JSON, table, Parquet), each as one JSON value in UTF-8.</summary>
internal interface IRecordCursor : IDisposable
{
    /// <summary>Name of the container for the log, such as <c>JSON lines</c>.</summary>
    string Container { get; }

    /// <summary>Whether a missing field may mean an empty one, because tables cannot distinguish them.</summary>
    bool IsTable { get; }

    /// <summary>The columns of a table with the kinds of their values; null where each record has names of its own.</summary>
    IReadOnlyDictionary<string, JsonValueKind>? Columns => null;

    /// <summary>One-based number of the current record; 0 before the first.</summary>
    long Number { get; }

    /// <summary>Position of the current record for messages: file, record and, if applicable, line.</summary>
    string Location { get; }

    /// <summary>The current record; valid until the next <see cref="MoveNext"/>.</summary>
    ReadOnlySpan<byte> Current { get; }

    /// <summary>Why the current record cannot be read; null if it can. Reading can continue after it.</summary>
    string? Problem { get; }

    /// <summary>Advances to the next record; false at the end.</summary>
    /// <exception cref="InputException">The file is truncated, or corrupt beyond this point.</exception>
    bool MoveNext();
}
