using System.Globalization;
using System.Text;
using System.Text.Json;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using TorchSharp;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// The files of a run: <c>recipe.yaml</c>, <c>run.json</c> (versions, data fingerprints), <c>metrics.jsonl</c>,
/// <c>tensorboard/</c>, <c>checkpoints/step-N/</c>, <c>best/</c> and, at the end, <c>adapter/</c> or <c>model/</c>.
/// Every folder is written atomically.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private readonly int _checkpointLimit;
    private readonly string _template;
    private readonly StreamWriter _metrics;
    private readonly TensorBoardLog _board;

    private RunFolder(string folder, int checkpointLimit, IChatFormat template, int keepSteps)
    {
        (Folder, this._checkpointLimit, this._template) = (folder, checkpointLimit, template.ToJson());
        var path = Path.Combine(folder, "metrics.jsonl");
        // Steps after the checkpoint are repeated and logged again.
        string[] kept = keepSteps > 0 && File.Exists(path)
            ? [.. File.ReadLines(path).TakeWhile(line => StepOf(line) <= keepSteps)] : [];
        AtomicFile.WriteText(path, string.Concat(kept.Select(line => line + "\n")));
        _metrics = new StreamWriter(path, append: true, new UTF8Encoding(false)) { AutoFlush = true };
        _board = new TensorBoardLog(Path.Combine(folder, "tensorboard"), keepSteps);
    }

    /// <summary>The folder's path.</summary>
    public string Folder { get; }

    /// <summary>Creates the folder of a new run.</summary>
    /// <exception cref="InputException">The folder contains a run and <paramref name="overwrite"/> is false.</exception>
    public static RunFolder Create(string folder, int checkpointLimit, IChatFormat template, bool overwrite)
    {
        if (!overwrite) RequireFree(folder);
        else if (ContainsRun(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        return new RunFolder(folder, checkpointLimit, template, 0);
    }

    /// <summary>Throws if a folder contains a run; called before model and data are loaded.</summary>
    /// <exception cref="InputException">The folder contains a run.</exception>
    public static void RequireFree(string folder)
    {
        if (ContainsRun(folder))
            throw new InputException($"{folder} already contains a run. Continue it with --resume, replace it with --overwrite, "
                + "or choose another output.");
    }

    /// <summary>Opens a run for resuming; the progress is that of its last complete checkpoint, or step 0.</summary>
    public static (RunFolder Run, TrainingProgress Progress, string? Checkpoint) Resume(
        string folder, int checkpointLimit, IChatFormat template)
    {
        var last = Checkpoints(folder).LastOrDefault();
        var progress = last is null
            ? new TrainingProgress()
            : JsonSerializer.Deserialize<TrainingProgress>(File.ReadAllText(Path.Combine(last, "progress.json")))!;
        Directory.CreateDirectory(folder);
        return (new RunFolder(folder, checkpointLimit, template, progress.Step), progress, last);
    }

    /// <summary>Writes a text file of the run, such as the recipe.</summary>
    public void Write(string name, string content) => AtomicFile.WriteText(Path.Combine(Folder, name), content);

    /// <summary>Adds a line of metrics.</summary>
    public void Log(StepMetrics m)
    {
        Line(m.Logged);
        _board.Add(m.Step, "train", m.Curves);
    }

    /// <summary>Adds a line with a validation loss.</summary>
    public void Log(ValidationMetrics m)
    {
        Line([new("step", m.Step), .. m.Values.Select(v => v with { Name = "validation_" + v.Name })]);
        _board.Add(m.Step, "validation", m.Values);
    }

    /// <summary>Saves the weights as the best so far, under <c>best/</c>.</summary>
    public void SaveBest(IAdapter adapter) => Replace(Path.Combine(Folder, "best"), adapter.Save);

    /// <summary>Saves the result of the run under <c>adapter/</c> or <c>model/</c>.</summary>
    public string SaveResult(string name, Action<string> write)
    {
        var folder = Path.Combine(Folder, name);
        Replace(folder, write);
        return folder;
    }

    /// <summary>Writes a checkpoint and deletes the oldest ones above the limit; returns its folder.</summary>
    public string SaveCheckpoint(TrainingProgress progress, IAdapter adapter, Optimizer optimizer)
    {
        var folder = Path.Combine(Folder, "checkpoints",
            string.Create(CultureInfo.InvariantCulture, $"step-{progress.Step:000000}"));
        Replace(folder, into =>
        {
            adapter.SaveCheckpoint(into);
            SafetensorsWriter.Write(Path.Combine(into, "optimizer.safetensors"), [.. optimizer.State]);
            File.WriteAllText(Path.Combine(into, "progress.json"), JsonSerializer.Serialize(progress));
        });
        foreach (var old in Checkpoints(Folder).SkipLast(Math.Max(1, _checkpointLimit))) Directory.Delete(old, recursive: true);
        return folder;
    }

    /// <summary>Restores weights and optimizer state from a checkpoint.</summary>
    public static void Restore(string checkpoint, TrainingProgress progress, IAdapter adapter, Optimizer optimizer)
    {
        using var quiet = torch.no_grad();
        adapter.Restore(checkpoint);
        using var moments = SafetensorsFile.Open(Path.Combine(checkpoint, "optimizer.safetensors"));
        optimizer.Restore(progress.Step, moments.Read);
    }

    /// <summary>The last <c>step</c> and <c>loss</c> of a run and its lowest <c>validation_loss</c>, as logged.</summary>
    public static IReadOnlyDictionary<string, double> FinalMetrics(string folder)
    {
        var metrics = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(Path.Combine(folder, "metrics.jsonl")))
        {
            var json = JsonElement.Parse(line);
            metrics["step"] = json.GetProperty("step").GetDouble();
            if (json.TryGetProperty("loss", out var loss)) metrics["loss"] = loss.GetDouble();
            if (json.TryGetProperty("validation_loss", out var validation))
                metrics["validation_loss"] =
                    Math.Min(validation.GetDouble(), metrics.GetValueOrDefault("validation_loss", double.MaxValue));
        }
        return metrics;
    }

    /// <summary>Closes the logs.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
    }

    private static bool ContainsRun(string folder) => File.Exists(Path.Combine(folder, "run.json")); // resuming needs it

    private static IEnumerable<string> Checkpoints(string folder)
    {
        var at = Path.Combine(folder, "checkpoints");
        return Directory.Exists(at)
            ? Directory.GetDirectories(at, "step-*").Where(d => !Path.HasExtension(d)).Order(StringComparer.Ordinal)
            : [];
    }

    // Each of these folders can be used as a model or adapter, so each contains the prompt template. An existing folder is moved
    // away and deleted only after the new one is in its position.
    private void Replace(string folder, Action<string> write)
    {
        var (partial, old) = (folder + ".partial", folder + ".old");
        Delete(partial);
        Directory.CreateDirectory(partial);
        write(partial);
        File.WriteAllText(Path.Combine(partial, LanguageModel.TemplateFile), _template);
        Delete(old);
        if (Directory.Exists(folder)) Directory.Move(folder, old);
        Directory.Move(partial, folder);
        Delete(old);
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    private void Line(IEnumerable<NamedValue> values)
    {
        var text = new StringBuilder("{");
        foreach (var (key, value) in values)
        {
            if (text.Length > 1) text.Append(',');
            text.Append(CultureInfo.InvariantCulture, $"\"{key}\":{value:R}");
        }
        _metrics.WriteLine(text.Append('}'));
    }

    private static int StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt32();
        }
        catch (JsonException)
        {
            return int.MaxValue; // a line truncated by a crash
        }
    }
}
