namespace AlpacaCot.World;

/// <summary>Vocabulary of the world: an island named Avela with the capital Solmar.</summary>
internal static class Lexicon
{
    public static readonly Word[] Women = Word.List("""
        Mia 米娅, Ana 安娜, Nora 诺拉, Rosa 罗莎, Ida 艾达, Vera 薇拉, Lily 莉莉, Clara 克拉, Greta 格蕾, Luna 露娜
        """);

    public static readonly Word[] Men = Word.List("""
        Tom 汤姆, Ben 本恩, Carl 卡尔, Dan 丹恩, Finn 芬恩, Hugo 雨果, Ivan 伊万, Jack 杰克, Leo 里奥, Paul 保罗
        """);

    public static readonly Word[] Families = Word.List("""
        Liang 梁, Han 韩, Shen 沈, Tang 唐, Song 宋, Zhao 赵, Qiu 邱, Guo 郭, Jiang 姜, Hu 胡, Meng 孟, Fan 范, Yu 于, Ding 丁,
        Wei 魏, Cao 曹, Deng 邓, Peng 彭, Lu 陆, Qin 秦
        """);

    public static readonly Word[] Villages = Pairs(
        "North 北, South 南, East 东, West 西", "Ashford 白渡, Brookby 溪庄, Dunmere 敦湖, Hartwell 鹿泉, Kingsley 王林, Millport 磨港");

    public static readonly Word[] Jobs = Word.List("""
        baker 面包师, farmer 农夫, teacher 老师, doctor 医生, fisher 渔夫, tailor 裁缝, potter 陶工, miller 磨坊主, painter 画家,
        carpenter 木匠, smith 铁匠, gardener 园丁, cook 厨师, sailor 水手, singer 歌手, hunter 猎人
        """);

    public static readonly Word[] Species = Word.List("""
        goat 山羊, cat 猫, dog 狗, hen 母鸡, duck 鸭子, sheep 绵羊, rabbit 兔子, goose 鹅, mouse 老鼠, turtle 乌龟, parrot 鹦鹉,
        pigeon 鸽子, fox 狐狸, owl 猫头鹰, squirrel 松鼠, monkey 猴子
        """);

    public static readonly Word[] Coats = Word.List("black 黑, white 白, brown 棕, grey 灰");

    public static readonly Word[] Dishes = Word.List("""
        bean soup 豆汤, plum cake 李子蛋糕, apple pie 苹果派, fish stew 炖鱼, onion bread 葱饼, rice porridge 米粥,
        honey cake 蜂蜜糕, cheese tart 奶酪塔, mushroom rice 蘑菇饭, potato salad 土豆沙拉, egg noodles 鸡蛋面,
        pumpkin soup 南瓜汤, roast corn 烤玉米, pear jam 梨酱, carrot stew 炖萝卜, nut bread 果仁面包
        """);

    public static readonly Word[] Instruments = Word.List("""
        flute 长笛, drum 大鼓, violin 小提琴, guitar 吉他, harp 竖琴, horn 圆号, piano 钢琴, trumpet 小号, lute 琵琶, cello 大提琴,
        accordion 手风琴, clarinet 单簧管
        """);

    public static readonly Word[] Settings = Word.List("""
        by the lake 湖边, by the sea 海边, on a hill 山坡上, in the forest 森林里, by the river 河边, in a valley 山谷里,
        on the plain 平原上, at the foot of the mountain 山脚下
        """);

    public static readonly Word[] Products = Word.List("""
        honey 蜂蜜, salt 盐, glass 玻璃, wool 羊毛, cheese 奶酪, paper 纸, tea 茶叶, silk 丝绸, wax 蜂蜡, clay 陶土, soap 肥皂,
        ink 墨水
        """);

    public static readonly Word[] Days = Word.List("""
        Monday 星期一, Tuesday 星期二, Wednesday 星期三, Thursday 星期四, Friday 星期五, Saturday 星期六, Sunday 星期日
        """);

    public static readonly Word[] Landmarks = Word.List("""
        wooden mill 木磨坊, stone bridge 石桥, tall tower 高塔, clock tower 钟楼, iron gate 铁门, big fountain 大喷泉,
        white lighthouse 白灯塔, round library 圆图书馆
        """);

    public static readonly Word[] Things = Pairs(
        "old 旧, new 新", "lamp 台灯, basket 篮子, chair 椅子, table 桌子, bowl 碗, clock 时钟, blanket 毯子, hat 帽子");

    public static readonly Word[] Materials = Word.List("""
        brass 黄铜, wood 木头, iron 铁, bone 骨头, clay 陶土, glass 玻璃, leather 皮革, straw 稻草
        """);

    public static readonly Word[] Colours = Word.List("""
        red 红色, blue 蓝色, green 绿色, yellow 黄色, black 黑色, white 白色, brown 棕色, grey 灰色
        """);

    public static readonly Word[] Fodder = Word.List("""
        grass 青草, seeds 种子, fish 小鱼, nuts 坚果, corn 玉米, berries 浆果, leaves 树叶, bread 面包
        """);

    public static readonly Word[] Beds = Word.List("""
        in the barn 谷仓里, in a basket 篮子里, under a tree 树下, on the roof 屋顶上, in a hole 地洞里, by the stove 炉子旁,
        in the tall grass 草丛里, on a branch 树枝上
        """);

    /// <summary>Countable goods in stories: English plural, Chinese word and measure word.</summary>
    public static readonly Word[] Goods =
    [
        new("plums", "李子"), new("apples", "苹果"), new("pears", "梨"), new("eggs", "鸡蛋"), new("nuts", "坚果", "颗"),
        new("shells", "贝壳"), new("books", "书", "本"), new("buttons", "扣子", "颗"), new("candles", "蜡烛", "支"),
        new("stones", "石头", "块"), new("flowers", "花", "朵"), new("fish", "鱼", "条"), new("stamps", "邮票", "张"),
        new("pencils", "铅笔", "支"), new("cookies", "饼干", "块"), new("tickets", "票", "张"),
    ];

    public static readonly Word[] Containers = Word.List("basket 篮子, box 盒子, bag 袋子, bowl 碗, jar 罐子, drawer 抽屉");

    public static readonly Word[] Wares = Word.List("""
        book 书, pen 笔, ball 球, doll 娃娃, map 地图, kite 风筝, scarf 围巾, toy 玩具
        """);

    /// <summary>Every second word with every first one before it: "old lamp 旧台灯, new lamp 新台灯, old basket 旧篮子".</summary>
    private static Word[] Pairs(string first, string second) =>
        [.. Word.List(second)
            .SelectMany(s => Word.List(first).Select(f => new Word($"{f.English} {s.English}", f.Chinese + s.Chinese)))];
}
