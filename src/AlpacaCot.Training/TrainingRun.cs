using System.Runtime.InteropServices;
using System.Text.Json;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Adapters;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Loop;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;
using static TorchSharp.torch;

namespace AlpacaCot.Training;

/// <summary>Executes a recipe: combines model, data, adapter, optimizer and run folder, and trains.</summary>
public static class TrainingRun
{
    /// <summary>Runs a recipe from the start, or from the last checkpoint in its output folder.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="observer">Receives the events of the run.</param>
    /// <param name="resume">Whether the run in the output folder is continued.</param>
    /// <param name="overwrite">Whether a run in the output folder is replaced.</param>
    /// <param name="cancel">Ends the run after the current step, with a checkpoint.</param>
    /// <param name="ignoreMemory">Whether a run starts whose predicted peak exceeds the memory.</param>
    /// <exception cref="InputException">The recipe, model or data is invalid, or the run does not fit into memory; nothing was
    /// written.</exception>
    /// <exception cref="TrainingFailedException">The loss or gradient is invalid.</exception>
    public static TrainingResult Execute(Recipe recipe, ITrainingObserver observer, bool resume, bool overwrite,
        CancellationToken cancel, bool ignoreMemory = false) =>
        Execute(recipe, observer, resume, overwrite, ignoreMemory, null, cancel);

    /// <summary>As above; <paramref name="probe"/> sees what the run computes.</summary>
    internal static TrainingResult Execute(Recipe recipe, ITrainingObserver observer, bool resume, bool overwrite,
        bool ignoreMemory,
        IRunProbe? probe, CancellationToken cancel)
    {
        var options = recipe.Training;
        if (!resume && !overwrite) RunFolder.RequireFree(recipe.Output);
        RunLock.RequireFree(recipe.Output);
        if (options.Threads is { } threads) set_num_threads(threads);
        var compute = DeviceChoice.Of(recipe.Device, recipe.Dtype);
        if (options.Arithmetic == Arithmetic.Int8)
            DeviceChoice.RequireCpu(compute, "training.compute: int8", "use dtype: bfloat16");
        using var loaded = LoadModel(recipe, compute, out var configuration, out var companions);
        var template = loaded.Template;
        loaded.Model.Recomputes = options.GradientCheckpointing;
        loaded.Model.StreamsWeights = options.GradientCheckpointing && compute.IsCpu;
        loaded.Model.EmbeddingNoise = options.NeftuneAlpha;
        using var adapter = Attach(recipe, loaded, configuration, companions);
        if (loaded.Model is { Recomputes: true, KeyValuePrefix: not null })
            throw new InputException(
                "training.gradient_checkpointing recomputes each block in the backward pass, which a prefix " +
                $"({recipe.Adapter.Method}) does not support: remove gradient_checkpointing, or choose prompt_tuning.");
        var packs = options.Packing && loaded.Model.AllowsPacking;
        if (options.Packing && !packs)
            observer.Note($"{loaded.Model.Shape.Family} reads padded rows: its context attention is bidirectional");
        var weights = recipe.Model.Path is null ? "" : ModelFingerprint.Of(loaded.Checkpoint);
        if (recipe.Adapter.Init is { } continues && AdapterCard.Read(continues) is { } card && recipe.Model.Path is not null
            && card.Base.Fingerprint != weights)
            observer.Note($"the adapter in {continues} was trained on other weights ({card.Base.Name}) than those of "
                + $"{recipe.Model.Path}: it may start from a bad loss");
        var limit = PositionLimit.Check(loaded.Model, options.CutoffLength, "training.cutoff_length");
        var objective = ObjectiveRegistry.Create(options);
        // Most tokenizers fit their model; only where one does not, the tokens of the data are checked.
        int? embeddings = loaded.Tokenizer.VocabularySize > loaded.Model.Shape.Vocabulary ? loaded.Model.Shape.Vocabulary : null;
        var data = PreparedData.Load(recipe, loaded.Tokenizer, template, objective, findOverlap: true, EncodedCache.OfUser(),
            embeddings);
        foreach (var note in loaded.Model.Notes.Concat(data.Notes)) observer.Note(note);
        if (limit is not null) observer.Note(limit);
        if (recipe.Template is null)
        {
            observer.Note($"template: {loaded.TemplateChoice.Description}");
            recipe = recipe with { Template = loaded.TemplateChoice.RecipeWord };
        }

        var chosen = MachineChoices.Of(recipe, data, compute, resume ? RunChoices.Of(recipe.Output) : null,
            ignoreMemory, observer.Note);
        options = options with { Arithmetic = chosen.Compute, MicroBatchSize = chosen.MicroBatchSize, FitsMicroBatch = false };
        if (Float32Products.HasOneDnn) Float32Products.Use(chosen.Path);
        loaded.Model.Arithmetic = chosen.Compute;
        var sampler = new EpochSampler(data.Train, new SamplingOptions(options.BatchSize, options.MicroBatchSize, options.Epochs,
            options.MaxSteps, options.GroupByLength, options.Seed));
        using var optimizer = OptimizerRegistry.Create(options, loaded.Model, adapter.Parameters, adapter.RateFactor);
        var identity = new RunIdentity(RecipeFile.Write(recipe), data.Fingerprint, data.Mixture, weights);
        var (run, progress) = Writing(recipe.Output, () =>
            OpenRun(recipe, template, resume, overwrite, identity, chosen, adapter, optimizer, observer.Note));
        using (run)
        {
            if (progress.Step > sampler.TotalSteps)
                throw new InputException($"{run.Folder} has done {progress.Step} steps, but the recipe now has "
                    + $"{sampler.TotalSteps}: resume with at least as many steps, or train again with another output.");
            observer.Started(new RunSummary(sampler.TotalSteps, data.Train.Count, data.Validation.Count, data.Dropped,
                data.Truncated,
                adapter.Parameters.Values.Sum(p => p.numel()), loaded.Model.ParameterCount, run.Folder));
            if (progress.Step > 0)
                observer.Note(progress.Step < sampler.TotalSteps
                    ? $"continuing after step {progress.Step}; the learning rate follows the schedule over "
                        + $"{sampler.TotalSteps} steps"
                    : $"the run is finished: all {progress.Step} steps are done");
            var warmup = options.WarmupSteps ?? (int)Math.Round(options.WarmupRatio.GetValueOrDefault() * sampler.TotalSteps);
            var rate = new LearningRate(options.LearningRate, options.Schedule, Math.Min(warmup, sampler.TotalSteps),
                sampler.TotalSteps);
            var trainer = new Trainer(new TrainedModel(loaded.Model, adapter) { Packs = packs }, objective, optimizer, rate,
                sampler,
                new LoopSchedule(options.MaxGradNorm, options.Seed, options.LoggingSteps,
                    options.EvalSteps ?? sampler.StepsPerEpoch, options.SaveSteps ?? sampler.StepsPerEpoch)
                {
                    EarlyStopping = options.EarlyStopping, MinDelta = options.EarlyStoppingMinDelta,
                })
            {
                Validation = EpochSampler.Sequential(data.Validation, options.MicroBatchSize),
                Note = observer.Note, Probe = probe,
            };
            return Writing(run.Folder, () =>
            {
                var result = trainer.Train(progress, run, observer, cancel);
                probe?.Finished(adapter);
                var best = result.StoppedEarly && options.EarlyStoppingResult == StoppedResult.Best
                    && result.BestStep < result.Steps
                    ? run.BestOf(result.BestStep) : null;
                if (best is not null) result = result with { ResultStep = result.BestStep };
                var losses = run.Losses();
                result = Outcome.Of(result, rate, losses.Training, losses.Validation, Path.Combine(run.Folder, "best"));
                if (!result.Cancelled)
                    result = result with
                    {
                        OutputFolder = SaveResult(recipe, run, adapter, best,
                            () => Card(recipe, loaded, identity, result.ResultStep)),
                    };
                observer.Finished(result);
                return result;
            });
        }
    }

