namespace AlpacaCot.Text;

/// <summary>
/// Input from the user that cannot be used: a file, a recipe, an option. The message gives the problem,
/// its location (file, line or record) and the remedy. The command line prints only the message and exits with 2.
/// </summary>
public sealed class InputException : Exception
{
    /// <summary>Creates the exception with a message for the user.</summary>
    public InputException(string message) : base(message) { }

    /// <summary>Creates the exception with a message for the user and its cause.</summary>
    public InputException(string message, Exception cause) : base(message, cause) { }

    /// <summary>
    /// The reason why a valid request cannot be carried out, such as training biases of a model without biases; null where the
    /// input has an error. A study continues with its other cells.
    /// </summary>
    public string? Refusal { get; init; }

    /// <summary>The errors of a message that lists several; null where it is one.</summary>
    public IReadOnlyList<string>? Problems { get; init; }

    /// <summary>An exception whose message is the reason of a <see cref="Refusal"/>.</summary>
    public static InputException Refusing(string reason) => new(reason) { Refusal = reason };
}
