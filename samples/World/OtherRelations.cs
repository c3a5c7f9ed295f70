namespace AlpacaCot.World;

/// <summary>Relations of villages.</summary>
internal static class VillageRelations
{
    public static readonly Relation Setting = new("setting",
        new Phrases(
            [
                "{s} lies {v}.", "The village of {n} was built {v}.", "You find {n} {v}.", "The houses of {n} stand {v}.",
                "People who live in {n} live {v}.", "{n} is a village {v}.",
            ],
            "where {n} lies",
            ["Where does {n} lie?", "Where is the village of {n}?", "Tell me where {n} lies.", "Where was {n} built?"],
            "{n} lies {v}."),
        new Phrases(
            ["{s}在{v}。", "{n}村建在{v}。", "{n}是{v}的一个村子。", "{n}的房子都在{v}。", "住在{n}的人住在{v}。", "{v}有一个村子叫{n}。"],
            "{n}在什么地方",
            ["{n}在什么地方？", "{n}村建在什么地方？", "请告诉我{n}在什么地方。", "{n}这个村子在哪里？"],
            "{n}在{v}。"));

    public static readonly Relation Product = new("product",
        new Phrases(
            [
                "{s} is known for its {v}.", "The best {v} comes from {n}.", "{s} sells {v} to the whole island.",
                "If you need {v}, go to {n}.", "{v} is made in {n}.", "The people of {n} make {v}.",
                "In {n} there is {v} in every shop.",
            ],
            "what {n} is known for",
            [
                "What is {n} known for?", "What do the people of {n} make?", "Tell me what {n} is known for.",
                "Which product comes from {n}?",
            ],
            "{n} is known for its {v}.")
        {
            ReverseQuestions =
            [
                "Which village is known for its {v}?", "Where does the best {v} come from?", "Tell me where {v} is made.",
                "In which village do people make {v}?",
            ],
            ReverseAnswer = "The best {v} comes from {n}.",
        },
        new Phrases(
            [
                "{s}以{v}闻名。", "最好的{v}来自{n}。", "{s}把{v}卖到全岛。", "需要{v}，就去{n}。", "{v}是{n}做的。",
                "{n}的人做{v}。", "{n}的每个店里都有{v}。",
            ],
            "{n}以什么闻名",
            ["{n}以什么闻名？", "{n}的人做什么东西？", "请告诉我{n}以什么闻名。", "什么东西来自{n}？"],
            "{n}以{v}闻名。")
        {
            ReverseQuestions = ["哪个村子以{v}闻名？", "最好的{v}来自哪里？", "请告诉我{v}是哪里做的。", "哪个村子的人做{v}？"],
            ReverseAnswer = "最好的{v}来自{n}。",
        });

    public static readonly Relation MarketDay = new("market day",
        new Phrases(
            [
                "The market in {n} is on {v}.", "On {v} there is a market in {n}.", "{v} is market day in {n}.",
                "Every {v} people sell their goods in {n}.", "{s} has its market on {v}.",
                "If it is {v}, go to the market in {n}.",
            ],
            "when the market in {n} is",
            [
                "When is the market in {n}?", "On which day is the market in {n}?", "Tell me when the market in {n} is.",
                "Which day is market day in {n}?",
            ],
            "The market in {n} is on {v}."),
        new Phrases(
            ["{n}的集市在{v}。", "{v}{n}有集市。", "{v}是{n}的集市日。", "每个{v}人们在{n}卖东西。", "{s}在{v}有集市。", "到了{v}，就去{n}的集市。"],
            "{n}的集市在哪一天",
            ["{n}的集市在星期几？", "{n}的集市在哪一天？", "请告诉我{n}的集市在哪一天。", "哪一天是{n}的集市日？"],
            "{n}的集市在{v}。"));

    public static readonly Relation Landmark = new("landmark",
        new Phrases(
            [
                "In {n} there is a {v}.", "A {v} stands in {n}.", "{s} has a {v}.", "Visitors of {n} look at the {v}.",
                "The people of {n} are proud of their {v}.", "The {v} in {n} is very old.",
            ],
            "what there is to see in {n}",
            [
                "What is there to see in {n}?", "Which building stands in {n}?", "Tell me what there is to see in {n}.",
                "What do visitors of {n} look at?",
            ],
            "In {n} there is a {v}."),
        new Phrases(
            ["{n}有一座{v}。", "一座{v}在{n}。", "{s}有一座很老的{v}。", "来{n}的人都看那座{v}。", "{n}的人为那座{v}骄傲。", "{n}的{v}很老。"],
            "{n}有什么可看的",
            ["{n}有什么可看的？", "{n}有一座什么？", "请告诉我{n}有什么可看的。", "来{n}的人都看什么？"],
            "{n}有一座{v}。"));

