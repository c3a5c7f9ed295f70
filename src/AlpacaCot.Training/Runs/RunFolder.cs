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
    private const string MetricsName = "metrics.jsonl", ProgressName = "progress.json", BestName = "best",
        ValidationName = "validation.json";

    private readonly int _checkpointLimit;
    private readonly string _template;
    private readonly StreamWriter _metrics;
    private readonly TensorBoardLog _board;
    private readonly RunLock _lock;

    private RunFolder(string folder, int checkpointLimit, IChatFormat template, int keepSteps, RunLock held)
    {
        (Folder, _checkpointLimit, _template, _lock) = (folder, checkpointLimit, template.ToJson(), held);
        var path = Path.Combine(folder, MetricsName);
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
    /// <exception cref="InputException">The folder contains a run and <paramref name="overwrite"/> is false, or another process
    /// trains in it.</exception>
    public static RunFolder Create(string folder, int checkpointLimit, IChatFormat template, bool overwrite)
    {
        if (!overwrite) RequireFree(folder);
        Directory.CreateDirectory(folder);
        var held = RunLock.Take(folder);
        try
        {
            if (!overwrite) RequireFree(folder);
            else if (ContainsRun(folder)) Clear(folder);
            return new RunFolder(folder, checkpointLimit, template, 0, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Throws if a folder contains a run; called before model and data are loaded.</summary>
    /// <exception cref="InputException">The folder contains a run.</exception>
    public static void RequireFree(string folder)
    {
        if (ContainsRun(folder))
            throw new InputException($"{folder} already contains a run. Continue it with --resume, replace it with --overwrite, "
                + "or choose another output.");
    }

    /// <summary>
    /// Opens a run for resuming: restores its last complete checkpoint with <paramref name="restore"/>. A checkpoint that is
    /// damaged is put aside with a note, and the one before it is used.
    /// </summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="checkpointLimit">The number of checkpoints kept.</param>
    /// <param name="template">The prompt template.</param>
    /// <param name="restore">Restores weights and optimizer from a checkpoint.</param>
    /// <param name="note">Receives remarks for the user.</param>
    /// <returns>The folder, and the progress of the restored checkpoint: step 0 where the run has none yet.</returns>
    /// <exception cref="InputException">Another process trains in the folder, or every checkpoint is damaged.</exception>
    public static (RunFolder Run, TrainingProgress Progress) Resume(string folder, int checkpointLimit, IChatFormat template,
        Action<string, TrainingProgress> restore, Action<string> note)
    {
        var held = RunLock.Take(folder);
        try
        {
            Recover(folder);
            TrainingProgress? restored = null;
            var damaged = new List<string>();
            foreach (var checkpoint in Checkpoints(folder).Reverse())
            {
                if (Read(checkpoint, restore, out var problem) is { } found)
                {
                    restored = found;
                    break;
                }
                damaged.Add(checkpoint);
                note($"the checkpoint {checkpoint} is damaged ({problem}) and is not used; the one before it is");
            }
            if (damaged.Count > 0 && restored is null)
                throw new InputException($"{folder} cannot be continued: every checkpoint is damaged "
                    + $"({string.Join(", ", damaged.Select(Path.GetFileName))}). Start the run again with --overwrite.");
            // A damaged checkpoint must not count among those that are kept.
            foreach (var checkpoint in damaged)
            {
                Delete(checkpoint + ".damaged");
                Directory.Move(checkpoint, checkpoint + ".damaged");
            }
            var progress = restored ?? new TrainingProgress();
            return (new RunFolder(folder, checkpointLimit, template, progress.Step, held), progress);
        }
        catch
        {
            held.Dispose();
            throw;
        }
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

    /// <summary>Saves the weights as the best so far, under <c>best/</c>, with the step and loss of their validation.</summary>
    public void SaveBest(IAdapter adapter, ValidationMetrics m) => Replace(Path.Combine(Folder, BestName), into =>
    {
        adapter.Save(into);
        File.WriteAllText(Path.Combine(into, ValidationName), string.Create(CultureInfo.InvariantCulture,
            $"{{\"step\":{m.Step},\"validation_loss\":{m.Loss:R}}}\n"));
    }, BytesOf(adapter.Parameters.Values));

    /// <summary>
    /// The folder with the weights of a step that had the lowest validation loss; null where it has those of another step, as
    /// after a validation that a crash undid.
    /// </summary>
    public string? BestOf(int step)
    {
        var folder = Path.Combine(Folder, BestName);
        var file = Path.Combine(folder, ValidationName);
        return File.Exists(file) && JsonElement.Parse(File.ReadAllText(file)).GetProperty("step").GetInt32() == step ? folder
            : null;
    }

    /// <summary>Copies the weights of <see cref="BestOf"/> into a folder.</summary>
    internal static void CopyBest(string best, string into)
    {
        foreach (var file in Directory.GetFiles(best).Where(file => Path.GetFileName(file) != ValidationName))
            File.Copy(file, Path.Combine(into, Path.GetFileName(file)));
    }

    /// <summary>Saves the result of the run under <c>adapter/</c> or <c>model/</c>.</summary>
    /// <param name="name">The name of the folder.</param>
    /// <param name="write">Writes its files.</param>
    /// <param name="bytes">The size of the weights in bytes, for the message of a full disk; null: unknown.</param>
    public string SaveResult(string name, Action<string> write, long? bytes = null)
    {
        var folder = Path.Combine(Folder, name);
        Replace(folder, write, bytes);
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
            var complete = progress with { Files = HashesOf(into) };
            File.WriteAllText(Path.Combine(into, ProgressName), JsonSerializer.Serialize(complete));
        }, BytesOf(adapter.Parameters.Values.Concat(optimizer.State.Select(s => s.Tensor))));
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

    /// <summary>What was logged at a step of a run: the metrics of the weights that are its result.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="at">The step whose weights are the result, which is then followed by <c>last_step</c>; null: the last
    /// step.</param>
    public static IReadOnlyDictionary<string, double> FinalMetrics(string folder, int? at = null)
    {
        var last = 0.0;
        var metrics = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(Path.Combine(folder, MetricsName)))
        {
            var json = JsonElement.Parse(line);
            var step = json.GetProperty("step").GetDouble();
            last = Math.Max(last, step);
            if (at is not null && step != at) continue;
            if (metrics.GetValueOrDefault("step", step) != step) metrics.Clear();
            metrics["step"] = step;
            foreach (var name in (string[])["loss", "validation_loss"])
                if (json.TryGetProperty(name, out var value)) metrics[name] = value.GetDouble();
        }
        if (at is not null) metrics["last_step"] = last;
        return metrics;
    }

    /// <summary>The logged training losses and validation losses of the run so far, by step.</summary>
    internal (IReadOnlyList<(int Step, double Loss)> Training, IReadOnlyList<(int Step, double Loss)> Validation) Losses()
    {
        var (training, validation) = (new List<(int, double)>(), new List<(int, double)>());
        _metrics.Flush();
        using var file = new StreamReader(new FileStream(Path.Combine(Folder, MetricsName), FileMode.Open, FileAccess.Read,
            FileShare.ReadWrite));
        while (file.ReadLine() is { } line)
        {
            var json = JsonElement.Parse(line);
            var step = json.GetProperty("step").GetInt32();
            if (json.TryGetProperty("loss", out var loss)) training.Add((step, loss.GetDouble()));
            if (json.TryGetProperty("validation_loss", out var value)) validation.Add((step, value.GetDouble()));
        }
        return (training, validation);
    }

    /// <summary>Closes the logs and releases the folder.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        _lock.Dispose();
    }

    private static bool ContainsRun(string folder) => File.Exists(Path.Combine(folder, "run.json")); // resuming needs it

    private static IEnumerable<string> Checkpoints(string folder)
    {
        var at = Path.Combine(folder, "checkpoints");
        return Directory.Exists(at)
            ? Directory.GetDirectories(at, "step-*").Select(d => (Path: d, Step: NumberOf(d))).Where(d => d.Step is not null)
                .OrderBy(d => d.Step).Select(d => d.Path)
            : [];
    }

    // By number: with more than six digits, names are not in the order of steps.
    private static int? NumberOf(string checkpoint) => int.TryParse(Path.GetFileName(checkpoint).AsSpan("step-".Length),
        NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;

    // Restores a checkpoint; null where it is damaged. Hashes are compared first, so that no weight is touched by a damaged one.
    private static TrainingProgress? Read(string checkpoint, Action<string, TrainingProgress> restore, out string problem)
    {
        problem = "";
        var verified = false;
        try
        {
            var progress = JsonSerializer.Deserialize<TrainingProgress>(File.ReadAllText(Path.Combine(checkpoint,
                ProgressName)))!;
            if (progress is null) throw new InputException($"{ProgressName} contains no progress");
            foreach (var (name, hash) in progress.Files ?? new Dictionary<string, string>())
                if (Fingerprint.OfFile(Path.Combine(checkpoint, name)) != hash)
                    throw new InputException($"{name} has changed since it was written");
            verified = progress.Files is not null; // an error after this is no damage of the checkpoint
            restore(checkpoint, progress);
            return progress;
        }
        catch (Exception e) when (!verified && (e is InputException or IOException or JsonException or KeyNotFoundException))
        {
            problem = e.Message.ReplaceLineEndings(" ");
            return null;
        }
    }

    private static Dictionary<string, string> HashesOf(string folder) => Directory.GetFiles(folder)
        .ToDictionary(file => Path.GetFileName(file), Fingerprint.OfFile, StringComparer.Ordinal);

    // Everything except the lock, which this process holds.
    private static void Clear(string folder)
    {
        foreach (var entry in Directory.GetFileSystemEntries(folder).Where(e => !RunLock.Names.Contains(Path.GetFileName(e))))
            if (Directory.Exists(entry)) Directory.Delete(entry, recursive: true);
            else File.Delete(entry);
    }

    // What a killed process left: parts of folders it was writing, and folders it had moved away without putting the new one
    // there.
    private static void Recover(string folder)
    {
        foreach (var at in new[] { folder, Path.Combine(folder, "checkpoints") }.Where(Directory.Exists))
        {
            foreach (var old in Directory.GetDirectories(at, "*.old"))
                if (old[..^".old".Length] is var own && !Directory.Exists(own)) Directory.Move(old, own);
                else Delete(old);
            foreach (var partial in Directory.GetDirectories(at, "*.partial")) Delete(partial);
        }
    }

    // Each of these folders can be used as a model or adapter, so each contains the prompt template. An existing folder is moved
    // away and deleted only after the new one is in its position and on the disk.
    private void Replace(string folder, Action<string> write, long? bytes = null)
    {
        var (partial, old, parent) = (folder + ".partial", folder + ".old", Path.GetDirectoryName(folder)!);
        Delete(partial);
        Directory.CreateDirectory(partial);
        try
        {
            write(partial);
            File.WriteAllText(Path.Combine(partial, LanguageModel.TemplateFile), _template);
            AtomicFile.SyncFiles(partial);
        }
        catch (Exception e) when (WriteProblem.Is(e))
        {
            Delete(partial); // it is incomplete, and on a full disk its space is needed
            throw WriteProblem.Explain(e, folder, bytes, "continue with --resume: the last complete checkpoint is kept");
        }
        Delete(old);
        if (Directory.Exists(folder)) Directory.Move(folder, old);
        Directory.Move(partial, folder);
        AtomicFile.SyncFolder(parent);
        Delete(old);
    }

    private static long BytesOf(IEnumerable<torch.Tensor> tensors) => tensors.Sum(t => t.numel() * t.element_size());

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
