using System.Runtime.InteropServices;
using System.Text.Json;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
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
    /// <exception cref="InputException">The recipe, model or data is invalid; nothing was written.</exception>
    /// <exception cref="TrainingFailedException">The loss or gradient is invalid.</exception>
    public static TrainingResult Execute(
        Recipe recipe, ITrainingObserver observer, bool resume, bool overwrite, CancellationToken cancel)
    {
        var options = recipe.Training;
        if (!resume && !overwrite) RunFolder.RequireFree(recipe.Output);
        if (options.Threads is { } threads) set_num_threads(threads);
        using var loaded = LoadModel(recipe, out var configuration, out var companions);
        var template = loaded.Template;
        loaded.Model.Recomputes = options.GradientCheckpointing;
        loaded.Model.EmbeddingNoise = options.NeftuneAlpha;
        using var adapter = Attach(recipe, loaded, configuration, companions);
        if (loaded.Model is { Recomputes: true, KeyValuePrefix: not null })
            throw new InputException(
                "training.gradient_checkpointing recomputes each block in the backward pass, which a prefix " +
                $"({recipe.Adapter.Method}) does not support: remove gradient_checkpointing, or choose prompt_tuning.");
        foreach (var note in loaded.Model.Notes) observer.Note(note);
        if (PositionLimit.Check(loaded.Model, options.CutoffLength, "training.cutoff_length") is { } limit) observer.Note(limit);
        var objective = ObjectiveRegistry.Create(options);
        var data = PreparedData.Load(recipe, loaded.Tokenizer, template, objective);
        foreach (var note in data.Notes) observer.Note(note);
        if (recipe.Template is null)
        {
            observer.Note($"template: {loaded.TemplateChoice.Description}");
            recipe = recipe with { Template = loaded.TemplateChoice.RecipeWord };
        }

        var sampler = new EpochSampler(data.Train, new SamplingOptions(options.BatchSize, options.MicroBatchSize, options.Epochs,
            options.MaxSteps, options.GroupByLength, options.Seed));
        using var optimizer = OptimizerRegistry.Create(options, loaded.Model, adapter.Parameters, adapter.RateFactor);
        var identity = new RunIdentity(RecipeFile.Write(recipe), data.Fingerprint, data.Mixture);
        var (run, progress) = OpenRun(recipe, template, resume, overwrite, identity, adapter, optimizer);
        using (run)
        {
            observer.Started(new RunSummary(sampler.TotalSteps, data.Train.Count, data.Validation.Count, data.Dropped,
                data.Truncated,
                adapter.Parameters.Values.Sum(p => p.numel()), loaded.Model.ParameterCount, run.Folder));
            if (progress.Step > 0) observer.Note($"continuing after step {progress.Step}");
            var warmup = options.WarmupSteps ?? (int)Math.Round(options.WarmupRatio.GetValueOrDefault() * sampler.TotalSteps);
            var trainer = new Trainer(new TrainedModel(loaded.Model, adapter), objective, optimizer,
                new LearningRate(options.LearningRate, options.Schedule, Math.Min(warmup, sampler.TotalSteps), sampler.TotalSteps),
                sampler,
                new LoopSchedule(options.MaxGradNorm, options.Seed, options.LoggingSteps,
                    options.EvalSteps ?? sampler.StepsPerEpoch, options.SaveSteps ?? sampler.StepsPerEpoch))
            {
                Validation = EpochSampler.Sequential(data.Validation, options.MicroBatchSize),
            };
            var result = trainer.Train(progress, run, observer, cancel);
            if (!result.Cancelled)
                result = result with { OutputFolder = SaveResult(recipe, run, adapter, () => Card(recipe, loaded, identity)) };
            observer.Finished(result);
            return result;
        }
    }

    private static LanguageModel LoadModel(Recipe recipe, out string configuration,
        out IReadOnlyList<CompanionFile> companions)
    {
        var full = recipe.TrainsAllParameters;
        var configPath = recipe.Model.Init ?? Path.Combine(recipe.Model.Folder!, "config.json");
        var tokenizerPath = recipe.Model.Tokenizer ?? Path.GetDirectoryName(configPath)!;
        ScalarType? storage = full ? ScalarType.Float32 : null;
        var loaded = recipe.Model.Init is { } init
            ? FromRandomWeights(init, tokenizerPath, recipe)
            : LanguageModel.Load(recipe.Model.Folder!, null, recipe.Template, tokenizerPath, storage,
                recipe.QuantizationOptions);
        // A trained model folder is complete: it contains the companion files of its base model.
        configuration = File.Exists(configPath) ? File.ReadAllText(configPath) : loaded.Checkpoint.Config.GetRawText();
        companions = Companions.Of(recipe.Model.Folder, recipe.Model.Path is null ? tokenizerPath : recipe.Model.Tokenizer);
        return loaded;
    }

    private static LanguageModel FromRandomWeights(string configPath, string tokenizerPath, Recipe recipe)
    {
        if (!File.Exists(configPath)) throw new InputException($"model.init: the file {configPath} does not exist.");
        var tokenizer = Tokenizer.Load(tokenizerPath);
        var template = RecipeTemplate.Of(recipe, tokenizer);
        var config = ModelFolder.ReadObject(configPath);
        var deviation = config.TryGetProperty("initializer_range", out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble() : 0.02;
        return new LanguageModel(ModelFamilies.Build(config, new RandomWeights(recipe.Training.Seed, deviation)), tokenizer,
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
        return recipe.Adapter.Complete(new AdapterSetup(loaded.Model, seed,
                text => loaded.Tokenizer.Encode(text, addSpecial: false), recipe.Model.Path)) is { } config
            ? AdapterMethods.Attach(loaded.Model, config, seed) : new FullTuning(loaded.Model, configuration, companions);
    }

    private static (RunFolder Run, TrainingProgress Progress) OpenRun(
        Recipe recipe, IChatFormat template, bool resume, bool overwrite, RunIdentity identity, IAdapter adapter,
        Optimizer optimizer)
    {
        var limit = recipe.Training.SaveTotalLimit;
        if (!resume)
        {
            var fresh = RunFolder.Create(recipe.Output, limit, template, overwrite);
            fresh.Write("recipe.yaml", identity.Recipe);
            fresh.Write("run.json", JsonSerializer.Serialize(new
            {
                alpaca_cot = typeof(TrainingRun).Assembly.GetName().Version!.ToString(3),
                libtorch = Models.Runtime.LibtorchReport.BuiltAgainst,
                dotnet = RuntimeInformation.FrameworkDescription,
                system = RuntimeInformation.OSDescription,
                threads = get_num_threads(),
                recipe_sha256 = identity.RecipeHash,
                data_sha256 = identity.Data,
                mixture_sha256 = identity.Mixture.Fingerprint,
                mixture = identity.Mixture.Parts.Select(part =>
                    new { source = part.Name, available = part.Available, taken = part.Taken }),
            }, RunIdentity.Indented));
            return (fresh, new TrainingProgress());
        }
        identity.CheckAgainst(Path.Combine(recipe.Output, "run.json"));
        var (run, progress, checkpoint) = RunFolder.Resume(recipe.Output, limit, template);
        if (checkpoint is not null) RunFolder.Restore(checkpoint, progress, adapter, optimizer);
        return (run, progress);
    }

    private static AdapterCard Card(Recipe recipe, LanguageModel loaded, RunIdentity identity) => new()
    {
        Method = recipe.Adapter.Method, Quantization = loaded.Model.Quantization,
        Base = recipe.Model.Path is not { } path ? new CardBase(Path.GetFileName(recipe.Model.Init!), "random weights", "")
            : new CardBase(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)),
                loaded.Checkpoint.Config.TryGetProperty("model_type", out var type) ? type.ToString() : "",
                ModelFingerprint.Of(loaded.Checkpoint)),
        Template = loaded.Template.Name, Data = AdapterCard.DataOf(recipe, identity.Mixture),
        MixtureSha256 = identity.Mixture.Fingerprint, DataSha256 = identity.Data, Metrics = RunFolder.FinalMetrics(recipe.Output),
        Versions = AdapterCard.RunningVersions,
        Recipe = RecipeFile.Write(recipe with { Output = "runs/again" }),   // the run's own folder is irrelevant to others
    };

    private static string SaveResult(Recipe recipe, RunFolder run, IAdapter adapter, Func<AdapterCard> card) =>
        run.SaveResult(adapter is FullTuning ? "model" : "adapter", folder =>
        {
            if (adapter is FullTuning full)
                full.Save(folder, recipe.SaveDtype == SavedType.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32);
            else
            {
                adapter.Save(folder);
                card().Write(folder);
            }
        });
}
