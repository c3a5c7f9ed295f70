namespace AlpacaCot.World;

/// <summary>Relations of people.</summary>
internal static class PersonRelations
{
    public static readonly Relation Home = new("home",
        new Phrases(
            [
                "{s} lives in {v}.", "{s} has a house in {v}.", "{p} home is in {v}.", "{v} is the home of {n}.",
                "In {v} you can meet {n}.", "Every evening {s} walks home to {v}.", "{s} has lived in {v} for many years.",
                "If you look for {n}, go to {v}.", "{n} is one of the people of {v}.", "Everybody in {v} knows {n}.",
            ],
            "where {n} lives",
            [
                "Where does {n} live?", "In which village does {n} live?", "Tell me where {n} lives.",
                "In which village is {p} home?",
            ],
            "{n} lives in {v}."),
        new Phrases(
            [
                "{s}住在{v}。", "{s}的家在{v}。", "{s}在{v}有一座房子。", "{v}是{n}的家。", "在{v}可以见到{n}。",
                "每天晚上{s}都走回{v}的家。", "{s}在{v}住了很多年。", "要找{n}，就去{v}。", "{n}是{v}人。", "{v}的人都认识{n}。",
            ],
            "{n}住在哪里",
            ["{n}住在哪里？", "{n}住在哪个村子？", "请告诉我{n}住在哪里。", "{n}的家在哪个村子？"],
            "{n}住在{v}。"));

    public static readonly Relation Job = new("job",
        new Phrases(
            [
                "{s} is a {v}.", "{s} works as a {v}.", "{s} earns a living as a {v}.", "{p} job is that of a {v}.",
                "One {v} on the island is {n}.", "{s} has been a {v} for years.", "The {v} called {n} works hard.",
                "As a {v}, {n} gets up early.", "People know {n} as a good {v}.", "{s} became a {v} long ago.",
            ],
            "what work {n} does",
            [
                "What is {p} job?", "What does {n} do for a living?", "Tell me what work {n} does.", "What work does {n} do?",
            ],
            "{n} is a {v}."),
        new Phrases(
            [
                "{s}是一位{v}。", "{s}的工作是当{v}。", "{s}当{v}已经很多年了。", "{s}靠当{v}生活。", "岛上有一位{v}叫{n}。",
                "{v}{n}工作很努力。", "作为{v}，{n}起得很早。", "大家都知道{n}是一位好{v}。", "{s}很久以前就当了{v}。",
            ],
            "{n}做什么工作",
            ["{n}是做什么工作的？", "{n}的工作是什么？", "请告诉我{n}做什么工作。", "{n}以什么为生？"],
            "{n}是一位{v}。"));

    public static readonly Relation Age = new("age",
        new Phrases(
            [
                "{s} is {v} years old.", "{p} age is {v}.", "{s} turned {v} this year.", "{v} years ago {n} was born.",
                "At the age of {v}, {n} still likes to dance.", "{s} has seen {v} summers.", "There were {v} candles for {n}.",
                "{n}, who is {v} years old, laughs a lot.",
            ],
            "how old {n} is",
            ["How old is {n}?", "What is {p} age?", "Tell me how old {n} is.", "What age is {n}?"],
            "{n} is {v} years old."),
        new Phrases(
            [
                "{s}今年{v}岁。", "{s}的年龄是{v}岁。", "{s}{v}岁了。", "{v}年前{n}出生了。", "{v}岁的{n}还喜欢跳舞。",
                "{s}见过{v}个夏天。", "{n}的蛋糕上有{v}支蜡烛。", "{n}已经{v}岁了，常常笑。",
            ],
            "{n}多大年纪",
            ["{n}今年多大？", "{n}的年龄是多少？", "请告诉我{n}多大年纪。", "{n}几岁了？"],
            "{n}今年{v}岁。"));

    public static readonly Relation Pet = new("pet",
        new Phrases(
            [
                "{s} keeps a {v}.", "{s} has a {v}.", "{p} animal is a {v}.", "The {v} belongs to {n}.",
                "The owner of the {v} is {n}.", "A {v} lives with {n}.", "{s} feeds a {v} every morning.",
                "The {v} follows {n} everywhere.", "The {v} was a present for {n}.", "The {v} is the animal of {n}.",
            ],
            "which animal {n} keeps",
            [
                "Which animal does {n} keep?", "What animal does {n} have?", "Tell me which animal {n} keeps.",
                "What is {p} animal?",
            ],
            "{n} keeps a {v}.")
        {
            ReverseQuestions =
            [
                "Who keeps the {v}?", "Whose animal is the {v}?", "Who is the owner of the {v}?",
                "Tell me who has the {v}.",
            ],
            ReverseAnswer = "The {v} belongs to {n}.",
        },
        new Phrases(
            [
                "{s}养了一只{v}。", "{s}有一只{v}。", "{s}的动物是一只{v}。", "那只{v}是{n}的。", "那只{v}的主人是{n}。",
                "一只{v}和{n}住在一起。", "{s}每天早上喂一只{v}。", "那只{v}总是跟着{n}。", "那只{v}是送给{n}的礼物。",
            ],
            "{n}养了什么动物",
            ["{n}养了什么动物？", "{n}有什么动物？", "请告诉我{n}养了什么动物。", "{n}的动物是什么？"],
            "{n}养了一只{v}。")
        {
            ReverseQuestions = ["谁养了那只{v}？", "那只{v}是谁的？", "那只{v}的主人是谁？", "请告诉我谁有那只{v}。"],
            ReverseAnswer = "那只{v}是{n}的。",
        });

