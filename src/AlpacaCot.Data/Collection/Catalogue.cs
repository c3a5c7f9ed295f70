using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>The instruction collection: all built-in data sets with their converters.</summary>
public static class Catalogue
{
    /// <summary>
    /// All data sets. To add one, write its source in a file of this folder and add it to this list.
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
        .. MossSet.Sets,
        .. UltraChat.Sets,
        .. ChineseMedical.Sets,
        new Csl(),
        .. NewsCommentary.Sets,
        .. StackLlama.Sets,
        .. Gsm8k.Sets,
        new OpenAssistant(),
    ];

    /// <summary>Names in the original collection for several sets together, such as <c>alpaca-belle-cot</c>.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Combinations { get; } =
        new Dictionary<string, IReadOnlyList<string>>
        {
            ["alpaca-belle"] = ["alpaca-cleaned", "belle-0.5m"],
            ["alpaca-cot"] = ["alpaca-cleaned", "flan-cot"],
            ["alpaca-belle-cot"] = ["alpaca-cleaned", "belle-0.5m", "flan-cot"],
        };

    /// <summary>Finds one data set by name or alias.</summary>
    /// <param name="name">A name, title or alias; case and separators are ignored.</param>
    /// <param name="own">User-defined sets; they take precedence over built-in ones.</param>
    /// <exception cref="InputException">The name is unknown or denotes several sets.</exception>
    public static IInstructionSource Find(string name, IReadOnlyList<IInstructionSource>? own = null) =>
        Resolve(name, own) is [var only] ? only
            : throw new InputException($"{name} means several sets: {string.Join(", ", Combinations[name.ToLowerInvariant()])}. "
                + "Name one of them.");

    /// <summary>Finds the data sets of a name: one set, or the members of a combination.</summary>
    /// <param name="name">A name, an alias or a combination.</param>
    /// <param name="own">User-defined sets; they take precedence over built-in ones.</param>
    /// <exception cref="InputException">The name is unknown; the message suggests the nearest one.</exception>
    public static IReadOnlyList<IInstructionSource> Resolve(string name, IReadOnlyList<IInstructionSource>? own = null) =>
        TryResolve(name, own) ?? throw new InputException($"the collection has no data set \"{name}\". "
            + (Spelling.Nearest(name, Names(own)) is { } nearest ? $"Did you mean \"{nearest}\"?"
                : "\"alpaca-cot data list\" lists all."));

    /// <summary>Like <see cref="Resolve"/>, but returns null for an unknown name.</summary>
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
