using System.Collections.Frozen;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>Tables for language identification: scripts, characteristic letters and function words.</summary>
internal static class LanguageTables
{
    public const int Latin = -2, Han = 0, Kana = 1, Cyrillic = 2, Arabic = 3, Devanagari = 4;

    /// <summary>A script as ranges of characters.</summary>
    /// <param name="Code">Language code if only one language uses it; else empty.</param>
    /// <param name="Common">The most common language if several use it.</param>
    /// <param name="Ranges">Pairs of first and last character.</param>
    public sealed record Script(string Code, string Common, string Ranges);

    public static readonly Script[] Scripts =
    [
        new("zh", "zh", "\u3400\u4DBF\u4E00\u9FFF\uF900\uFAFF\u3005\u3007"),
        new("ja", "ja", "\u3041\u30FF\u31F0\u31FF\uFF66\uFF9D"),
        new("", "ru", "\u0400\u052F"),
        new("", "ar", "\u0600\u06FF\u0750\u077F\uFB50\uFDFF\uFE70\uFEFF"),
        new("", "hi", "\u0900\u097F"),
        new("ko", "ko", "\u1100\u11FF\u3130\u318F\uAC00\uD7A3"),
        new("el", "el", "\u0370\u03FF\u1F00\u1FFF"), new("he", "he", "\u0590\u05FF"), new("hy", "hy", "\u0530\u058F"),
        new("ka", "ka", "\u10A0\u10FF"), new("bn", "bn", "\u0980\u09FF"), new("pa", "pa", "\u0A00\u0A7F"),
        new("gu", "gu", "\u0A80\u0AFF"), new("or", "or", "\u0B00\u0B7F"), new("ta", "ta", "\u0B80\u0BFF"),
        new("te", "te", "\u0C00\u0C7F"), new("kn", "kn", "\u0C80\u0CFF"), new("ml", "ml", "\u0D00\u0D7F"),
        new("si", "si", "\u0D80\u0DFF"), new("th", "th", "\u0E00\u0E7F"), new("lo", "lo", "\u0E80\u0EFF"),
        new("bo", "bo", "\u0F00\u0FFF"), new("my", "my", "\u1000\u109F"), new("am", "am", "\u1200\u137F"),
        new("km", "km", "\u1780\u17FF"), new("mn", "mn", "\u1800\u18AF"),
    ];

    /// <summary>Letters used by only some languages of a script, with their weight relative to a function word.</summary>
    public static readonly (string Code, string Letters, double Weight)[] Letters =
    [
        ("uk", "іїєґ", 1), ("be", "ўі", 1), ("sr", "ђјљњћџ", 1), ("mk", "ѓќѕ", 1), ("kk", "әғқңұһ", 1), ("ru", "ыэё", 0.5),
        ("bg", "ъ", 0.3), ("be", "ыэ", 0.3), ("fa", "پچژگکی", 0.5), ("ur", "ٹڈڑںےہ", 1), ("ar", "ةىأإؤئيك", 0.5), ("mr", "ळ", 1),
        ("de", "äöüß", 0.4), ("fr", "éèêàçùœ", 0.3), ("es", "ñ¿¡íóúá", 0.3), ("pt", "ãõçâêíó", 0.4), ("it", "òàùìè", 0.25),
        ("sv", "åäö", 0.4), ("da", "æøå", 0.4), ("no", "æøå", 0.4), ("fi", "äö", 0.35),
        ("pl", "ąęłńśźżćó", 0.7), ("cs", "ěřůčšžýáí", 0.4),
        ("sk", "ľĺŕôäčšžť", 0.4), ("ro", "ăâîșțşţ", 0.7), ("hu", "őűáéöüó", 0.4), ("tr", "ığşçöü", 0.6), ("hr", "čćđšž", 0.5),
        ("sl", "čšž", 0.3), ("lt", "ėįųūąčęšž", 0.5), ("lv", "āēīūģķļņ", 0.6), ("et", "õäöü", 0.35), ("ca", "çàèòï", 0.2),
        ("vi", "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ", 0.7),
    ];

