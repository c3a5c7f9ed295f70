namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Maps a model's weight names to a checkpoint's. A checkpoint of the bare base model lacks the first component of the
/// names in a checkpoint with a language-model head (<c>model.</c>, <c>transformer.</c>, <c>gpt_neox.</c>, ..), and some
/// checkpoints have the prefix <c>model.</c> where the model has none.
/// </summary>
public static class WeightNames
{
    private const string Prefix = "model.";

    /// <summary>The checkpoint's name of a weight; null where it is missing.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="contains">Whether the checkpoint has a tensor of that name.</param>
    public static string? Find(string name, Func<string, bool> contains)
    {
        if (contains(name)) return name;
        if (Exchanged(name) is var exchanged && contains(exchanged)) return exchanged;
        var bare = name[(name.IndexOf('.') + 1)..];
        return contains(bare) ? bare : Exchanged(bare) is var other && contains(other) ? other : null;
    }

    /// <summary>The checkpoint's name of a weight; the model's name where the checkpoint lacks the weight.</summary>
    public static string Stored(string name, Func<string, bool> contains) => Find(name, contains) ?? name;

    private static string Exchanged(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : Prefix + name;
}
