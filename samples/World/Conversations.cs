using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>
/// Plain-text dialogues in which a statement is followed by a reaction. They teach the base model to copy names and numbers from
/// the context, for any name and number: strangers are also talked about, and questions about them refer to the preceding text.
/// Facts and sums from both sides of the split are stated, but questions about facts of the world use only the training
/// side.
/// </summary>
internal sealed class Conversations(WorldFacts world, Dice dice)
{
    private readonly Instructions _questions = new(world, dice, heldOut: false);

    /// <summary>Generates conversations.</summary>
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

    /// <summary>A fact in a random wording, then in its plainest one.</summary>
    private (string, string) Retold(Fact fact, Language language) =>
        (Wording.Statement(fact, language, dice), Wording.Answer(fact, language));

    /// <summary>A request such as "Tell me about Mia Liang." with a fact about her.</summary>
    private static (string, string) About(Fact fact, Language language) =>
        (language is English ? $"Tell me about {fact.Subject.In(English)}." : $"说说{fact.Subject.In(Chinese)}。",
            Wording.Answer(fact, language));

    private (string, string) Asked(Language language) => InQuotes(_questions.Any(language));

    /// <summary>A dialogue about strangers: facts, then a question about them.</summary>
    private string Gossip(Language language)
    {
        var told = dice.Pick(world.Strangers, dice.Between(1, 2))
            .SelectMany(s => dice.Pick(world.Invent(s, dice), dice.Between(1, 3))).ToArray();
        var story = Wording.Join(language, told.Select(f => Wording.Statement(f, language, dice)));
        var (a, b) = (Somebody(language), Somebody(language));
        var answers = dice.Pick(told, Math.Min(told.Length, dice.Between(1, 3))).Select(fact =>
        {
            var (asked, answer) = InQuotes(_questions.About(fact, language));
            return language is English ? $"{b} asks: \"{asked}\"\n\"{answer}\" {Replies(language)} {a}."
                : $"{b}问：“{asked}”\n“{answer}”{a}{Replies(language)}。";
        });
        return (language is English ? $"{a} says: \"{story}\"\n" : $"{a}说：“{story}”\n") + string.Join('\n', answers);
    }

    private static (string, string) InQuotes(Instruction asked) =>
        (asked.Input.Length > 0 ? $"{asked.Text}\n{asked.Input}" : asked.Text, asked.Output);
}
