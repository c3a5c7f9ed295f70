using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>The instruction collection: every set that is known, with its converter.</summary>
public static class Catalogue
{
    /// <summary>
    /// All sets. To add one, write its file beside this one and its line here.
    /// </summary>
    public static IReadOnlyList<IInstructionSource> All { get; } =
    [
        .. FlanCot.Sets,
        .. CotChinese.Sets,
        .. Gpt4All.Sets,
        .. GpTeacher.Sets,
        .. Guanaco.Sets,
        .. Hc3.Sets,
        .. Alpaca.Sets,
        .. NaturalInstructions.Sets,
        .. Belle.Sets,
        .. InstinWild.Sets,
        new ProsocialDialog(),
        .. FinanceAlpaca.Sets,
        .. PromptCollections.Sets,
        .. CodeAlpaca.Sets,
        .. AlpacaGpt4.Sets,
        .. WebGpt.Sets,
        .. Dolly.Sets,
        .. Baize.Sets,
        .. HhRlhf.Sets,
        .. Oig.Sets,
        .. Gaokao.Sets,
        .. Camel.Sets,
        .. Coig.Sets,
        .. Gpt4Tools.Sets,
        .. ShareGpt.Sets,
        .. AutoCot.Sets,
        .. Moss.Sets,
        .. UltraChat.Sets,
        .. ChineseMedical.Sets,
        new Csl(),
        .. NewsCommentary.Sets,
        .. StackLlama.Sets,
        .. Gsm8k.Sets,
        new OpenAssistant(),
    ];

    /// <summary>Names that the original collection had for several sets together, such as <c>alpaca-belle-cot</c>.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Combinations { get; } =
        new Dictionary<string, IReadOnlyList<string>>
        {
            ["alpaca-belle"] = ["alpaca-cleaned", "belle-0.5m"],
            ["alpaca-cot"] = ["alpaca-cleaned", "flan-cot"],
            ["alpaca-belle-cot"] = ["alpaca-cleaned", "belle-0.5m", "flan-cot"],
        };

    /// <summary>The set that a name or alias means.</summary>
    /// <param name="name">The name.</param>
    /// <param name="own">Sets of the user, which come before those of the collection.</param>
    /// <exception cref="InputException">No set, or several together, have this name.</exception>
    public static IInstructionSource Find(string name, IReadOnlyList<IInstructionSource>? own = null) =>
        Resolve(name, own) is [var only] ? only
            : throw new InputException($"{name} means several sets: {string.Join(", ", Combinations[name.ToLowerInvariant()])}. "
                + "Name one of them.");

    /// <summary>The sets that a name means: one, or those of a combination.</summary>
    /// <param name="name">A name, an alias or a combination.</param>
    /// <param name="own">Sets of the user, which come before those of the collection.</param>
    /// <exception cref="InputException">There is no such name; the message offers the nearest.</exception>
    public static IReadOnlyList<IInstructionSource> Resolve(string name, IReadOnlyList<IInstructionSource>? own = null) =>
        TryResolve(name, own) ?? throw new InputException($"there is no set \"{name}\" in the collection. "
            + (Spelling.Nearest(name, Names(own)) is { } nearest ? $"Did you mean \"{nearest}\"?"
                : "\"alpaca-cot data list\" shows all."));

    /// <summary>As <see cref="Resolve"/>; null where there is no such name.</summary>
    public static IReadOnlyList<IInstructionSource>? TryResolve(string name, IReadOnlyList<IInstructionSource>? own = null)
    {
        var sources = (own ?? []).Concat(All);
        if (sources.FirstOrDefault(source => source.Entry.Name == name) is { } exact) return [exact];
        if (sources.FirstOrDefault(source => source.Entry.IsCalled(name)) is { } found) return [found];
        return Combinations.TryGetValue(name.ToLowerInvariant(), out var parts) ? [.. parts.Select(part => Find(part, own))]
            : null;
    }

    private static IEnumerable<string> Names(IReadOnlyList<IInstructionSource>? own) =>
        (own ?? []).Concat(All).SelectMany(source => source.Entry.Aliases.Append(source.Entry.Name)).Concat(Combinations.Keys);
}
