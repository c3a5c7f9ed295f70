using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>
/// Connected everyday text: village life, letters, office life. It states no facts of the world; it teaches the languages,
/// including the words used in instructions.
/// </summary>
internal static class Prose
{
    // {a}, {b}: two people; {x}: a thing; {y}: an animal; {g}: goods; {d}: a day. Each line is one sentence in both languages.
    private static readonly (string English, string Chinese)[] Openings =
    [
        ("{a} got up early on {d}.", "{d}{a}起得很早。"),
        ("It was a quiet morning on the island.", "那是岛上一个安静的早晨。"),
        ("One day {a} and {b} met on the road.", "有一天{a}和{b}在路上见面了。"),
        ("Last {d} it rained all day.", "上个{d}下了一天的雨。"),
        ("{a} wrote a long letter to {b}.", "{a}给{b}写了一封长信。"),
        ("There was a feast on {d}.", "{d}有一个节日。"),
        ("{a} was looking for {x}.", "{a}在找{x}。"),
        ("When the sun came up, {a} opened the window.", "太阳出来的时候，{a}打开了窗户。"),
    ];

    private static readonly (string English, string Chinese)[] Middles =
    [
        ("The wind was cold and the road was long.", "风很冷，路很长。"),
        ("{b} carried {x} and some {g}.", "{b}带着{x}和一些{g}。"),
        ("They saw {y} under a tree.", "他们在树下看见了{y}。"),
        ("{a} told a story about an old king.", "{a}讲了一个老国王的故事。"),
        ("At noon they ate together and talked about the harvest.", "中午他们一起吃饭，谈起了收成。"),
        ("{b} asked for help, and {a} was glad to help.", "{b}请人帮忙，{a}很高兴帮忙。"),
        ("Nobody knew how long it would take.", "没有人知道要多长时间。"),
        ("In the shop they bought {g} and paid with coins.", "他们在店里买了{g}，付了硬币。"),
        ("{y} ran away, but it came back soon.", "{y}跑了，可是很快又回来了。"),
        ("The children counted from one to ten.", "孩子们从一数到十。"),
        ("The first house was small and the last house was large.", "第一座房子很小，最后一座房子很大。"),
        ("\"Where have you been?\" asked {b}.", "“你去哪里了？”{b}问。"),
        ("\"Who is there?\" called {a}.", "“谁在那里？”{a}喊。"),
        ("\"Which way is it to the sea?\" asked {b}.", "“去海边走哪条路？”{b}问。"),
        ("\"What does the old song say?\" asked {a}.", "“那首老歌唱的是什么？”{a}问。"),
        ("\"How old is this bridge?\" asked {b}.", "“这座桥多大年纪了？”{b}问。"),
        ("\"How many days is it until the feast?\" asked {a}.", "“离节日还有几天？”{a}问。"),
        ("\"How much does it cost?\" asked {b}.", "“这个要多少硬币？”{b}问。"),
        ("\"When will you come home?\" asked {a}.", "“你在哪一天回家？”{a}问。"),
        ("\"Whose hat is this?\" asked {a}.", "“这是谁的帽子？”{a}问。"),
        ("\"Tell me a story,\" said {b}.", "“请告诉我一个故事。”{b}说。"),
        ("\"Find the key and write down the number,\" said {b}.", "“请找出钥匙，写下号码。”{b}说。"),
        ("\"Sort the letters, please,\" said {a}.", "“信从小到大放好，对吗？”{a}说。"),
        ("\"Is it true?\" asked {b}. \"What do you think?\"", "“真的吗？你以为呢？”{b}问。"),
        ("{a} said, \"How are you today?\" and {b} laughed.", "{a}说：“你今天好吗？”{b}笑了。"),
        ("\"Will it rain tomorrow?\" said {b}.", "“明天会下雨吗？”{b}说。"),
        ("\"What a day!\" said {a}.", "“多好的一天！”{a}说。"),
        ("The teacher gave an instruction, and the class began with the task.", "老师说了要做什么，大家就开始做。"),
        ("A good instruction describes the task in few words.", "好的说明用很少的字。"),
        ("{a} had to complete a task before {d}.", "{a}要在{d}以前做完一件事。"),
        ("The mayor got a request and wrote a response.", "村长收到一封信，就写了回信。"),
        ("The mayor had a new plan for the bridge.", "村长有一个修桥的新方案。"),
        ("Nobody could open the old gate.", "没有人能打开那扇旧门。"),
        ("The response came late, but it was friendly.", "回信来得很晚，可是很友好。"),
        ("{b} read the request below the picture and completed it.", "{b}读了画下面的字。"),
        ("The letter was paired with a map that provides further context.", "信里还有一张地图。"),
        ("Below the bridge the water was deep.", "桥下面的水很深。"),
        ("{a} dressed appropriately for the cold weather.", "天气很冷，{a}穿上了大衣。"),
        ("The mill needs water as its input and gives flour.", "磨坊用水，做出面粉。"),
        ("They made a list of words and read it in reverse order.", "他们写了一个词语列表，又从后往前读。"),
        ("It is not true that the winter is always cold here.", "说这里的冬天总是很冷，那不对。"),
    ];

    private static readonly (string English, string Chinese)[] Endings =
    [
        ("In the evening they sat by the fire.", "晚上他们坐在火边。"),
        ("Then {a} went home and slept well.", "后来{a}回家，睡得很好。"),
        ("It was a good day for all of them.", "对大家来说那是很好的一天。"),
        ("{b} never forgot that day.", "{b}从来没有忘记那一天。"),
        ("So they became friends.", "所以他们成了朋友。"),
        ("The next morning everything was quiet again.", "第二天早晨一切又安静了。"),
        ("{a} thanked {b} for the help.", "{a}谢谢{b}的帮忙。"),
    ];

    /// <summary>A short text of connected sentences.</summary>
    public static string Draw(WorldFacts world, Language language, Dice dice)
    {
        Entity[] people = [world.Anybody(dice), world.Anybody(dice)];
        var thing = dice.Pick(world.Things);
        var animal = dice.Pick(world.Animals);
        var goods = dice.Pick(Lexicon.Goods);
        var day = dice.Pick(Lexicon.Days);
        (string, string)[] lines =
            [dice.Pick(Openings), .. dice.Pick(Middles, dice.Between(2, 5)), dice.Pick(Endings)];
        return Wording.Join(language, lines.Select(line => Wording.Sentence((language is English ? line.Item1 : line.Item2)
            .Replace("{a}", people[0].Name.In(language), StringComparison.Ordinal)
            .Replace("{b}", people[1].Name.In(language), StringComparison.Ordinal)
            .Replace("{x}", thing.In(language), StringComparison.Ordinal)
            .Replace("{y}", animal.In(language), StringComparison.Ordinal)
            .Replace("{g}", goods.In(language), StringComparison.Ordinal)
            .Replace("{d}", day.In(language), StringComparison.Ordinal))));
    }
}
