using System.Globalization;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Removes records in languages other than the selected ones. Text without a language, such as numbers and code, passes.
/// </summary>
internal sealed class LanguageFilter : ICleaningFilter
{
    private readonly IReadOnlyList<string> _wanted;

    public LanguageFilter(IReadOnlyList<string> wanted)
    {
        foreach (var code in wanted)
            if (!LanguageIdentifier.Languages.Contains(code))
                throw new InputException($"Unknown language \"{code}\"; allowed: "
                    + $"{string.Join(", ", LanguageIdentifier.Languages)}.");
        _wanted = wanted;
    }

    public string Name => "language";

    public string Description => "a question or answer in a language that is not selected (off unless languages are set)";

    public FilterVerdict Check(Conversation record)
    {
        if (_wanted.Count == 0) return FilterVerdict.Keep;
        var text = ConversationText.Of(record);
        var (code, confidence) = LanguageIdentifier.Identify(text);
        return code == Language.Unknown.Code || _wanted.Contains(code) ? FilterVerdict.Keep
            : FilterVerdict.Remove(string.Create(CultureInfo.InvariantCulture,
                $"the language is {code} (confidence {confidence:0.00})"), text);
    }
}
