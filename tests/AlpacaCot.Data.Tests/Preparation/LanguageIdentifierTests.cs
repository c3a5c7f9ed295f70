using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Cleaning;

namespace AlpacaCot.Data.Tests.Preparation;

public sealed class LanguageIdentifierTests
{
    [Theory]
    [InlineData("en", "What would happen if the moon were twice as far from the earth?")]
    [InlineData("zh", "请写一首关于春天的诗，并解释它的意思。")]
    [InlineData("zh", "用 Python 写一个函数，计算列表 numbers 的平均值。")]
    [InlineData("ja", "東京で一番高い建物は何ですか。その歴史を教えてください。")]
    [InlineData("ko", "한국의 수도는 어디이며 인구는 얼마나 됩니까?")]
    [InlineData("de", "Wie wird das Wetter morgen, und was soll ich für die Reise einpacken?")]
    [InlineData("fr", "Écris une lettre à un ami pour lui dire que tu ne peux pas venir.")]
    [InlineData("es", "¿Cuál es la capital de Argentina y qué se puede visitar en la ciudad?")]
    [InlineData("pt", "Escreva um texto curto sobre a história do Brasil e as suas cidades, que não seja difícil.")]
    [InlineData("it", "Quali sono gli ingredienti della pizza e come si prepara la pasta?")]
    [InlineData("nl", "Schrijf een korte tekst over het weer en wat je op een regenachtige dag kunt doen met kinderen.")]
    [InlineData("sv", "Vad är det för skillnad på en hund och en katt, och vilken är bäst för mig?")]
    [InlineData("fi", "Mikä on Suomen pääkaupunki ja kuinka monta ihmistä siellä on?")]
    [InlineData("pl", "Jakie jest największe miasto w Polsce i dlaczego jest tak ważne?")]
    [InlineData("cs", "Jaké je hlavní město a který král tam byl nejdéle u moci?")]
    [InlineData("ro", "Care este cel mai mare oraș și ce se poate vizita în el pentru un copil?")]
    [InlineData("hu", "Melyik a legnagyobb város, és hogy lehet oda eljutni, ha nem vonattal megyek?")]
    [InlineData("tr", "Türkiye'nin en büyük şehri hangisi ve neden bu kadar önemli?")]
    [InlineData("vi", "Thủ đô của Việt Nam là gì và có những món ăn nào nổi tiếng?")]
    [InlineData("id", "Apa ibu kota negara itu dan bagaimana cara pergi ke sana dengan kereta?")]
    [InlineData("ru", "Какой город самый большой в стране и что там можно посмотреть?")]
    [InlineData("uk", "Яке місто найбільше в країні і що там можна подивитися?")]
    [InlineData("ar", "ما هي عاصمة البلاد وكم عدد السكان في المدينة؟")]
    [InlineData("fa", "پایتخت این کشور کجاست و جمعیت آن چقدر است؟")]
    [InlineData("hi", "भारत की राजधानी क्या है और वहाँ कैसे जाएँ?")]
    [InlineData("th", "เมืองหลวงของประเทศไทยคืออะไร")]
    [InlineData("el", "Ποια είναι η πρωτεύουσα της χώρας;")]
    [InlineData("he", "מהי עיר הבירה של המדינה?")]
    [InlineData("und", "3 + 5 = 8")]
    [InlineData("und", "")]
    [InlineData("und", "int x = 5; return x;")]
    [InlineData("en", "Generate a haiku poem.")]
    [InlineData("en", "Create a hashtag for a new marketing campaign.")]
    [InlineData("en", "She finished her homework.")]
    [InlineData("en", "Given s1 and s2, check it: s = s1 + s2; return s[i] == s[-i] and s == v")]
    [InlineData("und", "B2 C3 K4, D W M F")]
    public void Sentences_are_told(string code, string text) => Assert.Equal(code, LanguageIdentifier.Identify(text).Code);

    [Theory]
    [InlineData("data/instruct/alpaca_data.json.gz", "en", 0.998)]
    [InlineData("data/instruct/gsm_8k_train_alpaca.json.gz", "en", 0.999)]
    [InlineData("data/instruct_zh/zh-data-part-00.json.gz", "zh", 0.97)]
    [InlineData("data/instruct/llamafactory_alpaca_zh_demo.json", "zh",
        0.96)]   // some are translations and code with English text
    public void Real_sets_are_told(string file, string code, double least)
    {
        var told = InstructionFile.Read(ReferenceData.Path(file)).Take(4000)
            .Select(record => LanguageIdentifier.Identify(ConversationText.Of(record)).Code).ToList();
        var right = told.Count(t => t == code) / (double)told.Count;
        var counts = string.Join(", ", told.CountBy(t => t));
        Assert.True(right >= least, $"{right:0.0000}: {counts}");
        Assert.True(told.Count(t => t == "cs") < 0.001 * told.Count, counts);   // Czech has "a", "to", "do" and "by" too
    }
}
