using System.Text.Json;
using AlpacaCot.Data;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Models.Adapters;

/// <summary>The adapter methods this build knows. A new one is one file and one line here.</summary>
public static class AdapterMethods
{
    /// <summary>Every method.</summary>
    public static IReadOnlyList<IAdapterMethod> All { get; } = [new Lora()];

    /// <summary>Attaches a saved adapter, whatever its method.</summary>
    /// <exception cref="InputException">The folder is broken, of an unknown method, or made for another model.</exception>
    public static IAdapter Load(CausalModel model, string folder)
    {
        var type = PeftType(folder);
        var method = All.FirstOrDefault(m => m.PeftType == type)
            ?? throw new InputException($"{folder}: peft_type '{type}' is not supported; supported are {string.Join(", ", All.Select(m => m.PeftType))}.");
        return method.Load(model, folder);
    }

    private static string? PeftType(string folder)
    {
        var path = Path.Combine(folder, AdapterFolder.ConfigName);
        if (!File.Exists(path)) throw new InputException($"{folder} is not an adapter folder: it has no {AdapterFolder.ConfigName}.");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            return json.RootElement.GetProperty("peft_type").GetString();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InputException($"{path} is not a PEFT configuration: {e.Message}", e);
        }
    }
}
