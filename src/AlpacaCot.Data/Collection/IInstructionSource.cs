using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>One data set of the collection: its metadata and the converter from its published files.</summary>
public interface IInstructionSource
{
    /// <summary>Metadata of the data set.</summary>
    CatalogueEntry Entry { get; }

    /// <summary>Reads the published files record by record, in file order.</summary>
    /// <param name="path">A file, or a folder whose data files are read in the order of their names.</param>
    /// <param name="options">Conversion options.</param>
    /// <exception cref="InputException">
    /// The path contains no data, or a record does not have the expected form; the message names file and record.
    /// </exception>
    IEnumerable<Conversation> Convert(string path, ConvertOptions options);
}

/// <summary>Options for converting published data to conversations.</summary>
public sealed record ConvertOptions
{
    /// <summary>How files are read and how unusable records are handled.</summary>
    public ReadOptions Reading { get; init; } = new();

    /// <summary>Seed for all sampling in converters. Default: 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Formatting of Chain-of-Thought rows.</summary>
    public CotOptions Cot { get; init; } = new();

    /// <summary>Called for every well-formed record that has no training content, such as a question without an answer.</summary>
    public Action<string>? OnLeftOut { get; init; }
}
