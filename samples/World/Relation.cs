namespace AlpacaCot.World;

/// <summary>
/// How one relation is put into words in one language. Placeholders: {s} the subject, by name or pronoun; {p} "Mia's" or
/// "her"; {n} the subject by name; {v} the value.
/// </summary>
/// <param name="Statements">Sentences that state a fact, in many orders.</param>
/// <param name="Clause">The indirect question: "where Mia lives".</param>
/// <param name="Questions">Instructions that ask for the value.</param>
/// <param name="Answer">The one right answer to them.</param>
internal sealed record Phrases(string[] Statements, string Clause, string[] Questions, string Answer)
{
    /// <summary>Instructions that ask for the subject, where the value has only one.</summary>
    public string[] ReverseQuestions { get; init; } = [];

    /// <summary>The one right answer to them.</summary>
    public string ReverseAnswer { get; init; } = "";
}

/// <summary>A kind of fact about the entities of one kind.</summary>
internal sealed record Relation(string Name, Phrases English, Phrases Chinese)
{
    public Phrases In(Language language) => language is Language.English ? English : Chinese;
}
