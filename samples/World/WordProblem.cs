using static AlpacaCot.World.Language;

namespace AlpacaCot.World;

/// <summary>One step of written arithmetic.</summary>
internal readonly record struct Sum(int Left, char Operator, int Right)
{
    public int Value => Operator switch { '+' => Left + Right, '-' => Left - Right, _ => Left * Right };

    /// <summary>"12 + 7 = 19"</summary>
    public override string ToString() => $"{Left} {Operator} {Right} = {Value}";

    /// <summary>
    /// Side of the split: training problems never contain a sum of the held-out fifth, held-out problems contain only those.
    /// 7 + 12 and 12 + 7 are on the same side.
    /// </summary>
    public bool HeldOut
    {
        get
        {
            var (a, b) = Operator is '-' || Left < Right ? (Left, Right) : (Right, Left);
            var mixed = (uint)(a * 73 + b * 151 + Operator * 31) * 2654435761u;
            return (mixed >> 16) % 5 == 0;
        }
    }
}

/// <summary>
/// A short story with quantities in one language, used as running text with its arithmetic, or as a problem with a question
/// and reasoning.
/// </summary>
/// <param name="Story">Sentences that state the quantities.</param>
/// <param name="Question">The question.</param>
/// <param name="Reasons">Each step in words, without a full stop, with its sum.</param>
/// <param name="Ending">Last sentence of the running text, in place of the question.</param>
internal sealed record WordProblem(
    Language Language, string[] Story, string Question, (string Words, Sum Sum)[] Reasons, string Ending)
{
    /// <summary>Largest number in a problem or sum.</summary>
    public const int Largest = 40;

    public int Result => Reasons[^1].Sum.Value;

    public bool IsSane =>
        Reasons.All(r => r.Sum.Value is > 1 and <= Largest && r.Sum.Left is > 1 and <= Largest && r.Sum.Right > 1);

    /// <summary>The complete problem as an instruction.</summary>
    public string Instruction => Wording.Join(Language, [.. Story, Question]);

    /// <summary>"She picked 7 more: 12 + 7 = 19. The answer is 19."</summary>
    public string Solution => Reasoned(Language is English ? $"The answer is {Result}." : $"答案是{Result}。");

    /// <summary>The quantities, and the conclusion from them: "She picked 7 more: 12 + 7 = 19. Now Mia has 19
    /// plums."</summary>
    public (string Given, string Follows) InTwo => (Wording.Join(Language, Story), Reasoned(Ending));

    private string Reasoned(string last) =>
        Wording.Join(Language, [.. Reasons.Select(r => Step(r.Words, r.Sum, Language is English ? ": " : "：")), last]);

    /// <summary>The story as running text with its arithmetic.</summary>
    public string Told(Dice dice)
    {
        var stepwise = Story.Length == Reasons.Length + 1;
        string[] joints = !stepwise ? [Language is English ? ": " : "："]
            : Language is English ? [": ", ": ", ", ", ", and ", ", so "] : ["：", "：", "，", "，所以"];
        var sentences = new List<string> { Story[0] };
        // A story with one step per sentence may be told step by step; all others state all quantities first.
        if (!stepwise || dice.Chance(50)) sentences.AddRange(Story.Skip(1));
        sentences.AddRange(Reasons.Select(r => Step(r.Words, r.Sum, dice.Pick(joints))));
        if (dice.Chance(70)) sentences.Add(Ending);
        return Wording.Join(Language, sentences);
    }

    private string Step(string words, Sum sum, string joint) => $"{words}{joint}{sum}{(Language is English ? "." : "。")}";

    /// <summary>Samples a problem about two people, optionally with all sums on one side of the split.</summary>
    public static WordProblem Draw(Language language, Func<Dice, Entity> anybody, Dice dice, bool? heldOut = null)
    {
        while (true)
        {
            var (a, b) = (anybody(dice), anybody(dice));
            var problem = Problems.Draw(language, a, b, dice);
            if (a != b && problem.IsSane && (heldOut is null || problem.Reasons.All(r => r.Sum.HeldOut == heldOut)))
                return problem;
        }
    }
}
