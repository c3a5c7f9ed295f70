using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>
/// Plain text in which people of the world talk: one says something, another takes it up. From it the base learns to take
/// names and numbers from what was said before. Facts and sums of either side of the split are told, but questions are asked
/// of the training side alone.
/// </summary>
internal sealed class Conversations(WorldFacts world, Dice dice)
{
    private readonly Instructions questions = new(world, dice, heldOut: false);

    /// <summary>That many conversations.</summary>
    public IEnumerable<string> Documents(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var language = dice.Chance(50) ? English : Chinese;
            yield return string.Join('\n', Enumerable.Range(0, dice.Between(1, 3)).Select(_ => Exchange(language)));
        }
    }

    private string Exchange(Language language)
    {
        var (said, answered) = dice.Next(100) switch
        {
            < 35 => WordProblem.Draw(language, world.People, dice).InTwo,
            < 65 => Retold(AnyFact(), language),
            < 75 => About(AnyFact(), language),
            _ => Asked(language),
        };
        var speakers = dice.Pick(world.People, 2);
        var (a, b) = (speakers[0].Name.In(language), speakers[1].Name.In(language));
        return language is English ? $"{a} says: \"{said}\"\n\"{answered}\" says {b}." : $"{a}说：“{said}”\n“{answered}”{b}说。";
    }

    private Fact AnyFact() => dice.Pick(world.Facts);

    /// <summary>A fact in any words, then in its plainest.</summary>
    private (string, string) Retold(Fact fact, Language language) =>
        (Wording.Statement(fact, language, dice), Wording.Answer(fact, language));

    /// <summary>"Tell me about Mia." and a fact about her.</summary>
    private static (string, string) About(Fact fact, Language language) =>
        (language is English ? $"Tell me about {fact.Subject.In(English)}." : $"说说{fact.Subject.In(Chinese)}。",
            Wording.Answer(fact, language));

    private (string, string) Asked(Language language)
    {
        var asked = questions.Any(language);
        return (asked.Input.Length > 0 ? $"{asked.Text}\n{asked.Input}" : asked.Text, asked.Output);
    }
}
