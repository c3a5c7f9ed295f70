using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>Types of word problems.</summary>
internal static class Problems
{
    private static readonly string[] EnglishGains =
        ["{s} picked {b} more", "{s} bought {b} more", "{s} found {b} more", "{o} gave {h} {b} more", "{s} got {b} more"];

    private static readonly string[] EnglishLosses =
        ["{s} gave {b} to {o}", "{s} sold {b}", "{s} lost {b}", "{s} gave away {b}", "{o} took {b}"];

    private static readonly string[] ChineseGains =
        ["{s}又摘了{b}{m}", "{s}又买了{b}{m}", "{s}又找到{b}{m}", "{o}又给了{s}{b}{m}", "{s}又得到{b}{m}"];

    private static readonly string[] ChineseLosses =
        ["{s}给了{o}{b}{m}", "{s}卖了{b}{m}", "{s}丢了{b}{m}", "{s}送走了{b}{m}", "{o}拿走了{b}{m}"];

    /// <summary>A problem of a random type; its numbers may be out of range.</summary>
    public static WordProblem Draw(Language language, Entity a, Entity b, Dice dice) => dice.Next(10) switch
    {
        < 2 => Chain(language, a, b, dice, steps: 1),
        < 5 => Chain(language, a, b, dice, steps: 2),
        < 7 => Groups(language, a, b, dice),
        7 => Compare(language, a, b, dice),
        8 => Shop(language, a, dice),
        _ => Pages(language, a, dice),
    };

    /// <summary>A person has an amount, gets more, gives some away.</summary>
    private static WordProblem Chain(Language language, Entity a, Entity b, Dice dice, int steps)
    {
        var goods = dice.Pick(Lexicon.Goods);
        var amount = dice.Between(2, 38);
        string[] story =
        [
            language is English ? $"{a.Name.English} had {amount} {goods.English}."
                : $"{a.Name.Chinese}有{amount}{goods.Measure}{goods.Chinese}。",
        ];
        var reasons = new List<(string, Sum)>();
        for (var step = 0; step < steps; step++)
        {
            var (change, words) = Change(language, a, b, dice, goods);
            var sum = change with { Left = amount };
            amount = sum.Value;
            story = [.. story, words(language is English && step > 0 ? "Then " : language is Chinese && step > 0 ? "后来" : "")
                + (language is English ? "." : "。")];
            reasons.Add((words(""), sum));
        }
        return language is English
            ? new(English, story, $"How many {goods.English} does {a.Name.English} have now?", [.. reasons],
                dice.Pick([$"Now {a.Name.English} has {amount} {goods.English}.",
                    $"In the end {a.Name.English} had {amount} {goods.English}."]))
            : new(Chinese, story, $"{a.Name.Chinese}现在有几{goods.Measure}{goods.Chinese}？", [.. reasons],
                dice.Pick([$"现在{a.Name.Chinese}有{amount}{goods.Measure}{goods.Chinese}。",
                    $"最后{a.Name.Chinese}有{amount}{goods.Measure}{goods.Chinese}。"]));
    }

    private static (Sum Change, Func<string, string> Words) Change(
        Language language, Entity a, Entity b, Dice dice, Word goods)
    {
        var gain = dice.Chance(50);
        var number = dice.Between(2, 30);
        var template = (language, gain) switch
        {
            (English, true) => dice.Pick(EnglishGains),
            (English, false) => dice.Pick(EnglishLosses),
            (_, true) => dice.Pick(ChineseGains),
            _ => dice.Pick(ChineseLosses),
        };
        var words = template
            .Replace("{s}", language is English ? a.Pronoun(English) : a.Pronoun(Chinese), StringComparison.Ordinal)
            .Replace("{h}", a.Female ? "her" : "him", StringComparison.Ordinal)
            .Replace("{o}", b.Name.In(language), StringComparison.Ordinal)
            .Replace("{b}", $"{number}", StringComparison.Ordinal)
            .Replace("{m}", goods.Measure, StringComparison.Ordinal);
        return (new Sum(0, gain ? '+' : '-', number), first => first.Length == 0 ? Wording.Sentence(words) : first + words);
    }

    /// <summary>Containers with equal contents, optionally with a remainder.</summary>
    private static WordProblem Groups(Language language, Entity a, Entity b, Dice dice)
    {
        var goods = dice.Pick(Lexicon.Goods);
        var container = dice.Pick(Lexicon.Containers);
        var (count, each) = (dice.Between(2, 9), dice.Between(2, 9));
        var product = new Sum(count, '×', each);
        var boxes = container.English + (container.English.EndsWith('x') ? "es" : "s");
        string[] story = language is English
            ? [$"{a.Name.English} has {count} {boxes} with {each} {goods.English} in each."]
            : [$"{a.Name.Chinese}有{count}个{container.Chinese}，每个{container.Chinese}里有{each}{goods.Measure}{goods.Chinese}。"];
        var reasons = new List<(string, Sum)>
        {
            (language is English ? $"{count} {boxes} with {each} each" : $"{count}个{container.Chinese}，每个{each}{goods.Measure}",
                product),
        };
        if (dice.Chance(50))
        {
            var more = dice.Between(2, 20);
            story = [.. story, language is English
                ? $"{b.Name.English} brings {more} more." : $"{b.Name.Chinese}又拿来{more}{goods.Measure}。"];
            reasons.Add(
                (language is English ? $"{b.Name.English} brings {more} more" : $"{b.Name.Chinese}又拿来{more}{goods.Measure}",
                new Sum(product.Value, '+', more)));
        }
        var all = reasons[^1].Item2.Value;
        return language is English
            ? new(English, story, $"How many {goods.English} are there in all?", [.. reasons],
                $"There are {all} {goods.English} in all.")
            : new(Chinese, story, $"一共有几{goods.Measure}{goods.Chinese}？", [.. reasons],
                $"一共有{all}{goods.Measure}{goods.Chinese}。");
    }

