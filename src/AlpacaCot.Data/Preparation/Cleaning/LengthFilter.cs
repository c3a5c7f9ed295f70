using System.Globalization;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>Removes records whose question or answer length, in characters, is outside the configured range.</summary>
internal sealed class LengthFilter(CleaningOptions options) : ICleaningFilter
{
    public string Name => "length";

    public string Description => "a question or answer outside the configured length range (off unless a length is set)";

    public FilterVerdict Check(Conversation record)
    {
        var answer = ConversationText.Answer(record);
        if (Wrong(answer.Length, options.LeastAnswer, options.MostAnswer) is { } wrong)
            return FilterVerdict.Remove($"the answer has {wrong}", answer);
        if (options is { LeastPrompt: 0, MostPrompt: int.MaxValue } || record.Turns.Count < 2) return FilterVerdict.Keep;
        var prompt = ConversationText.Prompt(record);
        return Wrong(prompt.Length, options.LeastPrompt, options.MostPrompt) is { } found
            ? FilterVerdict.Remove($"the question has {found}", prompt) : FilterVerdict.Keep;
    }

    private static string? Wrong(int length, int least, int most) =>
        length < least ? string.Create(CultureInfo.InvariantCulture, $"{length:N0} characters, fewer than {least:N0}")
        : length > most ? string.Create(CultureInfo.InvariantCulture, $"{length:N0} characters, more than {most:N0}") : null;
}
