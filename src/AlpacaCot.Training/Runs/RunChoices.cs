using System.Text.Json;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// What a run chose for its machine at its start. A resumed run uses the same, so that its result is that of an uninterrupted
/// one.
/// </summary>
/// <param name="Compute">The arithmetic of products with frozen matrices.</param>
/// <param name="Path">The library of fp32 products.</param>
/// <param name="MicroBatchSize">The examples of a micro-batch.</param>
/// <param name="Device">The device, as <see cref="DeviceChoice"/> names it.</param>
internal sealed record RunChoices(Arithmetic Compute, Float32Path Path, int MicroBatchSize, string Device)
{
    /// <summary>The choices as <c>run.json</c> has them.</summary>
    public object Content =>
        new { compute = TrainingOptions.ArithmeticWords.Of(Compute), fp32_products = Path.ToString(),
            micro_batch_size = MicroBatchSize, device = Device };

    /// <summary>The choices of the run in a folder; null where it has none, as those of earlier versions.</summary>
    public static RunChoices? Of(string folder)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(System.IO.Path.Combine(folder, "run.json")));
            var chosen = json.RootElement.GetProperty("chosen");
            return new(TrainingOptions.ArithmeticWords.Find(chosen.GetProperty("compute").GetString()!)!.Value,
                Enum.Parse<Float32Path>(chosen.GetProperty("fp32_products").GetString()!),
                chosen.GetProperty("micro_batch_size").GetInt32(),
                chosen.TryGetProperty("device", out var device) ? device.GetString()! : "cpu"); // earlier versions had no other
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException
            or InvalidOperationException or ArgumentException)
        {
            return null; // a missing or damaged run.json is reported where the recipe is compared
        }
    }
}