    // Errors of the disk or of permissions, wherever in the run folder they occur, as one sentence.
    private static T Writing<T>(string folder, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (WriteProblem.Is(e))
        {
            throw WriteProblem.Explain(e, folder, afterwards: File.Exists(Path.Combine(folder, "run.json"))
                ? "continue with --resume: complete checkpoints are kept" : null);
        }
    }

    private static LanguageModel LoadModel(Recipe recipe, Compute compute, out string configuration,
        out IReadOnlyList<CompanionFile> companions)
    {
        var full = recipe.TrainsAllParameters;
        var configPath = recipe.Model.Init ?? Path.Combine(recipe.Model.Folder!, "config.json");
        var tokenizerPath = recipe.Model.Tokenizer ?? Path.GetDirectoryName(configPath)!;
        ScalarType? storage = full ? ScalarType.Float32 : null;
        var loaded = recipe.Model.Init is { } init
            ? FromRandomWeights(init, tokenizerPath, recipe, compute)
            : LanguageModel.Load(recipe.Model.Folder!, null, recipe.Template, tokenizerPath, storage,
                recipe.QuantizationOptions, compute);
        // A trained model folder is complete: it contains the companion files of its base model.
        configuration = File.Exists(configPath) ? File.ReadAllText(configPath) : loaded.Checkpoint.Config.GetRawText();
        companions = Companions.Of(recipe.Model.Folder, recipe.Model.Path is null ? tokenizerPath : recipe.Model.Tokenizer);
        return loaded;
    }

