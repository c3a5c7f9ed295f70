using System.Text.Json;
using AlpacaCot.Training.Estimates;

namespace AlpacaCot.Cli.Screens;

/// <summary>Writes a memory estimate as JSON, for <c>plan</c> and <c>study --plan</c>.</summary>
internal static class EstimateJson
{
    /// <summary>Writes each part and the sum, in bytes.</summary>
    public static void WriteBytes(Utf8JsonWriter json, MemoryEstimate memory)
    {
        json.WriteNumber("weights", memory.Weights);
        json.WriteNumber("adapter", memory.Adapter);
        json.WriteNumber("optimizer", memory.Optimizer);
        json.WriteNumber("activations", memory.Activations);
        json.WriteNumber("buffers", memory.Buffers);
        json.WriteNumber("in_file", memory.InFile);
        json.WriteNumber("total", memory.Total);
    }
}