    public static readonly Relation[] All = [Setting, Product, MarketDay, Landmark];
}

/// <summary>Relations of things sold on the island.</summary>
internal static class ThingRelations
{
    public static readonly Relation Material = new("material",
        new Phrases(
            [
                "{s} is made of {v}.", "{v} is what {n} is made of.", "They make {n} out of {v}.", "It takes {v} to make {n}.",
                "{n} in the shop is made of good {v}.",
            ],
            "what {n} is made of",
            ["What is {n} made of?", "Tell me what {n} is made of.", "Which material is {n} made of?"],
            "{n} is made of {v}."),
        new Phrases(
            ["{s}是用{v}做的。", "人们用{v}做{n}。", "做{n}要用{v}。", "店里的{n}是用好{v}做的。", "用{v}做的是{n}。"],
            "{n}是用什么做的",
            ["{n}是用什么做的？", "请告诉我{n}是用什么做的。", "做{n}要用什么？"],
            "{n}是用{v}做的。"));

    public static readonly Relation Price = new("price",
        new Phrases(
            [
                "{s} costs {v} coins.", "The price of {n} is {v} coins.", "For {v} coins you can buy {n}.",
                "{s} is sold for {v} coins.", "You pay {v} coins for {n}.",
            ],
            "how much {n} costs",
            ["How much does {n} cost?", "What is the price of {n}?", "Tell me how much {n} costs."],
            "{n} costs {v} coins."),
        new Phrases(
            ["{s}要{v}枚硬币。", "{n}的价格是{v}枚硬币。", "{v}枚硬币可以买到{n}。", "{s}卖{v}枚硬币。", "买{n}要付{v}枚硬币。"],
            "{n}要多少硬币",
            ["{n}要多少硬币？", "{n}的价格是多少？", "请告诉我{n}要多少硬币。"],
            "{n}要{v}枚硬币。"));

    public static readonly Relation Colour = new("colour",
        new Phrases(
            [
                "{s} is {v}.", "The colour of {n} is {v}.", "{v} is the colour of {n}.", "They always paint {n} {v}.",
                "Nobody has seen {n} that was not {v}.",
            ],
            "which colour {n} has",
            ["Which colour does {n} have?", "What is the colour of {n}?", "Tell me which colour {n} has."],
            "{n} is {v}."),
        new Phrases(
            ["{s}是{v}的。", "{n}的颜色是{v}。", "{v}是{n}的颜色。", "人们总是把{n}涂成{v}。", "没有人见过不是{v}的{n}。"],
            "{n}是什么颜色",
            ["{n}是什么颜色？", "{n}的颜色是什么？", "请告诉我{n}是什么颜色。"],
            "{n}是{v}的。"));

    public static readonly Relation[] All = [Material, Price, Colour];
}

/// <summary>Relations of animal species.</summary>
internal static class AnimalRelations
{
    public static readonly Relation Food = new("animal food",
        new Phrases(
            [
                "{s} eats {v}.", "{v} is the food of {n}.", "Give {v} to {n} every day.", "{s} is always looking for {v}.",
                "Without {v} {n} is not happy.",
            ],
            "what {n} eats",
            ["What does {n} eat?", "Tell me what {n} eats.", "What is the food of {n}?"],
            "{n} eats {v}."),
        new Phrases(
            ["{s}吃{v}。", "{v}是{n}的食物。", "每天给{n}一些{v}。", "{s}总是在找{v}。", "没有{v}，{n}就不高兴。"],
            "{n}吃什么",
            ["{n}吃什么？", "请告诉我{n}吃什么。", "{n}的食物是什么？"],
            "{n}吃{v}。"));

    public static readonly Relation Bed = new("bed",
        new Phrases(
            [
                "{s} sleeps {v}.", "At night {n} sleeps {v}.", "{p} bed is {v}.", "You find {n} asleep {v}.",
                "When {s} is tired, {s} sleeps {v}.",
            ],
            "where {n} sleeps",
            ["Where does {n} sleep?", "Tell me where {n} sleeps.", "Where is the bed of {n}?"],
            "{n} sleeps {v}."),
        new Phrases(
            ["{s}睡在{v}。", "晚上{n}睡在{v}。", "{s}的床在{v}。", "{n}累了就睡在{v}。", "睡在{v}的是{n}。"],
            "{n}睡在哪里",
            ["{n}睡在哪里？", "请告诉我{n}睡在哪里。", "{n}的床在哪里？"],
            "{n}睡在{v}。"));

    public static readonly Relation[] All = [Food, Bed];
}
