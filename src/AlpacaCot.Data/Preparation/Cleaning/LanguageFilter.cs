using System.Globalization;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Takes records in other languages than the wanted ones; what has no language, such as numbers and code, stays.
/// </summary>
internal sealed class LanguageFilter : ICleaningFilter
{
    private readonly IReadOnlyList<string> _wanted;

    public LanguageFilter(IReadOnlyList<string> wanted)
    {
        foreach (var code in wanted)
            if (!LanguageIdentifier.Languages.Contains(code))
                throw new InputException($"The language \"{code}\" cannot be told. There are: "
                    + $"{string.Join(", ", LanguageIdentifier.Languages)}.");
        _wanted = wanted;
    }

    public string Name => "language";

    public string Description => "a question or answer in another language than asked for (off unless languages are given)";

    public Verdict Check(Conversation record)
    {
        if (_wanted.Count == 0) return Verdict.Keep;
        var text = ConversationText.Of(record);
        var (code, confidence) = LanguageIdentifier.Identify(text);
        return code == Language.Unknown.Code || _wanted.Contains(code) ? Verdict.Keep
            : Verdict.Remove(string.Create(CultureInfo.InvariantCulture,
                $"the language is {code} (confidence {confidence:0.00})"), text);
    }
}
