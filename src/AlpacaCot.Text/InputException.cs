namespace AlpacaCot.Text;

/// <summary>
/// Input from the user that cannot be used: a file, a recipe, an option. The message is for a person: what was wrong,
/// where (file, line or record), what to do. The command line prints the message alone and exits with 2.
/// </summary>
public sealed class InputException : Exception
{
    /// <summary>Creates the exception with a message for a person.</summary>
    public InputException(string message) : base(message) { }

    /// <summary>Creates the exception with a message for a person and what caused it.</summary>
    public InputException(string message, Exception cause) : base(message, cause) { }

    /// <summary>
    /// Why what was asked for cannot be done at all, such as training biases of a model that has none; null where the input has
    /// a mistake. A study goes on with its other cells.
    /// </summary>
    public string? Refusal { get; init; }

    /// <summary>An exception whose message is the reason of a <see cref="Refusal"/>.</summary>
    public static InputException Refusing(string reason) => new(reason) { Refusal = reason };
}
