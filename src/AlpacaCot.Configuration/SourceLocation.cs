using System.Globalization;

namespace AlpacaCot.Configuration;

/// <summary>The source of a value: a line of a file, or an option of the command line.</summary>
/// <param name="File">The file as messages name it.</param>
/// <param name="Line">The line, from 1; 0 for the whole file.</param>
/// <param name="Option">The command-line option, such as <c>--set training.epochs=1</c>; null for a file.</param>
public readonly record struct SourceLocation(string File, int Line, string? Option = null)
{
    /// <summary>The folder that relative paths of this value start from, where it is not the folder of the main file.</summary>
    public string? Folder { get; init; }

    /// <summary>The option, or <c>FILE:LINE</c>, or the file alone.</summary>
    public override string ToString() => Option ?? (Line > 0 ? $"{File}:{Line.ToString(CultureInfo.InvariantCulture)}" : File);
}
