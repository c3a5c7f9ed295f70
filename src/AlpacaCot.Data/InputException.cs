namespace AlpacaCot.Data;

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
}
