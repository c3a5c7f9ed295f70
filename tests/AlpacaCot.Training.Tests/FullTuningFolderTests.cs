using AlpacaCot.Models;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests;

/// <summary>A fully tuned model folder is complete, whatever its tokenizer's files are called.</summary>
[Collection(nameof(WholeRuns))]
public sealed class FullTuningFolderTests(RunFixture fixture)
{
    private const string Text = "Say the number 7.</s>";

    [Theory]
    [InlineData("ice_text.model")]
    [InlineData("spiece.model")]
    [InlineData("qwen.tiktoken")]
    public void The_result_can_be_used_with_any_name_of_the_tokenizer(string name)
    {
        using var folder = new TemporaryFolder();
        var model = new TinyModel().WriteFolder(folder.File("model"));
        File.Move(Path.Combine(model, "tokenizer.json"), Path.Combine(model, name));
        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), "{{ messages[0]['content'] }}");
        File.WriteAllText(Path.Combine(model, "generation_config.json"), """{"eos_token_id": [2, 9]}""");
        var recipe = Short(new ModelSpec { Path = model });
        var result = RunFixture.Run(recipe);
        using var source = LanguageModel.Load(model);
        string[] written = [result.OutputFolder!, Path.Combine(recipe.Output, "best"),
            Path.Combine(recipe.Output, "checkpoints", "step-000002")];
        foreach (var path in written)
        {
            foreach (var file in (string[])[name, "chat_template.jinja", "generation_config.json", "tokenizer_config.json",
                "config.json"])
                Assert.Equal(File.ReadAllBytes(Path.Combine(model, file)), File.ReadAllBytes(Path.Combine(path, file)));
            using var loaded = LanguageModel.Load(path);
            Assert.Equal(source.Tokenizer.Encode(Text), loaded.Tokenizer.Encode(Text));
            Assert.Equal(source.EndTokens, loaded.EndTokens);
        }
    }

    [Fact]
    public void A_tokenizer_of_its_own_goes_along()
    {
        using var folder = new TemporaryFolder();
        var other = new TinyModel(Vocabulary: 290).WriteConfig(folder.File("other"));
        var named = folder.File("words.json");
        File.Move(Path.Combine(other, "tokenizer.json"), named);
        var expected = Tokenizer.Load(named);
        var recipe = Short(new ModelSpec { Path = fixture.Model, Tokenizer = named });
        using (var loaded = LanguageModel.Load(RunFixture.Run(recipe).OutputFolder!))
            Assert.Equal(expected.Encode(Text), loaded.Tokenizer.Encode(Text));
        Assert.False(File.Exists(Path.Combine(recipe.Output, "model", "tokenizer_config.json"))); // not the model's old one

        var fresh = new TinyModel().WriteConfig(folder.File("fresh"));
        File.Move(Path.Combine(fresh, "tokenizer.json"), Path.Combine(fresh, "own.model"));
        File.WriteAllText(Path.Combine(fresh, "chat_template.jinja"), "{{ 1 }}");
        var begun = RunFixture.Run(Short(new ModelSpec { Init = Path.Combine(fresh, "config.json") }));
        using var random = LanguageModel.Load(begun.OutputFolder!);
        Assert.Equal("own.model", Path.GetFileName(random.Tokenizer.Path));
        Assert.True(File.Exists(Path.Combine(begun.OutputFolder!, "chat_template.jinja")));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("lora")]
    public void A_gguf_file_is_trained_on(string adapter)
    {
        var path = ReferenceData.Path("data/weights/stories260K/stories260K-F32.gguf");
        var result = RunFixture.Run(Short(new ModelSpec { Path = path }, adapter));
        using var loaded = adapter == "none" ? LanguageModel.Load(result.OutputFolder!)
            : LanguageModel.Load(path, result.OutputFolder);
        using var source = LanguageModel.Load(path);
        Assert.Equal(source.Tokenizer.Encode(Text), loaded.Tokenizer.Encode(Text));
        Assert.NotEmpty(loaded.Generator.GenerateBatch([[1, 5, 9]], new() { MaxNewTokens = 3, EndTokens = [] })[0]);
    }

    private Recipe Short(ModelSpec model, string adapter = "none") => fixture.Recipe(adapter) with
    {
        Model = model,
        Template = "alpaca",
        Training = fixture.Recipe(adapter).Training with { MaxSteps = 2, SaveSteps = 2, ValidationSize = 4, BatchSize = 4 },
    };
}
