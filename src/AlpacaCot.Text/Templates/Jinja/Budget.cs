using System.Runtime.CompilerServices;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>What one rendering may cost. A template comes with a model and is nobody's friend: it must end, and soon.</summary>
internal sealed class Budget
{
    /// <summary>Steps of a rendering: some thousand times what a long conversation takes, and a second or two.</summary>
    public const long Steps = 10_000_000;

    /// <summary>The longest text a step may make, and the most items of a list.</summary>
    public const int MaxText = 64 << 20, MaxItems = 1_000_000;

    /// <summary>Macros and recursive loops within each other.</summary>
    public const int MaxCalls = 150;

    private const int CharactersInAStep = 16;
    private long _left = Steps;
    private int _calls;

    public void Spend(long steps = 1)
    {
        _left -= steps;
        if (_left < 0)
            throw new JinjaException($"it takes more than {Steps:N0} steps: a loop or recursion does not end in sensible time");
    }

    /// <summary>Pays for a text before it is made.</summary>
    public void SpendText(long characters)
    {
        if (characters > MaxText) throw new JinjaException($"a text of {characters:N0} characters is too long");
        Spend(characters / CharactersInAStep);
    }

    /// <summary>Pays for a list before it is made.</summary>
    public void SpendItems(long items)
    {
        if (items > MaxItems) throw new JinjaException($"a list of {items:N0} items is too long");
        Spend(items / 4);
    }

    /// <summary>Pays for a step of a recursion that the template steers, and sees that the stack will hold it.</summary>
    public void Descend()
    {
        Spend();
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new JinjaException("it is nested too deeply");
    }

    public void EnterCall()
    {
        if (++_calls > MaxCalls)
            throw new JinjaException($"macros call each other more than {MaxCalls} levels deep: the recursion does not end");
        Descend();
    }

    public void LeaveCall() => _calls--;
}
