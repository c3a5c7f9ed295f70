namespace AlpacaCot.World;

/// <summary>
/// Wordings of a relation in one language. Placeholders: {s} the subject, by name or pronoun; {p} the possessive, "Mia's" or
/// "her"; {n} the subject by name; {v} the value.
/// </summary>
/// <param name="Statements">Sentences that state a fact, in various word orders.</param>
/// <param name="Clause">Indirect question: "where Mia lives".</param>
/// <param name="Questions">Instructions that ask for the value.</param>
/// <param name="Answer">The only correct answer to them.</param>
internal sealed record Phrases(string[] Statements, string Clause, string[] Questions, string Answer)
{
    /// <summary>Instructions that ask for the subject, if the value determines it.</summary>
    public string[] ReverseQuestions { get; init; } = [];

    /// <summary>The only correct answer to them.</summary>
    public string ReverseAnswer { get; init; } = "";
}

/// <summary>A type of fact about one kind of entity.</summary>
internal sealed record Relation(string Name, Phrases English, Phrases Chinese)
{
    public Phrases In(Language language) => language is Language.English ? English : Chinese;
}
