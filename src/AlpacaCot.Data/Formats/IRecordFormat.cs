using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>What records of one format mean.</summary>
internal interface IRecordFormat
{
    /// <summary>The format's name on the command line and in messages.</summary>
    string Name { get; }

    /// <summary>Reads a record.</summary>
    /// <param name="json">One JSON value.</param>
    /// <param name="conversation">What it says, where there is no problem.</param>
    /// <returns>What is wrong with it; null where it can be used.</returns>
    string? Parse(ReadOnlySpan<byte> json, out Conversation? conversation);
}
