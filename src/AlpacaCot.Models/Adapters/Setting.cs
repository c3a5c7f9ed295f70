using System.Text.Json.Nodes;
using AlpacaCot.Configuration;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// One setting of a method: its key in a recipe and its field in <c>adapter_config.json</c>, both for the same property. A
/// <see cref="Key{T}"/> alone is a setting that is not saved, a <see cref="PeftField{T}"/> alone one that recipes cannot set.
/// </summary>
/// <param name="Key">The key of the section <c>adapter</c>.</param>
/// <param name="Field">The field of the saved configuration.</param>
public sealed record Setting<T>(Key<T>? Key, PeftField<T>? Field) where T : AdapterConfig
{
    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public static Setting<T> Whole(string key, string field, int least, string meaning, Func<T, int?> get,
        Func<T, int, T> set) => new(Key<T>.Whole(key, least, meaning, get, set), PeftField<T>.Whole(field, least, get, set));

    /// <summary>A number above 0; a saved value may also be 0.</summary>
    public static Setting<T> Positive(string key, string field, string meaning, Func<T, double> get, Func<T, double, T> set) =>
        new(Key<T>.Number(key, "a number above 0", v => v > 0, meaning, c => get(c), set),
            PeftField<T>.Number(field, 0, double.MaxValue, get, set));

    /// <summary>A probability from 0, below 1; omitted from a written recipe if 0.</summary>
    public static Setting<T> Probability(string key, string field, string meaning, Func<T, double> get,
        Func<T, double, T> set) =>
        new(Key<T>.Number(key, "a number from 0, below 1", v => v is >= 0 and < 1, meaning, c => get(c), set)
            with { Omitted = "0" }, PeftField<T>.Number(field, 0, 1, get, set));

    /// <summary>A boolean.</summary>
    public static Setting<T> Flag(string key, string field, string meaning, Func<T, bool> get, Func<T, bool, T> set) =>
        new(Key<T>.Flag(key, meaning, get, set), PeftField<T>.Flag(field, get, set));

    /// <summary>One value of an enumeration, by name.</summary>
    /// <param name="key">The key's name.</param>
    /// <param name="field">The field's name.</param>
    /// <param name="meaning">The description for the documentation.</param>
    /// <param name="get">Reads the property.</param>
    /// <param name="set">Sets the property.</param>
    /// <param name="words">The names in recipes; null: the names of the values in lower case.</param>
    /// <param name="saved">The names in saved configurations; null: those in recipes.</param>
    public static Setting<T> Word<TEnum>(string key, string field, string meaning, Func<T, TEnum> get, Func<T, TEnum, T> set,
        Words<TEnum>? words = null, Words<TEnum>? saved = null) where TEnum : struct, Enum =>
        new(Key<T>.Word(key, meaning, c => (TEnum?)get(c), set, words),
            PeftField<T>.Word(field, get, set, saved ?? words ?? Words<TEnum>.LowerCase));

    /// <summary>A recipe setting that is not saved.</summary>
    public static implicit operator Setting<T>(Key<T> key) => new(key, null);

    /// <summary>A saved setting that recipes cannot set.</summary>
    public static implicit operator Setting<T>(PeftField<T> field) => new(null, field);
}

/// <summary>One or more related fields of <c>adapter_config.json</c>.</summary>
/// <param name="Read">Returns the configuration with the fields' values; unchanged if they are absent.</param>
/// <param name="Write">Adds the fields to the output.</param>
public sealed record PeftField<T>(Func<T, PeftFields, T> Read, Action<T, SortedDictionary<string, JsonNode?>> Write)
    where T : AdapterConfig
{
    /// <summary>A whole number of at least <paramref name="least"/>, or null.</summary>
    public static PeftField<T> Whole(string name, int least, Func<T, int?> get, Func<T, int, T> set) => new(
        (config, fields) => fields.Whole(name, least) is { } value ? set(config, value) : config,
        (config, fields) => fields[name] = get(config));

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static PeftField<T> Number(string name, double least, double most, Func<T, double> get, Func<T, double, T> set) =>
        new((config, fields) => fields.Real(name, least, most) is { } value ? set(config, value) : config,
            (config, fields) => fields[name] = PeftFields.Number(get(config)));

    /// <summary>A boolean.</summary>
    public static PeftField<T> Flag(string name, Func<T, bool> get, Func<T, bool, T> set) => new(
        (config, fields) => set(config, fields.Flag(name, get(config))),
        (config, fields) => fields[name] = get(config));

    /// <summary>One value of an enumeration; the first if the field is absent.</summary>
    public static PeftField<T> Word<TEnum>(string name, Func<T, TEnum> get, Func<T, TEnum, T> set, Words<TEnum> words)
        where TEnum : struct, Enum => new(
        (config, fields) => set(config, words.Find(fields.Choice(name, words.All))!.Value),
        (config, fields) => fields[name] = words.Of(get(config)));

    /// <summary>A field that other programs require and that always has one value here; it is not read.</summary>
    public static PeftField<T> Constant(string name, JsonNode value) => new((config, _) => config,
        (_, fields) => fields[name] = value.DeepClone());
}
