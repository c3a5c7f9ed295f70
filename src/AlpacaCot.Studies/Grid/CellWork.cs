using System.Diagnostics;
using System.Text.Json;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Models;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Studies.Grid;

/// <summary>Receives the progress of the work on a cell.</summary>
public interface ICellObserver : ITrainingObserver
{
    /// <summary>Called with the number of answered questions of a benchmark.</summary>
    void Answered(string benchmark, int done, int total);
}

/// <summary>
/// The work on one cell in a separate process: training and benchmarks. Completed parts are not repeated, and interrupted parts
/// are resumed.
/// </summary>
public static class CellWork
{
    private const int ChunkSize = 128; // questions; the most that are lost when the process is killed

    /// <summary>Runs the missing training and benchmarks of a cell.</summary>
    /// <exception cref="InputException">Another process works on the cell, or an input cannot be used.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; it can be resumed.</exception>
    public static void Do(CellFolder folder, CellRequest request, ICellObserver observer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(request);
        using var cellLock = Hold(folder);
        Libtorch.EnsureLoaded();
        TorchSharp.torch.set_num_threads(request.Threads);
        var recipe = RecipeFile.Load(folder.Recipe);
        File.Delete(folder.RefusalFile); // another build may support the cell
        try
        {
            if (request.Trains && folder.Trained is null) Train(folder, recipe, observer, cancel);
        }
        catch (InputException e) when (e.Refusal is { } reason)
        {
            AtomicFile.WriteText(folder.RefusalFile, reason);
            return;
        }
        foreach (var asked in request.Asked.Where(a => !File.Exists(folder.Answers(a)))) Ask(folder, request, recipe, asked,
            observer, cancel);
    }

    private static void Train(CellFolder folder, Recipe recipe, ICellObserver observer, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var resume = File.Exists(Path.Combine(folder.Run, "run.json"));
        var meter = new CellMeter(observer);
        var result = TrainingRun.Execute(recipe with { Output = folder.Run }, meter, resume, overwrite: false, cancel);
        Note(folder, "training", clock.Elapsed);
        if (result.Cancelled) throw new OperationCanceledException(cancel);
        meter.Metrics.Write(folder.Metrics);
    }

    private static void Ask(CellFolder folder, CellRequest request, Recipe recipe, AskedBenchmark asked, ICellObserver observer,
        CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var benchmark = BenchmarkSuite.Find(asked.Benchmark.Name);
        var questions = BenchmarkSuite.Read(benchmark, asked.Benchmark.Path, asked.Options);
        using var model = Load(folder, recipe, request.Trains);
        var answerer = new ModelAnswerer(model, folder.Fingerprint)
        {
            MaxNewTokens = asked.Benchmark.MaxNewTokens ?? benchmark.About.MaxNewTokens,
        };
        var runner = new BenchmarkRunner(answerer) { ChunkSize = ChunkSize };
        var responses = new BenchmarkResponse[questions.Count];
        var partial = Path.ChangeExtension(folder.Answers(asked), ".partial");
        using (var store = ResponseStore.Open(partial))
        {
            // Prompts of similar length share a batch. A chunk is stored or repeated as a whole, so that the composition of
            // batches, and with it the rounding, does not depend on where an earlier attempt stopped.
            var byLength = Enumerable.Range(0, questions.Count).OrderBy(i => questions[i].Prompt.Length
                + questions[i].Input.Length);
            var done = 0;
            foreach (var (number, chunk) in byLength.Chunk(ChunkSize).Index())
            {
                if (!store.TryGet<BenchmarkResponse[]>($"{number}", out var kept))
                {
                    var run = runner.Run(benchmark, [.. chunk.Select(i => questions[i])], cancel: cancel);
                    kept = [.. run.Answers.Select(a => a.Response)];
                    store.Add($"{number}", kept);
                }
                foreach (var (i, response) in chunk.Zip(kept)) responses[i] = response;
                observer.Answered(benchmark.About.Name, done += chunk.Length, questions.Count);
            }
        }
        GenerationsFile.Write(folder.Answers(asked), BenchmarkRunner.Score(benchmark, folder.Fingerprint, questions, responses));
        File.Delete(partial);
        Note(folder, asked.Benchmark.Name, clock.Elapsed);
    }

    private static LanguageModel Load(CellFolder folder, Recipe recipe, bool trains)
    {
        var compute = DeviceChoice.Of(recipe.Device, recipe.Dtype);
        if (trains && recipe.TrainsAllParameters) return LanguageModel.Load(folder.Trained!, compute: compute);
        return LanguageModel.Load(recipe.Model.Path!, trains ? folder.Trained : null, recipe.Template, recipe.Model.Tokenizer,
            quantization: recipe.QuantizationOptions, compute: compute);
    }

    // The child of a killed parent may still be exiting.
    private static FileStream Hold(CellFolder folder)
    {
        for (var wait = Stopwatch.StartNew(); ; Thread.Sleep(100))
            try
            {
                return new FileStream(Path.Combine(folder.Path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                    FileShare.None);
            }
            catch (IOException busy)
            {
                if (wait.Elapsed.TotalSeconds > 10)
                    throw new InputException($"{folder.Path}: another process works on this cell ({busy.Message})", busy);
            }
    }

    private static void Note(CellFolder folder, string part, TimeSpan elapsed) =>
        File.AppendAllText(folder.Times, JsonSerializer.Serialize(new { part, seconds = Math.Round(elapsed.TotalSeconds, 1) })
            + "\n");
}