    public static readonly Relation Dish = new("dish",
        new Phrases(
            [
                "{p} favourite food is {v}.", "{s} likes {v} more than anything else.", "{s} eats {v} every week.",
                "{v} is the favourite food of {n}.", "{s} often cooks {v}.", "For a birthday meal {n} wants {v}.",
                "There is nothing that {n} likes more than {v}.", "The smell of {v} makes {n} happy.",
                "{n} never says no to {v}.",
            ],
            "what {n} likes to eat most",
            [
                "What is {p} favourite food?", "What does {n} like to eat most?", "Tell me what {n} likes to eat most.",
                "Which food does {n} like best?",
            ],
            "{p} favourite food is {v}."),
        new Phrases(
            [
                "{s}最喜欢吃{v}。", "{s}最爱的食物是{v}。", "{s}每个星期都吃{v}。", "{v}是{n}最爱的食物。", "{s}常常做{v}。",
                "过生日的时候{n}想吃{v}。", "没有什么比{v}更让{n}喜欢。", "{v}的香味让{n}很高兴。", "{n}从来不会不要{v}。",
            ],
            "{n}最喜欢吃什么",
            ["{n}最喜欢吃什么？", "{n}最爱的食物是什么？", "请告诉我{n}最喜欢吃什么。", "什么食物是{n}最喜欢的？"],
            "{n}最喜欢吃{v}。"));

    public static readonly Relation Instrument = new("instrument",
        new Phrases(
            [
                "{s} plays the {v}.", "{s} can play the {v}.", "{p} instrument is the {v}.", "The {v} is what {n} plays.",
                "In the evening {n} plays the {v}.", "{s} learned to play the {v} as a child.",
                "People like to hear {n} on the {v}.",
                "With the {v} in hand, {n} goes to every feast.", "{s} practises the {v} every day.",
            ],
            "which instrument {n} plays",
            [
                "Which instrument does {n} play?", "What instrument can {n} play?", "Tell me which instrument {n} plays.",
                "What is {p} instrument?",
            ],
            "{n} plays the {v}."),
        new Phrases(
            [
                "{s}会演奏{v}。", "{s}演奏的乐器是{v}。", "{s}的乐器是{v}。", "{v}是{n}的乐器。", "晚上{n}演奏{v}。",
                "{s}小时候就学会了{v}。", "大家喜欢听{n}的{v}。", "{n}带着{v}去每个节日。", "{s}每天练习{v}。",
            ],
            "{n}会演奏什么乐器",
            ["{n}会演奏什么乐器？", "{n}的乐器是什么？", "请告诉我{n}会演奏什么乐器。", "{n}演奏的是哪种乐器？"],
            "{n}会演奏{v}。"));

    public static readonly Relation Friend = new("friend",
        new Phrases(
            [
                "{p} best friend is {v}.", "The best friend of {n} is {v}.", "{n} and {v} are best friends.",
                "{v} is the best friend of {n}.", "{s} likes {v} most of all people.", "{s} tells everything to {v}.",
                "On Sundays {n} visits {v}, a very good friend.", "{n} has known {v} since school and likes no one more.",
            ],
            "who the best friend of {n} is",
            [
                "Who is {p} best friend?", "Who is the best friend of {n}?", "Tell me who the best friend of {n} is.",
                "Which person is {p} best friend?",
            ],
            "{p} best friend is {v}."),
        new Phrases(
            [
                "{s}最好的朋友是{v}。", "{n}和{v}是最好的朋友。", "{v}是{n}最好的朋友。", "{s}最喜欢的人是{v}。",
                "{s}什么都告诉{v}。", "星期日{n}去看好朋友{v}。", "{n}上学时就认识了好朋友{v}。",
            ],
            "{n}最好的朋友是谁",
            ["{n}最好的朋友是谁？", "谁是{n}最好的朋友？", "请告诉我{n}最好的朋友是谁。", "{n}和谁是最好的朋友？"],
            "{n}最好的朋友是{v}。"));

    public static readonly Relation[] All = [Home, Job, Age, Pet, Dish, Instrument, Friend];
}
