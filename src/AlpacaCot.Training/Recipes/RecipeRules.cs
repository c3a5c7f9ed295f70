using AlpacaCot.Configuration;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Recipes;

/// <summary>Checks across keys: required keys, invalid combinations, and missing files.</summary>
internal static class RecipeRules
{
    public static Recipe Check(Recipe recipe, Problems problems, bool files)
    {
        Required(recipe, problems);
        Model(recipe, problems);
        Adapter(recipe, problems);
        recipe = recipe with { Training = Optimizer(Batches(recipe.Training, problems), recipe.Adapter, problems) };
        Device(recipe, problems);
        Steps(recipe.Training, problems);
        Validation(recipe, problems);
        Mixture(recipe, problems);
        if (files) Files(recipe, problems);
        return recipe;
    }

    /// <summary>Checks only the data, for commands without a model.</summary>
    public static void CheckData(Recipe recipe, Problems problems)
    {
        RequiredData(recipe, problems);
        Mixture(recipe, problems);
        DataFiles(recipe, problems);
    }

    private static void Required(Recipe recipe, Problems problems)
    {
        if (!problems.Given.ContainsKey("model"))
            problems.AddAt("model", "model is missing; add for example model: path/to/model-folder");
        RequiredData(recipe, problems);
        if (!problems.Given.ContainsKey("output"))
            problems.AddAt("output", "output is missing; add for example output: runs/my-run");
    }

    private static void RequiredData(Recipe recipe, Problems problems)
    {
        if (!problems.Given.ContainsKey("data")) problems.AddAt("data", "data is missing; add for example data: [my-data.jsonl]");
        else if (recipe.Data.Count == 0) problems.AddAt("data", "data: the list is empty; add at least one file");
    }

    private static void Mixture(Recipe recipe, Problems problems)
    {
        if (recipe.Data.Count == 0) return;
        try
        {
            RecipeData.Mixture(recipe, new());
        }
        catch (InputException wrong)
        {
            problems.AddAt("data", $"data: {wrong.Message}");
        }
    }

    private static void Model(Recipe recipe, Problems problems)
    {
        var given = problems.Given;
        if (!given.ContainsKey("model")) return;
        var (path, init) = (given.ContainsKey("model.path"), given.ContainsKey("model.init"));
        if (path && init)
            problems.AddAt("model.init", "model: path and init are both given; keep one (init is for random weights)");
        if (!path && !init) problems.AddAt("model", "model has neither path nor init; add path: FOLDER or init: CONFIG.JSON");
        if (!init || path) return;
        if (!given.ContainsKey("model.tokenizer"))
            problems.AddAt("model.init", "model: init needs a tokenizer; add tokenizer: FOLDER");
        if (!recipe.TrainsAllParameters)
            problems.AddAt("model.init",
                $"model: init starts from random weights, and an adapter ({recipe.Adapter.Method}) does not train them " +
                "; use adapter: none to train every parameter");
    }

    private static void Adapter(Recipe recipe, Problems problems)
    {
        if (recipe.TrainsAllParameters && recipe.QuantizationOptions is { } quantization)
            problems.Refuse("quantization", $"{quantization.Name} weights have no gradient, and adapter: " +
                "none trains every weight; choose an adapter such as lora, or quantization: none");
        if (recipe.Adapter.Config is LoraConfig { Loftq: not null } && recipe.Quantization is null)
            problems.Refuse("adapter.method", "loftq compensates the error of quantization, but nothing is " +
                "quantized; add quantization: nf4 (or fp4, int8), or choose lora");
        if (!recipe.TrainsAllParameters && recipe.SaveDtype is not null)
            problems.AddAt("save_dtype",
                $"save_dtype: an adapter ({recipe.Adapter.Method}) is always saved as float32; save_dtype requires " +
                "adapter: none");
    }

    // Without micro_batch_size a small batch is one micro-batch; a given value above batch_size is an error.
    private static TrainingOptions Batches(TrainingOptions training, Problems problems)
    {
        if (training.MicroBatchSize <= training.BatchSize) return training;
        if (!problems.Given.ContainsKey("training.micro_batch_size"))
            return training with { MicroBatchSize = training.BatchSize };
        problems.AddAt("training.micro_batch_size",
            $"training.micro_batch_size: found {training.MicroBatchSize}, allowed is at most " +
            $"batch_size, {training.BatchSize}");
        return training;
    }

    // Keys of other optimizers are errors instead of settings without effect.
    private static TrainingOptions Optimizer(TrainingOptions training, AdapterRecipe adapter, Problems problems)
    {
        var chosen = OptimizerRegistry.Named(training.Optimizer);
        if (!chosen.FitsAdapters && adapter.Config is not null)
            problems.AddAt("training.optimizer",
                $"training.optimizer: {chosen.Name} is for full tuning, but an adapter ({adapter.Method}) already has small " +
                "matrices; choose adamw, or adapter: none");
        foreach (var key in OptimizerRegistry.Keys)
            if (problems.Given.ContainsKey($"training.{key}") && !chosen.Uses(key))
                problems.AddAt($"training.{key}", $"training.{key} does not apply to optimizer {chosen.Name}; remove it " +
                    $"(it applies to {string.Join(", ", OptimizerRegistry.Using(key))})");
        return problems.Given.ContainsKey("training.beta2") ? training
            : training with { Beta2 = chosen.Default("beta2") ?? training.Beta2 };
    }

