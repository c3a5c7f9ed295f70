using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Text;
using AlpacaCot.Training.Adapters;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests;

/// <summary>What a run leaves beside its adapter, and what a folder of adapters says.</summary>
[Collection(nameof(WholeRuns))]
public sealed class AdapterCollectionTests(RunFixture fixture)
{
    [Fact]
    public void A_run_leaves_a_card_that_tells_its_base_and_finds_damage()
    {
        using var folder = new TemporaryFolder();
        var recipe = fixture.Recipe() with { Output = folder.File("runs/a"), Training =
            fixture.Recipe().Training with { Epochs = 1, SaveSteps = 1 } };
        RunFixture.Run(recipe);
        var adapter = Assert.Single(AdapterCollection.In(folder.File("runs"))); // not its checkpoints
        Assert.Equal(("lora", folder.File("runs/a/adapter")), (adapter.Method, adapter.Folder));
        using (var model =
            ModelFolder.Open(fixture.Model)) Assert.Equal(ModelFingerprint.Of(model), adapter.Card!.Base.Fingerprint);
        Assert.Equal((40, 40), (adapter.Card.Data[0].Available, adapter.Card.Data[0].Taken));
        Assert.Equal(5, adapter.Card.Metrics["step"]);
        Assert.Equal(recipe.Training, RecipeFile.Parse(adapter.Card.Recipe, "card").Training); // the recipe can be run again
        Assert.StartsWith("---\nbase_model: \"model\"\nlibrary_name: peft\n",
            File.ReadAllText(Path.Combine(adapter.Folder, "README.md")));

        Assert.Equal(([], AdapterFit.SameWeights), Judge(fixture.Model));
        Assert.Equal(([], AdapterFit.Shapes), Judge(new TinyModel().WriteFolder(folder.File("other"), seed: 9)));
        Assert.Equal(([], AdapterFit.None), Judge(new TinyModel(Hidden: 48).WriteFolder(folder.File("narrow"))));

        var weights = Path.Combine(adapter.Folder, "adapter_model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        File.WriteAllBytes(weights, [.. bytes[..^4], 0, 0, 0xC0, 0x7F]); // the last number becomes NaN
        var problems = Judge(null).Problems;
        Assert.Contains(problems, problem => problem.Contains("SHA-256 differs"));
        Assert.Contains(problems, problem => problem.Contains("contains NaN or infinite values"));
        File.WriteAllBytes(weights, bytes[..^4]);
        Assert.Contains(Judge(null).Problems,
            problem => problem.Contains("adapter_model.safetensors") && !problem.Contains("sha256"));
        File.Delete(weights);
        Assert.Contains("the weights are missing (adapter_model.safetensors or adapter_model.bin)", Judge(null).Problems);

        (string[] Problems, AdapterFit Fit) Judge(string? model)
        {
            var verdict = AdapterCollection.Verify(AdapterCollection.In(folder.File("runs"))[0], model);
            return ([.. verdict.Problems], verdict.Fit);
        }
    }

    [Fact]
    public void An_adapter_of_another_program_is_listed_by_its_configuration()
    {
        using var folder = new TemporaryFolder();
        var path = Path.GetDirectoryName(ReferenceData.Path("golden/llama/lora/adapter_config.json"))!;
        var adapter = Assert.Single(AdapterCollection.In(path));
        Assert.Equal(("lora", null), (adapter.Method, adapter.Card));
        var verdict = AdapterCollection.Verify(adapter, ReferenceData.Path("golden/llama/model"));
        Assert.Equal((0, AdapterFit.Shapes), (verdict.Problems.Count, verdict.Fit));
        Assert.Throws<InputException>(() => AdapterCollection.In(folder.File("none")));
    }
}
