using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Verification;

namespace AlpacaCot.Training.Tests;

/// <summary>All ways to compute a recipe agree to rounding, and one that really differs is found.</summary>
[Collection(nameof(WholeRuns))]
public sealed class VerificationTests(RunFixture fixture)
{
    [Theory]
    [InlineData("lora"), InlineData("none")]
    public void Every_way_agrees_with_the_plain_one(string adapter)
    {
        var begun = new List<string>();
        var arms = RecipeVerification.Run(fixture.Recipe(adapter), 3, begun.Add, CancellationToken.None);
        Assert.Equal(["packed", "accumulated", "checkpointed", "bf16", "int8", "resumed"], arms.Select(a => a.Name));
        Assert.All(arms, arm => Assert.True(arm.Agrees, $"{arm}"));
        Assert.Equal(begun[1..], arms.Where(a => a.Skipped is null).Select(a => a.Name));
        Assert.Equal((0, 0, 0), (arms[^1].Loss, arms[^1].Gradient, arms[^1].Weights));
        var int8 = arms.Single(a => a.Name == "int8");
        if (adapter == "none") Assert.Contains("every weight is trained", int8.Skipped, StringComparison.Ordinal);
        else Assert.True(int8.Gradient > arms[0].Gradient); // it did compute something else
        Assert.False(Directory.Exists(fixture.Recipe(adapter).Output));
    }

    [Theory]
    [InlineData("packed", "seed"), InlineData("accumulated", "rate"), InlineData("resumed", "rate"), InlineData("int8", "seed")]
    public void A_way_that_computes_something_else_is_found(string name, string change)
    {
        var arms = RecipeVerification.Run(fixture.Recipe(), 2, _ => { }, (arm, recipe) => arm != name ? recipe
            : recipe with
            {
                Training = change == "seed" ? recipe.Training with { Seed = 7 }
                    : recipe.Training with { LearningRate = recipe.Training.LearningRate * 1.1 },
            }, CancellationToken.None);
        Assert.All(arms, arm => Assert.True(arm.Agrees == (arm.Name != name), $"{arm}"));
    }

    [Fact]
    public void What_a_recipe_cannot_do_is_not_run_and_said()
    {
        var adapter = AdapterRecipe.Parse("{ method: prefix_tuning, virtual_tokens: 4, encoder_size: 8 }");
        var recipe = fixture.Recipe() with { Adapter = adapter };
        var arms = RecipeVerification.Run(recipe, 1, _ => { }, CancellationToken.None);
        Assert.Contains("prefix", arms.Single(a => a.Name == "checkpointed").Skipped, StringComparison.Ordinal);
        Assert.Contains("--steps 2", arms.Single(a => a.Name == "resumed").Skipped, StringComparison.Ordinal);
    }
}