    private static void Device(Recipe recipe, Problems problems)
    {
        var arithmetic = recipe.Training.Arithmetic;
        if (recipe.Dtype == ActivationType.BFloat16 && arithmetic is not (Arithmetic.Float32 or null))
            problems.AddAt("training.compute",
                $"training.compute: {TrainingOptions.ArithmeticWords.Of(arithmetic.Value)} sets the arithmetic of products with "
                + "activations in float32, and dtype: bfloat16 computes them in bf16; remove one of them");
        if (recipe.Device.StartsWith("cuda", StringComparison.Ordinal) && arithmetic == Arithmetic.Int8)
            problems.AddAt("training.compute",
                "training.compute: int8 is computed by instructions of the CPU, and the device is "
                + $"{recipe.Device}; use dtype: bfloat16, or device: cpu");
    }

    private static void Steps(TrainingOptions training, Problems problems)
    {
        if (training is { WarmupSteps: not null, WarmupRatio: not null })
            problems.AddAt("training.warmup_ratio",
                "training.warmup_steps and training.warmup_ratio are both given; keep one");
    }

    private static void Validation(Recipe recipe, Problems problems)
    {
        var size = recipe.Training.ValidationSize;
        if (size > 0 && recipe.Validation.Count > 0)
            problems.AddAt("training.validation_size",
                "training.validation_size splits off validation data, but " +
                "validation is given too; keep one");
        if (recipe.Data.Count > 0 && recipe.Data.All(d => d.Limit is not null)
            && recipe.Data.Sum(d => (long)d.Limit!) is var records
            && size > 0 && size >= records)
            problems.AddAt("training.validation_size",
                $"training.validation_size: found {size}, but data is limited to {records} records; " +
                "no record would remain for training");
        foreach (var key in (string[])["training.eval_steps", "training.early_stopping"])
            if (size == 0 && recipe.Validation.Count == 0 && problems.Given.ContainsKey(key))
                problems.AddAt(key, $"{key}: there is no validation data; add training.validation_size or validation");
        foreach (var key in (string[])["training.early_stopping_min_delta", "training.early_stopping_result"])
            if (recipe.Training.EarlyStopping is null && problems.Given.ContainsKey(key)
                && (key != "training.early_stopping_result" || recipe.Training.EarlyStoppingResult != StoppedResult.Best))
                problems.AddAt(key, $"{key} has no effect without training.early_stopping; add early_stopping: 3, for example");
    }

    private static void Files(Recipe recipe, Problems problems)
    {
        if (recipe.Model.Path is { } model && !Path.Exists(model))
            problems.AddAt("model.path", ReadProblem.OfMissing(model)
                ?? $"model: the folder {model} does not exist{ConfigurationNode.HintOf(model)}");
        if (recipe.Model.Init is { } init && !File.Exists(init))
            problems.AddAt("model.init", $"model: the file {init} does not exist");
        if (recipe.Model.Tokenizer is { } tokenizer && !Path.Exists(tokenizer))
            problems.AddAt("model.tokenizer", $"model: the tokenizer {tokenizer} does not exist");
        DataFiles(recipe, problems);
        Template(recipe, problems);
        Targets(recipe, problems);
    }

    private static void Template(Recipe recipe, Problems problems)
    {
        if (recipe.Template is not { } template) return;
        try
        {
            if (template != ChatFormats.OfModel) ChatFormats.Find(template);
            else if (recipe.Model.Path is { } model && Path.Exists(model))
                ChatFormats.Resolve(template, null, model, recipe.Model.Tokenizer);
        }
        catch (InputException wrong)
        {
            problems.AddAt("template", $"template: {wrong.Message}");
        }
    }

    // Targets are names of the model's modules, which its config.json determines.
    private static void Targets(Recipe recipe, Problems problems)
    {
        if (!problems.Given.ContainsKey("adapter.targets") || recipe.Adapter.Config is null
            || recipe.Model.Path is not { } path || Path.Combine(path, "config.json") is var config
                && !File.Exists(config)) return;
        CausalModel model;
        try
        {
            model = ModelFamilies.Build(ModelFolder.ReadObject(config), new ShapeWeights());
        }
        catch (InputException)
        {
            return; // reported when the model is loaded
        }
        using (model)
            try
            {
                if (recipe.Adapter.Complete(new AdapterSetup(model, recipe.Training.Seed, _ => [0], path)) is { } adapter)
                    AdapterMethods.Count(model, adapter).Dispose();
            }
            catch (InputException wrong)
            {
                problems.AddAt("adapter.targets", $"adapter.targets: {wrong.Message}");
            }
    }

    private static void DataFiles(Recipe recipe, Problems problems)
    {
        foreach (var (part, list) in new[] { ("data", recipe.Data), ("validation", recipe.Validation) })
            foreach (var (i, data) in list.Index())
                if (data.Path.Length > 0 && !AlpacaCot.Data.Collection.DataFiles.Exist(data.Path))
                    problems.AddAt(problems.Given.ContainsKey($"{part}.{i}.path") ? $"{part}.{i}.path" : $"{part}.{i}.source",
                        AlpacaCot.Data.Collection.DataFiles.IsPattern(data.Path) ? $"{part}: no file matches {data.Path}"
                            : ReadProblem.OfMissing(data.Path) is { } refused ? $"{part}: {refused}"
                            : $"{part}: the file {data.Path} does not exist{ConfigurationNode.HintOf(data.Path)}");
    }
}
