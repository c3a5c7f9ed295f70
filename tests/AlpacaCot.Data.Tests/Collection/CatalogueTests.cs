using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Download;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Tests.Collection;

public sealed class CatalogueTests
{
    [Fact]
    public void The_table_of_the_original_collection_is_complete()
    {
        var original = Catalogue.All.Select(s => s.Entry).Where(e => e.Original).ToDictionary(e => e.Title, Row);
        Assert.Equal(Table.Count, original.Count);
        Assert.All(Table, row => Assert.Equal(row.Value, original[row.Key]));
        Assert.Equal(34, Catalogue.All.Count(s => s.Entry is { Original: true, Records: not null }));

        static string Row(CatalogueEntry e) => $"{e.Records} {e.LanguageCodes} {e.TaskCodes} {e.GenerationCode}".TrimEnd();
    }

    [Fact]
    public void Every_entry_is_described_and_no_name_means_two_sets()
    {
        Assert.All(Catalogue.All, source =>
        {
            var entry = source.Entry;
            Assert.Matches("^[a-z0-9][a-z0-9.-]*$", entry.Name);
            Assert.All(new[] { entry.Title, entry.Published, entry.RawFormat, entry.Licence, entry.Type }, text =>
                Assert.NotEmpty(text));
            Assert.NotEmpty(entry.Tags);
            Assert.NotEqual(SetLanguages.None, entry.Languages);
            Assert.True(entry.PartOf == "" || Catalogue.Find(entry.PartOf).Entry.Original, entry.Name);
            foreach (var name in entry.Aliases.Append(entry.Name)) Assert.Same(source, Catalogue.Find(name));
        });
        Assert.All(Catalogue.All, s => Assert.Single(Catalogue.All, other => other.Entry.IsCalled(s.Entry.Name)));
    }

    [Fact]
    public void Every_set_can_be_downloaded()
    {
        Assert.All(Catalogue.All, source => Assert.NotEmpty(source.Entry.Repositories));
        // The hub's copies of the whole collection, and repositories of code, are not downloaded for one set.
        Assert.All(Catalogue.All.Select(s => s.Entry).Where(e => e.Repositories.Any(part =>
            part.Repository.Type == RepositoryType.GitHub || part.Repository.Id == "QingyiSi/Alpaca-CoT")),
            entry => Assert.NotEmpty(entry.Files));
        Assert.Equal("GitHub google-research/FLAN main flan/v2/cot_data/gsm8k_train.tsv", Shown("flan-cot-gsm8k"));
        Assert.Equal("GitHub teknium1/GPTeacher HEAD Instruct/gpt4-instruct-dedupe-only-dataset.json", Shown("gpteacher"));
        Assert.Equal("Dataset QingyiSi/Alpaca-CoT main CSL/csl.json", Shown("csl"));
        Assert.Equal(2, Catalogue.Find("belle-1.5m").Entry.Repositories.Count);

        static string Shown(string name) => Catalogue.Find(name).Entry.Repositories[0] is var part
            ? $"{part.Repository.Type} {part.Repository.Id} {part.At} {part.Files[0]}" : "";
    }

    [Theory]
    [InlineData("alpaca", "alpaca")]
    [InlineData("belle", "belle-0.5m")]
    [InlineData("cot", "flan-cot")]
    [InlineData("alpaca-belle", "alpaca-cleaned", "belle-0.5m")]
    [InlineData("alpaca-cot", "alpaca-cleaned", "flan-cot")]
    [InlineData("alpaca-belle-cot", "alpaca-cleaned", "belle-0.5m", "flan-cot")]
    [InlineData("belle1.5m", "belle-1.5m")]
    [InlineData("finance", "finance-alpaca")]
    [InlineData("multiturn_chat", "belle-multiturn")]
    [InlineData("CoT_Chinese_data", "cot-chinese")]
    [InlineData("gpt4all", "gpt4all")]
    [InlineData("Dolly 2.0", "dolly")]
    public void The_original_data_names_are_known(string name, params string[] sets) =>
        Assert.Equal(sets, Catalogue.Resolve(name).Select(s => s.Entry.Name));

    [Fact]
    public void An_unknown_name_is_answered_with_the_nearest()
    {
        Assert.Contains("\"dolly\"", Assert.Throws<InputException>(() => Catalogue.Find("doly")).Message,
            StringComparison.Ordinal);
        Assert.Contains("several sets", Assert.Throws<InputException>(() => Catalogue.Find("alpaca-cot")).Message,
            StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, string> Table = """
        Chain of Thought|74771 EN/CN MT HG
        GPT4all|806199 EN MT COL
        GPTeacher|29013 EN MT SI
        Guanaco|534610 ML MT SI
        HC3|37175 EN/CN TS MIX
        alpaca|52002 EN MT SI
        Natural Instructions|5040134 ML MT COL
        belle_cn|1079517 CN MT/TS SI
        instinwild|52191 EN/CN MT SI
        prosocial dialog|165681 EN TS MIX
        finance_en|68912 EN TS COL
        xP3|78883588 ML MT COL
        firefly|1649398 CN MT COL
        instruct|888969 EN MT COL
        Code Alpaca|20022 EN TS SI
        Alpaca_GPT4|52002 EN/CN MT SI
        webGPT|18994 EN TS MIX
        dolly 2.0|15015 EN TS HG
        baize|653699 EN MT COL
        hh-rlhf|284517 EN TS MIX
        OIG (part)|49237 EN MT COL
        GAOKAO|2785 CN MT COL
        camel|760620 EN MT SI
        FLAN-Muffin|1764800 EN MT COL
        COIG|298428 CN MT COL
        GPT4Tools|71446 EN MT SI
        ShareChat|1663241 EN MT MIX
        Auto CoT|5816 EN MT COL
        MOSS|1583595 EN/CN TS SI
        ultrachat|28247446 EN
        Chinese-medical|792099 CN TS COL
        CSL|396206 CN MT COL
        pCLUE|1200705 CN MT COL
        news_commentary|252776 CN TS COL
        StackLLaMA| EN
        """.Split('\n').Select(line => line.Trim().Split('|')).ToDictionary(row => row[0], row => row[1]);
}
