using System.Runtime.CompilerServices;

namespace AlpacaCot.Text.Templates.Jinja;

/// <summary>Resource limits of one rendering. Templates come with models and are untrusted, so rendering is bounded.</summary>
internal sealed class Budget
{
    /// <summary>Maximum number of steps: about a thousand times those of a long conversation, one or two seconds.</summary>
    public const long Steps = 10_000_000;

    /// <summary>Maximum length of a string in characters, and of a list in items.</summary>
    public const int MaxText = 64 << 20, MaxItems = 1_000_000;

    /// <summary>Maximum nesting of macros and recursive loops.</summary>
    public const int MaxCalls = 150;

    private const int CharactersInAStep = 16, SearchedAtOnce = 64;
    private long _left = Steps;
    private int _calls;

    public void Spend(long steps = 1)
    {
        _left -= steps;
        if (_left < 0)
            throw new JinjaException($"rendering exceeds {Steps:N0} steps: a loop or recursion takes too long");
    }

    /// <summary>Charges for a string before it is created.</summary>
    public void SpendText(long characters)
    {
        if (characters > MaxText) throw new JinjaException($"a text of {characters:N0} characters is too long");
        Spend(characters / CharactersInAStep);
    }

    /// <summary>Charges for the search of a part in a text, by its worst case.</summary>
    public void SpendSearch(long text, long part) => Spend((text + text * part / SearchedAtOnce) / CharactersInAStep);

    /// <summary>Charges for work that costs a step for each character, such as regular expressions.</summary>
    public void SpendCharacters(long characters) => Spend(characters);

    /// <summary>Charges for text that is added to a longer one, before it is added.</summary>
    public void SpendAddition(long before, long added)
    {
        if (before + added > MaxText) throw new JinjaException($"a text of {before + added:N0} characters is too long");
        Spend(added / CharactersInAStep);
    }

    /// <summary>Charges for a list before it is created.</summary>
    public void SpendItems(long items)
    {
        if (items > MaxItems) throw new JinjaException($"a list of {items:N0} items is too long; at most {MaxItems:N0}");
        Spend(items / 4);
    }

    /// <summary>Charges for a recursion step that the template controls, and checks the remaining stack.</summary>
    public void Descend()
    {
        Spend();
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new JinjaException("it is nested too deeply");
    }

    public void EnterCall()
    {
        if (++_calls > MaxCalls)
            throw new JinjaException($"macro calls are nested more than {MaxCalls} levels deep: the recursion does not end");
        Descend();
    }

    public void LeaveCall() => _calls--;
}
