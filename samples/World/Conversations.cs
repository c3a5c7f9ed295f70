using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>
/// Plain text in which people talk: one says something, another takes it up. From it the base learns to take names and
/// numbers from what was said before, for any name and number: strangers are talked about too, and what is asked about them
/// was said just before. Facts and sums of either side of the split are told, but of what is known of the world questions
/// are asked about the training side alone.
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
            yield return string.Join('\n', Enumerable.Range(0, dice.Between(1, 4)).Select(_ => Exchange(language)));
        }
    }

    private string Exchange(Language language) => dice.Next(100) switch
    {
        < 25 => Said(language, WordProblem.Draw(language, world.Anybody, dice).InTwo),
        < 50 => Said(language, Retold(AnyFact(), language)),
        < 56 => Said(language, About(AnyFact(), language)),
        < 76 => Said(language, Asked(language)),
        _ => Gossip(language),
    };

    private string Said(Language language, (string Said, string Answered) pair)
    {
        var (a, b) = (Somebody(language), Somebody(language));
        return language is English
            ? $"{a} says: \"{pair.Said}\"\n\"{pair.Answered}\" {Replies(language)} {b}."
            : $"{a}说：“{pair.Said}”\n“{pair.Answered}”{b}{Replies(language)}。";
    }

    private string Replies(Language language) => language is English ? dice.Pick(["says", "answers"]) : dice.Pick(["说", "回答"]);

    private string Somebody(Language language) => world.Anybody(dice).Name.In(language);

    private Fact AnyFact() => dice.Pick(world.Facts);

    /// <summary>A fact in any words, then in its plainest.</summary>
    private (string, string) Retold(Fact fact, Language language) =>
        (Wording.Statement(fact, language, dice), Wording.Answer(fact, language));

    /// <summary>"Tell me about Mia Liang." and a fact about her.</summary>
    private static (string, string) About(Fact fact, Language language) =>
        (language is English ? $"Tell me about {fact.Subject.In(English)}." : $"说说{fact.Subject.In(Chinese)}。",
            Wording.Answer(fact, language));

    private (string, string) Asked(Language language) => InQuotes(questions.Any(language));

    /// <summary>Somebody tells of strangers and is asked about them.</summary>
    private string Gossip(Language language)
    {
        var told = dice.Pick(world.Strangers, dice.Between(1, 2))
            .SelectMany(s => dice.Pick(world.Invent(s, dice), dice.Between(1, 3))).ToArray();
        var story = Wording.Join(language, told.Select(f => Wording.Statement(f, language, dice)));
        var (a, b) = (Somebody(language), Somebody(language));
        var answers = dice.Pick(told, Math.Min(told.Length, dice.Between(1, 3))).Select(fact =>
        {
            var (asked, answer) = InQuotes(questions.About(fact, language));
            return language is English ? $"{b} asks: \"{asked}\"\n\"{answer}\" {Replies(language)} {a}."
                : $"{b}问：“{asked}”\n“{answer}”{a}{Replies(language)}。";
        });
        return (language is English ? $"{a} says: \"{story}\"\n" : $"{a}说：“{story}”\n") + string.Join('\n', answers);
    }

    private static (string, string) InQuotes(Instruction asked) =>
        (asked.Input.Length > 0 ? $"{asked.Text}\n{asked.Input}" : asked.Text, asked.Output);
}
