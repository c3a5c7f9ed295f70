using System.Text.Json;
using System.Text.Json.Serialization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Calibration;

/// <summary>
/// The calibration of this machine, measured once and kept in the user's cache folder for each processor, number of threads,
/// libtorch and build of this program.
/// </summary>
/// <param name="folder">The folder of the file; null: nothing is kept.</param>
public sealed class CalibrationStore(string? folder)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true, Converters = { new JsonStringEnumConverter() }, RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    // Without a folder, one process measures once.
    private static MachineCalibration? _ofProcess;

    /// <summary>The store in the user's cache folder, see <see cref="UserCache"/>.</summary>
    public static CalibrationStore OfUser() => new(UserCache.Folder());

    /// <summary>What a calibration depends on: processor, units, threads, libtorch and the build of this program.</summary>
    public static string Machine => string.Join(", ", Processor.Name, string.Join(' ', Processor.Units),
        $"{get_num_threads()} threads",
        $"libtorch {LibtorchReport.BuiltAgainst}{(Libtorch.Report.External ? $" in {Libtorch.Report.Folder}" : "")}",
        typeof(CalibrationStore).Assembly.ManifestModule.ModuleVersionId.ToString());

    /// <summary>The file of the current machine.</summary>
    public string? File => folder is null ? null : Path.Combine(folder, $"calibration-{Fingerprint.Of(Machine)[..16]}.json");

    /// <summary>The stored calibration of the current machine; null if there is none, or its file is damaged.</summary>
    public MachineCalibration? Find()
    {
        if (File is not { } file) return null;
        try
        {
            return JsonSerializer.Deserialize<MachineCalibration>(System.IO.File.ReadAllText(file),
                Format) is { IsValid: true } found
                && found.Machine == Machine && (found.Path == Float32Path.Default || Float32Products.HasOneDnn) ? found : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>The stored calibration, or a new one, which is stored.</summary>
    /// <param name="fresh">Measures again although there is one.</param>
    /// <param name="begins">Called before a measurement, which takes some seconds.</param>
    public MachineCalibration Get(bool fresh = false, Action? begins = null)
    {
        Libtorch.EnsureLoaded();
        if (!fresh && (Find() ?? (folder is null ? _ofProcess : null)) is { } found && found.Machine == Machine) return found;
        begins?.Invoke();
        var measured = Measurement.Run(Machine);
        if (folder is null) _ofProcess = measured;
        try
        {
            if (File is { } file) AtomicFile.WriteText(file, JsonSerializer.Serialize(measured, Format));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without a writable cache folder each program measures for itself.
        }
        return measured;
    }
}
