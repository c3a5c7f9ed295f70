using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>
/// Plain text in which people of the world talk: one asks, another answers by name. From it the base learns to take names and
/// numbers from what was said before. It is drawn from the training side of the split: nobody ever asks about what is held out.
/// </summary>
internal sealed class Conversations(WorldFacts world, Dice dice)
{
    private readonly Instructions questions = new(world, dice, heldOut: false);

    /// <summary>That many conversations.</summary>
    public IEnumerable<string> Documents(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var language = dice.Chance(50) ? English : Chinese;
            var speakers = dice.Pick(world.People, 2);
            yield return string.Join('\n', Enumerable.Range(0, dice.Between(1, 3)).Select(_ => Exchange(speakers, language)));
        }
    }

    private string Exchange(Entity[] speakers, Language language)
    {
        var said = questions.Any(language);
        var (a, b) = (speakers[0].Name.In(language), speakers[1].Name.In(language));
        var colon = language is English ? ": " : "：";
        var list = said.Input.Length > 0 ? "\n" + said.Input : "";
        return $"{a}{colon}{said.Text}{list}\n{b}{colon}{said.Output}";
    }
}
