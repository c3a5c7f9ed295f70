namespace AlpacaCot.Text.Conversations;

/// <summary>The rejected answer of a preference pair.</summary>
/// <param name="Turns">The turns of the answer; the last one is the assistant's.</param>
/// <param name="Replaces">The number of the conversation's last turns that they are the alternative to.</param>
public sealed record RejectedAnswer(IReadOnlyList<Turn> Turns, int Replaces = 1)
{
    /// <summary>The text of the last turn.</summary>
    public string Text => Turns[^1].Text;

    /// <summary>The text of the last turn.</summary>
    public override string ToString() => Text;

    /// <summary>An answer of one text; null for none.</summary>
    public static RejectedAnswer? FromText(string? text) => text is null ? null : new([new Turn(Role.Assistant, text)]);

    /// <summary>An answer of one text; null for none.</summary>
    public static implicit operator RejectedAnswer?(string? text) => FromText(text);
}
