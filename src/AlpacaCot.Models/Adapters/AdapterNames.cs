using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The tensor names of adapter files, as PEFT and other programs write them: with PEFT's wrappers, those of data-parallel
/// training and
/// of compiled models, with the name of the adapter, or without the first component of the base model's names.
/// </summary>
internal static class AdapterNames
{
    // The beginnings of the components after which PEFT's modules have the adapter's name in memory.
    private static readonly string[] Marks = ["lora_", "ia3_", "hada_", "lokr_", "oft_", "vera_", "ranknum", "trainable_tokens_"];

    /// <summary>The names in a file, and the base model's module names plus the method's suffix.</summary>
    /// <param name="stored">The names in the file.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InputException">The file has several adapters, or one tensor under two names.</exception>
    public static IReadOnlyList<(string Stored, string Plain)> Plain(IEnumerable<string> stored, string path)
    {
        var (found, adapters) = (new Dictionary<string, string>(), new HashSet<string>());
        foreach (var name in stored)
        {
            if (Of(name, adapters) is not { } plain) continue; // the unchanged original of a module that was trained in full
            if (!found.TryAdd(plain, name))
                throw new InputException($"{path} contains {plain} twice, as {found[plain]} and as {name}.");
        }
        return adapters.Count < 2 ? [.. found.Select(p => (p.Value, p.Key))]
            : throw new InputException($"{path} contains {adapters.Count} adapters " +
                $"({string.Join(", ", adapters.Order(StringComparer.Ordinal))}); " +
                "save one of them alone.");
    }

    /// <summary>The tensors under this model's names, where the file was written for the model without its head.</summary>
    public static IReadOnlyDictionary<string, Tensor> On(CausalModel model, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var modules = model.Slots.Keys.Select(slot => slot[..slot.LastIndexOf('.')]).ToHashSet();
        if (tensors.Keys.Any(IsKnown)) return tensors;
        // A whole module name, such as lm_head, is no first component.
        var first = modules.Where(module => module.Contains('.')).Select(module => module.Split('.')[0]).Distinct()
            .FirstOrDefault(part => !modules.Contains(part) && tensors.Keys.Any(name => IsKnown($"{part}.{name}")));
        return first is null ? tensors : tensors.ToDictionary(t => $"{first}.{t.Key}", t => t.Value);

        bool IsKnown(string name)
        {
            for (var end = name.LastIndexOf('.'); end > 0; end = name.LastIndexOf('.', end - 1))
                if (modules.Contains(name[..end])) return true;
            return false;
        }
    }

    private static string? Of(string name, HashSet<string> adapters)
    {
        name = name.Replace("_orig_mod.", "", StringComparison.Ordinal);
        var wrapper = name.IndexOf(AdapterConfig.Wrapper, StringComparison.Ordinal);
        if (wrapper >= 0) name = name[(wrapper + AdapterConfig.Wrapper.Length)..];
        while (name.StartsWith("module.", StringComparison.Ordinal)) name = name["module.".Length..];
        if (name.StartsWith("base_model.", StringComparison.Ordinal)) name = name["base_model.".Length..];

        var parts = name.Split('.').ToList();
        if (parts.Contains("original_module")) return null;
        if (parts.IndexOf("modules_to_save") is >= 0 and var full)
        {
            if (full + 2 < parts.Count) adapters.Add(parts[full + 1]);
            parts.RemoveRange(full, full + 2 < parts.Count ? 2 : 1);
        }
        var mark = parts.FindIndex(part => Marks.Any(m => part.StartsWith(m, StringComparison.Ordinal)));
        if (mark >= 0 && mark + 1 < parts.Count && parts[mark + 1] is not ("weight" or "bias"))
        {
            adapters.Add(parts[mark + 1]);
            parts.RemoveAt(mark + 1);
        }
        return string.Join('.', parts);
    }
}
