using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>Interprets records of one format.</summary>
internal interface IRecordFormat
{
    /// <summary>Name of the format on the command line and in messages.</summary>
    string Name { get; }

    /// <summary>Converts a record to a conversation.</summary>
    /// <param name="json">One JSON value.</param>
    /// <param name="conversation">The result; null if there is a problem.</param>
    /// <returns>The problem; null if the record is usable.</returns>
    string? Parse(ReadOnlySpan<byte> json, out Conversation? conversation);
}
