using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests.Recipes;

public sealed class RecipeSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public RecipeSourceTests()
    {
        foreach (var name in new[] { "model", "data", "catalogue" }) Directory.CreateDirectory(_folder.File(name));
        File.WriteAllText(_folder.File("data/dolly.jsonl"),
            "{\"instruction\": \"Why?\", \"context\": \"\", \"response\": \"So.\"}\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_set_is_found_by_its_name_in_the_data_folder_and_read_by_its_converter()
    {
        var part = Assert.Single(Load("source: databricks-dolly-15k, limit: 5").Data);
        Assert.Equal(("dolly", _folder.File("data/dolly.jsonl"), 5), (part.Source, part.Path, part.Limit));
        Assert.Equal("So.", Assert.Single(part.Set!.Convert(part.Path, new())).Turns[1].Text);
    }

    [Fact]
    public void A_path_beside_a_set_says_where_it_is_and_survives_the_written_recipe()
    {
        var recipe = Load($"source: dolly, path: {_folder.File("data/dolly.jsonl")}");
        var again = RecipeFile.Parse(RecipeFile.Write(recipe), "again.yaml", folder: _folder.Path);
        Assert.Equal(recipe.Data.Single() with { Line = 0 }, again.Data.Single() with { Line = 0 });
    }

    [Fact]
    public void A_combination_stands_for_its_sets()
    {
        foreach (var name in new[] { "alpaca-cleaned", "cot" }) Directory.CreateDirectory(_folder.File($"data/{name}"));
        Assert.Equal(["alpaca-cleaned", "flan-cot"], Load("source: alpaca-cot, weight: 2").Data.Select(d => d.Source));
        // A share is theirs together, also in the written recipe.
        var recipe = Load("source: alpaca-cot, share: 1");
        var again = RecipeFile.Parse(RecipeFile.Write(recipe), "again.yaml", folder: _folder.Path);
        Assert.Equal(recipe.Data.Select(d => d with { Line = 0 }), again.Data.Select(d => d with { Line = 0 }));
        Assert.All(again.Data, d => Assert.Equal((1, "data.0"), (d.Share, d.Group)));
    }

    [Fact]
    public void Own_sets_beside_the_recipe_are_known()
    {
        File.WriteAllText(_folder.File("catalogue/mine.yaml"),
            "- { name: mine, path: ../data/mine.jsonl, columns: { instruction: q, output: a } }");
        File.WriteAllText(_folder.File("data/mine.jsonl"), "{\"q\": \"Why?\", \"a\": \"So.\"}\n");
        var part = Assert.Single(Load("source: mine").Data);
        Assert.Equal("So.", Assert.Single(part.Set!.Convert(part.Path, new())).Turns[1].Text);
    }

    [Fact]
    public void A_file_is_still_a_file()
    {
        File.WriteAllText(_folder.File("alpaca"), "[]");
        var part = Assert.Single(Load("source: alpaca").Data);
        Assert.Equal((_folder.File("alpaca"), null), (part.Path, part.Source));
    }

    [Theory]
    [InlineData("source: baize", "data.0: the data of baize is missing", "baize.jsonl", "alpaca-cot data download baize",
        "path: FILE")]
    [InlineData("source: doly", "no set 'doly'", "did you mean dolly?")]
    [InlineData("source: alpaca-cot, path: data", "stands for 2 sets", "alpaca-cleaned, flan-cot")]
    [InlineData("source: dolly, path: nothing.json", "nothing.json does not exist", "data: the file")]
    public void What_cannot_be_found_is_one_clear_error(string part, params string[] expected)
    {
        var error = Assert.Throws<InputException>(() => Load(part));
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        Assert.Contains("r.yaml:2", error.Message, StringComparison.Ordinal);
    }

    private Recipe Load(string part)
    {
        File.WriteAllText(_folder.File("r.yaml"), $"model: model\ndata: [ {{ {part} }} ]\noutput: o\n");
        return RecipeFile.Load(_folder.File("r.yaml"));
    }
}