    /// <summary>Function words frequent in one language and rare in most others.</summary>
    public static readonly FrozenDictionary<string, string> SmallWords = new Dictionary<string, string>
    {
        ["en"] = "the of and to in is that for it as was with be by on not he his but at are this have from or which you "
            + "an they were has their been will would what can how should could when your if there write give describe "
            + "example these more them about a i she her we our my me do does did so any into its than then who where also since "
            + "over after before other only out up us no while per plus name list make using create generate following sentence",
        ["de"] = "der die und das ist nicht von zu mit den ein eine auf für im dem des sich auch es als wie wird sie ich "
            + "oder aus bei einer einen sind nach hat dass kann über wenn zum zur war haben durch",
        ["fr"] = "le la les de des et un une est dans que qui pour pas sur au avec il ce sont plus par ne se du en aux "
            + "cette nous vous ou mais leur être ont été comme tout elle je d l",
        ["es"] = "el la los las de que y en un una es por con para no se del su al lo como más pero sus le ya o este ha "
            + "está son entre cuando muy sin sobre también hay",
        ["pt"] = "o os as de que e em um uma é por com para não se do da dos das no na ao mais como mas foi ele tem à seu "
            + "sua ou ser quando muito nos já está também são pelo pela",
        ["it"] = "il lo gli di che e in un una è per con non si del della dei delle al alla da nel come più ma sono anche "
            + "ha le questo se ci essere dal quando tra",
        ["nl"] = "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij uit nog naar worden "
            + "wordt door heeft hebben ze hij deze kan over wat",
        ["sv"] = "och att det i en som är på för av med den till inte om ett har de jag var men sig så vi kan han från "
            + "eller också ska när vid",
        ["da"] = "og at det i en som er på for af med den til ikke om et har de jeg var men sig så vi kan han fra eller "
            + "også skal når ved blev være der",
        ["no"] = "og å det i en som er på for av med den til ikke om et har de jeg var men seg så vi kan han fra eller "
            + "også skal når ved ble være hun",
        ["fi"] = "ja on ei se että oli hän mutta kun niin ovat myös joka tai kuin sen ole voi mitä jos hänen minä olla "
            + "sitä vain jotka tämä kuinka siellä mikä miten miksi missä",
        ["pl"] = "i w nie na się z do jest to że jak o co za od po ale przez dla są był czy tym oraz może ich jego być "
            + "które który",
        ["cs"] = "a v se na je že s z do i o k ve pro jsou by jako za ale jeho které který nebo při byl být po tak má co "
            + "jak",
        ["sk"] = "a v sa na je že s z do aj o k vo pre sú by ako za ale jeho ktoré ktorý alebo pri bol byť po tak má čo",
        ["ro"] = "și de în a la cu pe nu o este că din care un se pentru mai sau ca sunt au fost prin ce această dar lui "
            + "fi",
        ["hu"] = "a az és hogy nem is egy van meg ez volt de el csak ha mint már még lehet vagy azt kell ki amely sem ezt",
        ["tr"] = "ve bir bu için da de ile olarak daha çok ne gibi olan en ama kadar sonra değil var her o mi ise veya "
            + "nasıl",
        ["vi"] = "và của là các có trong được cho không một với những để này người khi từ đã về như tôi ra bạn cũng hay "
            + "hoặc thể",
        ["id"] = "yang dan di dengan untuk dari dalam tidak ini itu pada adalah akan ke oleh juga ada atau saya dapat "
            + "mereka sebagai karena lebih bisa telah anda",
        ["tl"] = "ang ng sa na mga ay at si ko mo ito hindi para may kung siya ako niya isang po namin kanyang lang",
        ["sw"] = "na ya wa kwa ni katika za la cha kuwa hii hiyo yake kama au watu si lakini pia sana ambayo",
        ["hr"] = "i u je se na da su za od s kao koji nije ne što bi to ili iz sam biti ali koja može po samo kako",
        ["sl"] = "in v je na se za da so z ki ne pa po kot ali tudi bi od kar iz pri ter lahko biti",
        ["lt"] = "ir yra kad į su iš tai ne kaip bet buvo apie o jis per dėl ar bei nuo taip jų",
        ["lv"] = "un ir ar ka no uz par kas tas nav bet kā vai arī pēc bija to viņš tiek lai",
        ["et"] = "ja on ei et see ta oli ka kui mis oma ning või aga olid mida saab nii seda selle",
        ["ca"] = "el la els les de que i en un una és per amb no es del als al com més però són aquest aquesta seva dels "
            + "ha també",
        ["ru"] = "и в не на что он с как это по но из у за от для его так же то все она был или мы вы о к если",
        ["uk"] = "і в не на що він з як це до та але із за від для його так же то все вона був або ми ви про якщо у",
        ["bg"] = "и в не на че той с как това по но от за до да се са е го тя или ние вие си ще като при",
        ["ar"] = "في من على إلى أن ما هذا هذه التي الذي عن مع لا كان هو هي أو كل قد بين بعد",
        ["fa"] = "در از به که این را با است آن برای یک خود تا بر هم نیز شده یا می های ها بود کرد",
        ["ur"] = "کے میں کی ہے اور سے کا کو یہ اس نے پر ہیں کہ بھی ایک جو نہیں تھا ہو",
        ["hi"] = "के में की है और से का को यह इस ने पर हैं कि भी एक जो नहीं था हो लिए",
        ["mr"] = "आहे आणि या च्या हे ते की नाही तर होते आहेत मध्ये साठी असे केले",
        ["ne"] = "छ र को मा छन् यो गर्न हो पनि भएको लागि त्यो तर गरेको",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, int> HomeScripts = SmallWords
        .ToDictionary(list => list.Key, list => list.Value[0] < 0x250 ? Latin : ScriptOf(list.Value[0]))
        .Concat(Letters.Where(own => !SmallWords.ContainsKey(own.Code)).DistinctBy(own => own.Code)
            .Select(own => KeyValuePair.Create(own.Code, own.Letters[0] < 0x250 ? Latin : ScriptOf(own.Letters[0]))))
        .ToFrozenDictionary();

    /// <summary>Script of each language that shares a script.</summary>
    public static int WrittenIn(string code) => HomeScripts[code];

    /// <summary>Index of a letter's script; -1 if it has none of these.</summary>
    public static int ScriptOf(char c)
    {
        for (var i = 0; i < Scripts.Length; i++)
        {
            var ranges = Scripts[i].Ranges;
            for (var j = 0; j < ranges.Length; j += 2)
                if (c >= ranges[j] && c <= ranges[j + 1]) return i;
        }
        return -1;
    }
}
