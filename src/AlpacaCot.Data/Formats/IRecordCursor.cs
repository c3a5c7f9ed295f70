using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Goes through the records of one container (JSON, a table, Parquet), each given as one JSON value in UTF-8.</summary>
internal interface IRecordCursor : IDisposable
{
    /// <summary>What the container is, for the log: <c>JSON lines</c>.</summary>
    string Container { get; }

    /// <summary>Whether a field may be missing because a table has no way to say "empty".</summary>
    bool IsTable { get; }

    /// <summary>The number of the current record, counted from 1; 0 before the first.</summary>
    long Number { get; }

    /// <summary>Names the current record in a message: file, record and, where there are any, line.</summary>
    string Place { get; }

    /// <summary>The current record. Valid until the next call of <see cref="MoveNext"/>.</summary>
    ReadOnlySpan<byte> Current { get; }

    /// <summary>Why the current record cannot be read, though the reading can go on behind it; else null.</summary>
    string? Problem { get; }

    /// <summary>Goes to the next record; false behind the last.</summary>
    /// <exception cref="InputException">The file was cut short, or is broken beyond this point.</exception>
    bool MoveNext();
}