    /// <summary>One person has more or fewer than another; asks for the total.</summary>
    private static WordProblem Compare(Language language, Entity a, Entity b, Dice dice)
    {
        var goods = dice.Pick(Lexicon.Goods);
        var more = dice.Chance(50);
        var (has, difference) = (dice.Between(3, 30), dice.Between(2, 15));
        var other = new Sum(has, more ? '+' : '-', difference);
        var together = new Sum(has, '+', other.Value);
        if (language is English)
        {
            var (x, y) = (a.Name.English, b.Name.English);
            var compared = $"{y} has {difference} {(more ? "more" : "fewer")} than {x}";
            return new(English, [$"{x} has {has} {goods.English}.", compared + "."],
                $"How many {goods.English} do they have together?", [(compared, other), ("Together they have", together)],
                $"Together they have {together.Value} {goods.English}.");
        }
        else
        {
            var (x, y) = (a.Name.Chinese, b.Name.Chinese);
            var compared = $"{y}比{x}{(more ? "多" : "少")}{difference}{goods.Measure}";
            return new(Chinese, [$"{x}有{has}{goods.Measure}{goods.Chinese}。", compared + "。"],
                $"他们一共有几{goods.Measure}{goods.Chinese}？", [(compared, other), ("他们一共有", together)],
                $"他们一共有{together.Value}{goods.Measure}{goods.Chinese}。");
        }
    }

    /// <summary>Two purchases and the change.</summary>
    private static WordProblem Shop(Language language, Entity a, Dice dice)
    {
        var wares = dice.Pick(Lexicon.Wares, 2);
        var (first, second, paid) = (dice.Between(2, 30), dice.Between(2, 20), dice.Between(3, 8) * 5);
        var cost = new Sum(first, '+', second);
        var change = new Sum(paid, '-', cost.Value);
        if (language is English)
        {
            var (x, y) = (wares[0].English, wares[1].English);
            return new(English,
                [$"{a.Name.English} buys a {x} for {first} coins and a {y} for {second} coins.",
                    $"{Wording.Sentence(a.Pronoun(English))} pays with {paid} coins."],
                $"How many coins does {a.Name.English} get back?",
                [($"The {x} and the {y} cost", cost), ($"{Wording.Sentence(a.Pronoun(English))} pays with {paid}", change)],
                $"{a.Name.English} gets back {change.Value} coins.");
        }
        else
        {
            var (x, y) = (wares[0].Chinese, wares[1].Chinese);
            return new(Chinese,
                [$"{a.Name.Chinese}花{first}枚硬币买了{x}，花{second}枚硬币买了{y}。", $"{a.Pronoun(Chinese)}付了{paid}枚硬币。"],
                $"{a.Name.Chinese}能找回几枚硬币？", [($"{x}和{y}要", cost), ($"{a.Pronoun(Chinese)}付了{paid}枚", change)],
                $"{a.Name.Chinese}找回{change.Value}枚硬币。");
        }
    }

    /// <summary>A book read on two days.</summary>
    private static WordProblem Pages(Language language, Entity a, Dice dice)
    {
        var days = dice.Pick(Lexicon.Days, 2);
        var (pages, first, second) = (dice.Between(10, 40), dice.Between(2, 20), dice.Between(2, 20));
        var read = new Sum(first, '+', second);
        var left = new Sum(pages, '-', read.Value);
        if (language is English)
            return new(English,
                [$"{a.Name.English} has a book of {pages} pages.",
                    $"{Wording.Sentence(a.Pronoun(English))} reads {first} pages on {days[0].English} and {second} pages on "
                        + $"{days[1].English}."],
                "How many pages are left?",
                [($"On both days {a.Pronoun(English)} reads", read), ("Of the book there are left", left)],
                $"{left.Value} pages are left.");
        return new(Chinese,
            [$"{a.Name.Chinese}有一本{pages}页的书。", $"{a.Pronoun(Chinese)}{days[0].Chinese}读了{first}页，{days[1].Chinese}读了{second}页。"],
            "还剩几页？", [($"两天{a.Pronoun(Chinese)}读了", read), ("书还剩", left)], $"还剩{left.Value}页。");
    }
}
