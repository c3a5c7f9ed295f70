using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>One set of the collection: what is known of it, and how its authors' files become conversations.</summary>
public interface IInstructionSource
{
    /// <summary>What is known of the set.</summary>
    CatalogueEntry Entry { get; }

    /// <summary>Reads the set as its authors publish it, record by record and in the order of the files.</summary>
    /// <param name="path">A file, or a folder whose data files are read in the order of their names.</param>
    /// <param name="options">What to do on the way.</param>
    /// <exception cref="InputException">
    /// There is nothing to read, or a record does not have the set's form; the message names file and record.
    /// </exception>
    IEnumerable<Conversation> Convert(string path, ConvertOptions options);
}

/// <summary>What to do on the way from a set's raw form to conversations.</summary>
public sealed record ConvertOptions
{
    /// <summary>How files are read and what becomes of records that cannot be used.</summary>
    public ReadOptions Reading { get; init; } = new();

    /// <summary>The seed of every draw a converter makes.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>How Chain-of-Thought rows become text.</summary>
    public CotOptions Cot { get; init; } = new();

    /// <summary>Told of every record that has its form but nothing to learn from, such as a question without an answer.</summary>
    public Action<string>? OnLeftOut { get; init; }
}
