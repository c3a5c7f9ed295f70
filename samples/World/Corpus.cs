using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>
/// Plain text for pre-training the base model: the facts in many wordings, arithmetic, stories, lists, prose. It contains no
/// question-answer pairs about facts, and no text in instruction form.
/// </summary>
internal sealed class Corpus(WorldFacts world, Dice dice)
{
    /// <summary>Generates documents, each of several sections of random kinds.</summary>
    public IEnumerable<string> Documents(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var language = dice.Chance(50) ? English : Chinese;
            yield return string.Join('\n', Enumerable.Range(0, dice.Between(1, 3)).Select(_ => Section(language)));
        }
    }

    private string Section(Language language) => dice.Next(100) switch
    {
        < 28 => Portrait(language),
        < 38 => Notes(language),
        < 42 => OneRelation(language),
        < 48 => Hearsay(language),
        < 54 => Ages(language),
        < 57 => BothLanguages(),
        < 69 => Arithmetic(language),
        < 83 => Stories(language),
        < 90 => WordList(language),
        < 97 => Copies(language),
        _ => Prose.Draw(world, language, dice),
    };

    private IReadOnlyList<Entity> AnyKind() => dice.Next(20) switch
    {
        < 13 => world.People,
        < 16 => world.Villages,
        < 19 => world.Things,
        _ => world.Animals,
    };

    /// <summary>A random fact, in 65 % of cases about a person.</summary>
    private Fact AnyFact() => dice.Pick(world.About(dice.Pick(AnyKind())));

    private string InLines(Language language, IEnumerable<string> sentences) =>
        dice.Chance(50) ? string.Join('\n', sentences) : Wording.Join(language, sentences);

    /// <summary>Most facts of one entity in random order, with pronouns after the first sentence.</summary>
    private string Portrait(Language language)
    {
        var facts = dice.Shuffle(world.About(dice.Pick(AnyKind())));
        return InLines(language, facts.Take(dice.Between(3, 7)).Select((fact, i) =>
            Wording.Statement(fact, language, dice, byName: i == 0 || dice.Chance(40))));
    }

    /// <summary>Unrelated facts.</summary>
    private string Notes(Language language) =>
        InLines(language, Enumerable.Range(0, dice.Between(2, 7)).Select(_ => Wording.Statement(AnyFact(), language, dice)));

    /// <summary>The same relation of several entities.</summary>
    private string OneRelation(Language language)
    {
        var relation = AnyFact().Relation;
        var facts = world.Facts.Where(f => f.Relation == relation).ToArray();
        return InLines(language, dice.Pick(facts, dice.Between(3, 6)).Select(f => Wording.Statement(f, language, dice)));
    }

    /// <summary>Indirect speech: people who ask, tell, or are wrong.</summary>
    private string Hearsay(Language language) => InLines(language, Enumerable.Range(0, dice.Between(1, 3)).Select(_ =>
    {
        var fact = AnyFact();
        var (a, b) = (world.Anybody(dice).Name.In(language), world.Anybody(dice).Name.In(language));
        var clause = Wording.Clause(fact, language);
        var truth = Wording.Claim(fact, fact.Value, language).TrimEnd('.', '。');
        var wrong = Wording.Claim(fact, world.Other(fact, dice), language).TrimEnd('.', '。');
        return language is English
            ? dice.Next(7) switch
            {
                0 => $"{a} wanted to know {clause}. {b} said that {truth}.",
                1 => $"{a} asked {clause} and heard that {truth}.",
                2 => $"Everybody knows {clause}: {truth}.",
                3 => $"{a} said that {wrong}. That is not true. {Wording.Sentence(truth)}.",
                4 => $"{a} believed that {wrong}, but {truth}.",
                5 => $"{Wording.Sentence(truth)}, so it is not true that {wrong}.",
                _ => $"{Wording.Sentence(truth)}, so {a} was right to say it.",
            }
            : dice.Next(7) switch
            {
                0 => $"{a}想知道{clause}。{b}说{truth}。",
                1 => $"{a}问{clause}，后来听说{truth}。",
                2 => $"大家都知道{clause}：{truth}。",
                3 => $"{a}说{wrong}。那不对。{truth}。",
                4 => $"{a}以为{wrong}，可是{truth}。",
                5 => $"{truth}，所以说{wrong}不对。",
                _ => $"{truth}，所以{a}说得对。",
            };
    }));

    /// <summary>Comparisons of ages.</summary>
    private string Ages(Language language) => InLines(language, Enumerable.Range(0, dice.Between(1, 4)).Select(_ =>
    {
        Fact a = AgeOfAnybody(), b = AgeOfAnybody();
        while (a.Value == b.Value) b = AgeOfAnybody();
        return Comparison(a, b, older: dice.Chance(50), language);
    }));

    private Fact AgeOfAnybody() => dice.Chance(50)
        ? world[dice.Pick(world.People), PersonRelations.Age]
        : new Fact(dice.Pick(world.Strangers), PersonRelations.Age, Word.Number(dice.Between(16, 80)));

    /// <summary>"Mia Han is 34 and Tom Yu is 27, so Mia Han is older."</summary>
    public static string Comparison(Fact ageOfA, Fact ageOfB, bool older, Language language)
    {
        var (a, b) = (ageOfA.Subject, ageOfB.Subject);
        var (x, y) = (ageOfA.Value.English, ageOfB.Value.English);
        var first = int.Parse(x, null) > int.Parse(y, null) == older;
        var name = (first ? a : b).Name.In(language);
        return language is English
            ? $"{a.Name.English} is {x} and {b.Name.English} is {y}, so {name} is {(older ? "older" : "younger")}."
            : $"{a.Name.Chinese}{x}岁，{b.Name.Chinese}{y}岁，所以{name}更{(older ? "年长" : "年轻")}。";
    }

    private string BothLanguages() => string.Join('\n', Enumerable.Range(0, dice.Between(1, 3)).Select(_ =>
    {
        var fact = AnyFact();
        string[] both = [Wording.Answer(fact, English), Wording.Answer(fact, Chinese)];
        return string.Join(' ', dice.Chance(50) ? both : both.Reverse());
    }));

    private string Arithmetic(Language language) => InLines(English, Enumerable.Range(0, dice.Between(6, 18)).Select(_ =>
    {
        var sum = AnySum();
        var (name, sign) = sum.Operator switch { '+' => ("plus", "加"), '-' => ("minus", "减"), _ => ("times", "乘") };
        return dice.Next(8) switch
        {
            0 => language is English ? $"{sum.Left} {name} {sum.Right} is {sum.Value}."
                : $"{sum.Left}{sign}{sum.Right}等于{sum.Value}。",
            1 or 2 when sum.Left != sum.Right => More(sum, language),
            _ => $"{sum}.",
        };
    }));

    private static string More(Sum sum, Language language)
    {
        var (more, less) = (Math.Max(sum.Left, sum.Right), Math.Min(sum.Left, sum.Right));
        return language is English ? $"{more} is more than {less}." : $"{more}比{less}大。";
    }

    private Sum AnySum()
    {
        while (true)
        {
            var sum = dice.Next(10) switch
            {
        < 4 => new Sum(dice.Between(1, WordProblem.Largest), '+', dice.Between(1, WordProblem.Largest)),
        < 8 => new Sum(dice.Between(2, WordProblem.Largest), '-', dice.Between(1, WordProblem.Largest)),
                _ => new Sum(dice.Between(2, 9), '×', dice.Between(2, 9)),
            };
            if (sum.Value is > 0 and <= WordProblem.Largest) return sum;
        }
    }

    private string Stories(Language language) => string.Join('\n', Enumerable.Range(0, dice.Between(1, 3)).Select(_ =>
        WordProblem.Draw(language, world.Anybody, dice).Told(dice)));

    /// <summary>Two people write the same words in the same order: the second list can be predicted from the
    /// first.</summary>
    private string Copies(Language language)
    {
        var items = Wording.Items(language, Enumerable.Range(0, dice.Between(4, 14)).Select(_ => Anything(language)));
        return InLines(language,
            Enumerable.Range(0, dice.Between(2, 3)).Select(_ => (language, world.Anybody(dice).Name.In(language)) switch
        {
            (English, var name) => $"{name} {dice.Pick(["writes", "reads", "counts", "repeats"])}: {items}.",
            (_, var name) => $"{name}{dice.Pick(["写下", "念", "数", "重复"])}：{items}。",
        }));
    }

    private string Anything(Language language) => dice.Next(10) switch
    {
        < 4 => world.Anybody(dice).Name.In(language),
        4 => $"{dice.Between(1, 80)}",
        5 => dice.Pick(Lexicon.Villages).In(language),
        6 => dice.Pick(Lexicon.Things).In(language),
        7 => dice.Pick(Lexicon.Goods).In(language),
        8 => dice.Pick(Lexicon.Species).In(language),
        _ => dice.Pick(Lexicon.Dishes).In(language),
    };

    /// <summary>A list followed by statements about it.</summary>
    private string WordList(Language language)
    {
        var list = dice.Chance(70) ? WordLists.Words(dice, heldOut: null) : WordLists.Numbers(dice);
        var remarks = dice.Shuffle(WordLists.Remarks(list, language)).Take(dice.Between(2, 4));
        var items = Wording.Items(language, list.Items.Select(i => i.In(language)));
        var opening = language is English
            ? dice.Pick(["Here is a list: ", "The list reads: ", "On the wall stood: ", ""])
            : dice.Pick(["这是一个列表：", "列表里写着：", "墙上写着：", ""]);
        var stop = opening.Length == 0 ? "" : language is English ? "." : "。";
        return opening + items + stop + (dice.Chance(60) ? "\n" : language is English && stop.Length > 0 ? " " : "\n")
            + Wording.Join(language, remarks);
    }
}