    private static LanguageModel FromRandomWeights(string configPath, string tokenizerPath, Recipe recipe,
        Compute compute)
    {
        if (!File.Exists(configPath)) throw new InputException($"model.init: the file {configPath} does not exist.");
        var tokenizer = Tokenizer.Load(tokenizerPath);
        var template = RecipeTemplate.Of(recipe, tokenizer);
        var config = ModelFolder.ReadObject(configPath);
        var deviation = config.TryGetProperty("initializer_range", out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble() : 0.02;
        return new LanguageModel(
            ModelFamilies.Build(config, new RandomWeights(recipe.Training.Seed, deviation), compute: compute), tokenizer,
            template);
    }

    private static IAdapter Attach(Recipe recipe, LanguageModel loaded, string configuration,
        IReadOnlyList<CompanionFile> companions)
    {
        if (recipe.TrainsAllParameters && loaded.Model.IsQuantized)
            throw InputException.Refusing(
                $"{recipe.Model.Path} is quantized: quantized weights have no gradient. Train " +
                "an adapter on it, or use the full model.");
        var seed = recipe.Training.Seed;
        var baseModel = recipe.Model.Path is { } path ? PortableNames.OfModel(path) : null;
        if (recipe.Adapter is { Init: { } init, Config: { } continued })
        {
            using var scope = NewDisposeScope();
            var (_, tensors) = AdapterFolder.Read(init);
            return AdapterMethods.Make(loaded.Model, continued with { BaseModel = baseModel }, tensors, init);
        }
        return recipe.Adapter.Complete(new AdapterSetup(loaded.Model, seed,
                text => loaded.Tokenizer.Encode(text, addSpecial: false), baseModel)) is { } config
            ? AdapterMethods.Attach(loaded.Model, config, seed) : new FullTuning(loaded.Model, configuration, companions);
    }

    private static (RunFolder Run, TrainingProgress Progress) OpenRun(
        Recipe recipe, IChatFormat template, bool resume, bool overwrite, RunIdentity identity, RunChoices chosen,
            IAdapter adapter,
        Optimizer optimizer, Action<string> note)
    {
        var limit = recipe.Training.SaveTotalLimit;
        if (!resume)
        {
            var fresh = RunFolder.Create(recipe.Output, limit, template, overwrite);
            WriteIdentity(fresh, identity, chosen);
            return (fresh, new TrainingProgress());
        }
        identity.CheckAgainst(recipe.Output);
        var (run, progress) = RunFolder.Resume(recipe.Output, limit, template,
            (checkpoint, at) => RunFolder.Restore(checkpoint, at, adapter, optimizer), note);
        WriteIdentity(run, identity, chosen); // a longer run is another recipe
        return (run, progress);
    }

    private static void WriteIdentity(RunFolder run, RunIdentity identity, RunChoices chosen)
    {
        run.Write("recipe.yaml", identity.Recipe);
        run.Write("run.json", JsonSerializer.Serialize(new
        {
            alpaca_cot = typeof(TrainingRun).Assembly.GetName().Version!.ToString(3),
            libtorch = LibtorchReport.BuiltAgainst,
            dotnet = RuntimeInformation.FrameworkDescription,
            system = RuntimeInformation.OSDescription,
            threads = get_num_threads(),
            chosen = chosen.Content,
            recipe_sha256 = identity.RecipeHash,
            data_sha256 = identity.Data,
            model_sha256 = identity.Model,
            mixture_sha256 = identity.Mixture.Fingerprint,
            mixture = identity.Mixture.Parts.Select(part =>
                new { source = part.Name, available = part.Available, taken = part.Taken }),
        }, RunIdentity.Indented));
    }

    private static AdapterCard Card(Recipe recipe, LanguageModel loaded, RunIdentity identity, int? step) => new()
    {
        Method = recipe.Adapter.Method, Quantization = loaded.Model.Quantization,
        Base = recipe.Model.Path is not { } path ? new CardBase(Path.GetFileName(recipe.Model.Init!), "random weights", "")
            : new CardBase(PortableNames.OfModel(path),
                loaded.Checkpoint.Config.TryGetProperty("model_type", out var type) ? type.ToString() : "",
                identity.Model),
        Template = Path.GetFileName(loaded.Template.Name), Data = AdapterCard.DataOf(recipe, identity.Mixture),
        MixtureSha256 = identity.Mixture.Fingerprint, DataSha256 = identity.Data,
            Metrics = RunFolder.FinalMetrics(recipe.Output, step),
        Versions = AdapterCard.RunningVersions,
        Recipe = RecipeFile.Write(PortableNames.In(recipe)),
    };

    // The result is that of the last step, or that in a folder with the lowest validation loss.
    private static string SaveResult(Recipe recipe, RunFolder run, IAdapter adapter, string? best, Func<AdapterCard> card) =>
        run.SaveResult(adapter is FullTuning ? "model" : "adapter", folder =>
        {
            if (adapter is FullTuning full)
            {
                using var quiet = no_grad();
                if (best is not null) full.Restore(best);
                full.Save(folder, recipe.SaveDtype == SavedType.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32);
            }
            else
            {
                if (best is not null) RunFolder.CopyBest(best, folder);
                else adapter.Save(folder);
                card().Write(folder);
            }
        }, adapter.Parameters.Values.Sum(weight => weight.numel() * weight.element_size()));
}
