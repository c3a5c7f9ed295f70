namespace AlpacaCot.World;

/// <summary>Formats facts as sentences.</summary>
internal static class Wording
{
    /// <summary>Fills a template; with <paramref name="byName"/> false it uses a pronoun if the grammar allows one.</summary>
    public static string Fill(string template, Entity subject, Word value, Language language, bool byName = true)
    {
        var name = subject.In(language);
        return template
            .Replace("{s}", byName ? name : subject.Pronoun(language), StringComparison.Ordinal)
            .Replace("{p}", byName ? name + "'s" : subject.Possessive, StringComparison.Ordinal)
            .Replace("{n}", name, StringComparison.Ordinal)
            .Replace("{v}", value.In(language), StringComparison.Ordinal);
    }

    /// <summary>A sentence that states the fact; its plainest form is the most frequent.</summary>
    public static string Statement(Fact fact, Language language, Dice dice, bool byName = true) =>
        byName && dice.Chance(30) ? Answer(fact, language)
            : Sentence(Fill(dice.Pick(fact.Relation.In(language).Statements), fact.Subject, fact.Value, language, byName));

    /// <summary>The only correct answer to a question for the fact's value, as a sentence.</summary>
    public static string Answer(Fact fact, Language language) => Sentence(Claim(fact, fact.Value, language));

    /// <summary>The answer with any value, in lower case, for "is it true that ...".</summary>
    public static string Claim(Fact fact, Word value, Language language) =>
        Fill(fact.Relation.In(language).Answer, fact.Subject, value, language);

    public static string ReverseAnswer(Fact fact, Language language) =>
        Sentence(Fill(fact.Relation.In(language).ReverseAnswer, fact.Subject, fact.Value, language));

    public static string Clause(Fact fact, Language language) =>
        Fill(fact.Relation.In(language).Clause, fact.Subject, fact.Value, language);

    /// <summary>Capitalizes the first letter.</summary>
    public static string Sentence(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    /// <summary>Removes the full stop.</summary>
    public static string Open(string sentence) => sentence.TrimEnd('.', '。');

    /// <summary>Joins sentences according to the language.</summary>
    public static string Join(Language language, IEnumerable<string> sentences) =>
        string.Join(language is Language.English ? " " : "", sentences);

    /// <summary>"goat, lamp, plum" or "山羊、台灯、李子".</summary>
    public static string Items(Language language, IEnumerable<string> items) =>
        string.Join(language is Language.English ? ", " : "、", items);
}
