using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>An instruction record, with the facts and sums it asks about, for the tests.</summary>
internal sealed record Instruction(string Category, string Text, string Input, string Output)
{
    public Fact[] Asks { get; init; } = [];
}

/// <summary>
/// Generates instruction data for one side of the split: training records never ask about held-out people, villages, things,
/// animals, words or sums; held-out records ask only about these.
/// </summary>
internal sealed class Instructions(WorldFacts world, Dice dice, bool heldOut)
{
    private readonly HashSet<(string, string)> _seen = [];

    /// <summary>Distinct records of one language on facts and lists.</summary>
    public Instruction[] About(Language language, int values, int reversed, int claims, int ages, int lists) =>
    [
        .. Cycle(dice.Shuffle(Facts), values).Select(f => Fresh(() => Value(f, language))),
        .. Cycle(dice.Shuffle(Facts.Where(f => f.Relation.English.ReverseQuestions.Length > 0)), reversed)
            .Select(f => Fresh(() => Reverse(f, language))),
        .. Cycle(dice.Shuffle(Facts), claims).Select(f => Fresh(() => Claim(f, language))),
        .. Enumerable.Range(0, ages).Select(_ => Fresh(() => Older(language))),
        .. Enumerable.Range(0, lists).Select(_ => Fresh(() => List(language))),
    ];

    /// <summary>Word problems with written reasoning.</summary>
    public Instruction[] Reasoning(Language language, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Fresh(() => Problem(language)))];

    /// <summary>A question about one fact, in proportion to the kinds of questions.</summary>
    public Instruction About(Fact fact, Language language) => dice.Next(10) switch
    {
        < 7 => Value(fact, language),
        < 9 => Claim(fact, language),
        _ => fact.Relation.In(language).ReverseQuestions.Length > 0 ? Reverse(fact, language) : Value(fact, language),
    };

    /// <summary>One record on facts or lists; may repeat.</summary>
    public Instruction Any(Language language) => dice.Next(100) switch
    {
        < 55 => Value(dice.Pick(Facts), language),
        < 63 => Reverse(dice.Pick(Facts.Where(f => f.Relation.English.ReverseQuestions.Length > 0).ToArray()), language),
        < 75 => Claim(dice.Pick(Facts), language),
        < 83 => Older(language),
        _ => List(language),
    };

    private Fact[] Facts => [.. world.Facts.Where(f => f.Subject.HeldOut == heldOut)];

    /// <summary>A person of the training side, or a stranger.</summary>
    private Entity AnybodyAsked(Dice dice) => dice.Pick(dice.Chance(50) ? People : world.Strangers);

    private Entity[] People => [.. world.People.Where(p => p.HeldOut == heldOut)];

    private static string Category(Language language) => language is English ? "english" : "chinese";

    private static IEnumerable<Fact> Cycle(Fact[] facts, int count) =>
        Enumerable.Range(0, count).Select(i => facts[i % facts.Length]);

    private Instruction Fresh(Func<Instruction> draw)
    {
        for (var tries = 0; ; tries++)
        {
            var record = draw();
            if (_seen.Add((record.Text, record.Input))) return record;
            if (tries == 1000) throw new InvalidOperationException($"the world has no more records like: {record.Text}");
        }
    }

    private Instruction Value(Fact fact, Language language) => new(Category(language),
        Wording.Sentence(Wording.Fill(dice.Pick(fact.Relation.In(language).Questions), fact.Subject, fact.Value, language)),
        "", Wording.Answer(fact, language)) { Asks = [fact] };

    private Instruction Reverse(Fact fact, Language language) => new(Category(language),
        Wording.Sentence(Wording.Fill(dice.Pick(fact.Relation.In(language).ReverseQuestions), fact.Subject, fact.Value,
            language)),
        "", Wording.ReverseAnswer(fact, language)) { Asks = [fact] };

    private Instruction Claim(Fact fact, Language language)
    {
        var right = dice.Chance(50);
        var claim = Wording.Open(Wording.Claim(fact, right ? fact.Value : world.Other(fact, dice), language));
        var truth = Wording.Open(Wording.Answer(fact, language));
        return language is English
            ? new("english", $"Is it true that {claim}?", "", $"{truth}, so {(right ? "yes" : "no")}.") { Asks = [fact] }
            : new("chinese", $"{claim}，对吗？", "", $"{truth}，所以{(right ? "对" : "不对")}。") { Asks = [fact] };
    }

    private Instruction Older(Language language)
    {
        var pair = dice.Pick(People, 2);
        var (first, second) = (world[pair[0], PersonRelations.Age], world[pair[1], PersonRelations.Age]);
        var older = dice.Chance(50);
        var (a, b) = (pair[0].Name.In(language), pair[1].Name.In(language));
        return new(Category(language),
            language is English ? $"Who is {(older ? "older" : "younger")}, {a} or {b}?" : $"{a}和{b}谁更{(older ? "年长" : "年轻")}？",
            "", Corpus.Comparison(first, second, older, language)) { Asks = [first, second] };
    }

    private Instruction List(Language language)
    {
        var list = dice.Chance(70) ? WordLists.Words(dice, heldOut) : WordLists.Numbers(dice);
        var (text, answer) = dice.Pick(WordLists.Tasks(list, language).ToArray());
        return new(Category(language), text, Wording.Items(language, list.Items.Select(i => i.In(language))), answer);
    }

    private Instruction Problem(Language language)
    {
        var problem = WordProblem.Draw(language, heldOut ? d => d.Pick(People) : AnybodyAsked, dice, heldOut);
        return new("reasoning", problem.Instruction, "", problem.Solution);
    }
}
