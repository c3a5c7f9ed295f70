using System.Text.Json;

namespace AlpacaCot.Text.Conversations;

/// <summary>A part of a message that is not text.</summary>
/// <param name="Kind">What it is, for messages: <c>image</c>, <c>audio</c>, or the part's own type.</param>
/// <param name="Number">The one-based number among the parts of the message.</param>
/// <param name="Content">The part as the record has it.</param>
public sealed record MediaPart(string Kind, int Number, JsonElement Content);
