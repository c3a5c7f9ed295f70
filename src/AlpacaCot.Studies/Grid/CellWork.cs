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

/// <summary>Told how the work on a cell goes on.</summary>
public interface ICellObserver : ITrainingObserver
{
    /// <summary>So many questions of a benchmark are answered.</summary>
    void Answered(string benchmark, int done, int total);
}

/// <summary>
/// The work on one cell, in a process of its own: training and the benchmarks. What is done is never done again, and what was
/// begun goes on where it was.
/// </summary>
public static class CellWork
{
    private const int ChunkSize = 128; // questions: what a kill may cost

    /// <summary>Trains and asks what is not there yet.</summary>
    /// <exception cref="InputException">Another process works on the cell, or a part of it cannot be used.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; it can go on later.</exception>
    public static void Do(CellFolder folder, CellRequest order, ICellObserver observer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(order);
        using var held = Hold(folder);
        Libtorch.EnsureLoaded();
        TorchSharp.torch.set_num_threads(order.Threads);
        var recipe = RecipeFile.Load(folder.Recipe);
        File.Delete(folder.RefusalFile); // another build may be able to
        try
        {
            if (order.Trains && folder.Trained is null) Train(folder, recipe, observer, cancel);
        }
        catch (InputException e) when (e.Refusal is { } reason)
        {
            AtomicFile.WriteText(folder.RefusalFile, reason);
            return;
        }
        foreach (var asked in order.Asked.Where(a => !File.Exists(folder.Answers(a)))) Ask(folder, order, recipe, asked,
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

    private static void Ask(CellFolder folder, CellRequest order, Recipe recipe, AskedBenchmark asked, ICellObserver observer,
        CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var benchmark = BenchmarkSuite.Find(asked.Benchmark.Name);
        var questions = BenchmarkSuite.Read(benchmark, asked.Benchmark.Path, asked.Options);
        using var model = Load(folder, recipe, order.Trains);
        var answerer = new ModelAnswerer(model, folder.Fingerprint)
        {
            MaxNewTokens = asked.Benchmark.MaxNewTokens ?? benchmark.About.MaxNewTokens,
        };
        var runner = new BenchmarkRunner(answerer) { ChunkSize = ChunkSize };
        var responses = new BenchmarkResponse[questions.Count];
        var partial = Path.ChangeExtension(folder.Answers(asked), ".partial");
        using (var store = ResponseStore.Open(partial))
        {
            // Prompts of similar length together. A chunk is kept whole or asked again whole: which questions share a batch, and
            // with it the last bits of the arithmetic, does not depend on where an earlier attempt ended.
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
        if (trains && recipe.TrainsAllParameters) return LanguageModel.Load(folder.Trained!);
        return LanguageModel.Load(recipe.Model.Path!, trains ? folder.Trained : null, recipe.Template, recipe.Model.Tokenizer,
            quantization: recipe.QuantizationOptions);
    }

    // A killed parent's child may still be ending.
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
