using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>A list of words or numbers.</summary>
/// <param name="Odd">The one item of another category, with the category's name; null in lists of numbers.</param>
internal sealed record WordListing(Word[] Items, (Word Item, Word Category)? Odd);

/// <summary>Simple list tasks: first, last, count, reverse, sort, find the item of another category.</summary>
internal static class WordLists
{
    private static readonly (Word Category, Word[] Words)[] Categories =
    [
        (new("animal", "动物"), Lexicon.Species), (new("thing", "东西"), Lexicon.Things), (new("job", "工作"), Lexicon.Jobs),
        (new("instrument", "乐器"), Lexicon.Instruments), (new("food", "食物"), Lexicon.Dishes),
        (new("village", "村子"), Lexicon.Villages),
    ];

    /// <summary>Words of one category and one of another, from the held-out side, the training side, or both (null).</summary>
    public static WordListing Words(Dice dice, bool? heldOut)
    {
        var categories = dice.Pick(Categories, 2);
        var odd = dice.Pick(Side(categories[0].Words));
        var others = dice.Pick(Side(categories[1].Words), dice.Between(2, heldOut is true ? 2 : 4));
        return new(dice.Shuffle([odd, .. others]), (odd, categories[0].Category));

        Word[] Side(Word[] words) => [.. words.Where((_, i) => heldOut is null || i % 4 == 3 == heldOut)];
    }

    public static WordListing Numbers(Dice dice) =>
        new([.. dice.Pick([.. Enumerable.Range(1, 50)], dice.Between(3, 5)).Select(Word.Number)], null);

    /// <summary>All statements about a list, one sentence each.</summary>
    public static IEnumerable<string> Remarks(WordListing list, Language language) =>
        Tasks(list, language).Select(t => t.Answer);

    /// <summary>Instructions with the list as input, with their answers.</summary>
    public static IEnumerable<(string Instruction, string Answer)> Tasks(WordListing list, Language language)
    {
        var items = list.Items.Select(i => i.In(language)).ToArray();
        var reversed = Wording.Items(language, items.Reverse());
        if (list.Odd is { } odd)
        {
            if (language is English)
            {
                var category = odd.Category.English;
                yield return ("What is the first word in the list?", $"The first word is {items[0]}.");
                yield return ("What is the last word in the list?", $"The last word is {items[^1]}.");
                yield return ("How many words are in the list?", $"There are {items.Length} words in the list.");
                yield return ($"Find the {category} in the list.", $"The {category} in the list is {odd.Item.English}.");
                yield return ("Write the list in reverse order.", $"In reverse order: {reversed}.");
            }
            else
            {
                var category = odd.Category.Chinese;
                yield return ("列表里的第一个词是什么？", $"第一个词是{items[0]}。");
                yield return ("列表里的最后一个词是什么？", $"最后一个词是{items[^1]}。");
                yield return ("列表里有几个词？", $"列表里有{items.Length}个词。");
                yield return ($"请找出列表里的{category}。", $"列表里的{category}是{odd.Item.Chinese}。");
                yield return ("请把列表从后往前写。", $"从后往前是：{reversed}。");
            }
        }
        else
        {
            var sorted = list.Items.Select(i => int.Parse(i.English, null)).Order().ToArray();
            var inOrder = Wording.Items(language, sorted.Select(n => $"{n}"));
            if (language is English)
            {
                yield return ("Which number is the largest?", $"The largest number is {sorted[^1]}.");
                yield return ("Which number is the smallest?", $"The smallest number is {sorted[0]}.");
                yield return ("Sort the numbers from small to large.", $"From small to large: {inOrder}.");
                yield return ("How many numbers are in the list?", $"There are {items.Length} numbers in the list.");
            }
            else
            {
                yield return ("最大的数是哪个？", $"最大的数是{sorted[^1]}。");
                yield return ("最小的数是哪个？", $"最小的数是{sorted[0]}。");
                yield return ("请把数从小到大写。", $"从小到大是：{inOrder}。");
                yield return ("列表里有几个数？", $"列表里有{items.Length}个数。");
            }
        }
    }
}
