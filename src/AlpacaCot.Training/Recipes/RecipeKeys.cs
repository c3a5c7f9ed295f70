using AlpacaCot.Configuration;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Settings;
using DataKey = AlpacaCot.Configuration.Key<AlpacaCot.Training.Recipes.DataSpec>;
using MixtureKey = AlpacaCot.Configuration.Key<AlpacaCot.Training.Recipes.MixtureSpec>;
using ModelKey = AlpacaCot.Configuration.Key<AlpacaCot.Training.Recipes.ModelSpec>;
using RecipeKeyOf = AlpacaCot.Configuration.Key<AlpacaCot.Training.Recipes.Recipe>;
using TrainingKey = AlpacaCot.Configuration.Key<AlpacaCot.Training.Settings.TrainingOptions>;

namespace AlpacaCot.Training.Recipes;

/// <summary>All keys of a recipe. Keys not listed here are rejected.</summary>
internal static class RecipeKeys
{
    private static readonly Words<Role> RoleWords = Words<Role>.LowerCase;

    public static readonly TrainingKey[] Training =
    [
        TrainingKey.Number("epochs", "a number above 0", v => v > 0, "passes over the training data; fractions are allowed",
            o => o.MaxSteps is null ? o.Epochs : null, (o, v) => o with { Epochs = v }),
        TrainingKey.Whole("max_steps", 1, "number of optimizer steps; replaces epochs",
            o => o.MaxSteps, (o, v) => o with { MaxSteps = v }),
        TrainingKey.Whole("batch_size", 1, "examples for each optimizer step, all micro-batches together",
            o => o.BatchSize, (o, v) => o with { BatchSize = v }),
        TrainingKey.WholeOr("micro_batch_size", 1, "auto",
            "examples for each forward and backward pass; gradients accumulate to batch_size. Lower values need less memory; "
                + "auto: "
            + "the largest that fits, which plan shows",
            o => o.FitsMicroBatch ? null : o.MicroBatchSize,
            (o, v) => v is { } size ? o with { MicroBatchSize = size, FitsMicroBatch = false }
                : o with { FitsMicroBatch = true }),
        TrainingKey.Number("learning_rate", "a number above 0, at most 1", v => v is > 0 and <= 1,
            "peak learning rate, after the warmup",
            o => o.LearningRate, (o, v) => o with { LearningRate = v }),
        TrainingKey.Word("schedule", "learning rate after the warmup: linear or cosine decay to 0, or constant",
            o => (LearningRateSchedule?)o.Schedule, (o, v) => o with { Schedule = v }),
        TrainingKey.Whole("warmup_steps", 0, "optimizer steps of linear warmup from 0 to learning_rate",
            o => o.WarmupSteps, (o, v) => o with { WarmupSteps = v }),
        TrainingKey.Number("warmup_ratio", "a number from 0, below 1", v => v is >= 0 and < 1,
            "warmup as a fraction of all steps; alternative to warmup_steps",
            o => o.WarmupRatio, (o, v) => o with { WarmupRatio = v }),
        TrainingKey.Choice("optimizer", [.. OptimizerRegistry.All.Select(e => e.Name)],
            "update rule; galore needs adapter: none; muon and galore apply to hidden matrices, adamw to the other weights",
            o => o.Optimizer, (o, v) => o with { Optimizer = v }),
        TrainingKey.Choice("objective", [.. ObjectiveRegistry.All.Select(e => e.Name)],
            "training objective, which defines the loss",
            // The default is not written, so that recipes and cells of earlier versions keep their fingerprints.
            o => o.Objective == ObjectiveRegistry.All[0].Name ? null : o.Objective, (o, v) => o with { Objective = v }),
        TrainingKey.Number("weight_decay", "a number from 0, below 1", v => v is >= 0 and < 1,
            "weight decay, scaled by the learning rate; decoupled, except for sgd (L2 penalty)",
            o => o.WeightDecay, (o, v) => o with { WeightDecay = v }),
        TrainingKey.Number("beta1", "a number from 0, below 1", v => v is >= 0 and < 1,
            "decay rate of the first moment (mean of gradients)",
            o => OptimizerRegistry.Knows(o.Optimizer, "beta1") ? o.Beta1 : null, (o, v) => o with { Beta1 = v }),
        TrainingKey.Number("beta2", "a number from 0, below 1", v => v is >= 0 and < 1,
            "decay rate of the second moment (mean of squared gradients); for lion of the momentum, default 0.99",
            o => OptimizerRegistry.Knows(o.Optimizer, "beta2") ? o.Beta2 : null, (o, v) => o with { Beta2 = v }),
        TrainingKey.Number("epsilon", "a number above 0, below 1", v => v is > 0 and < 1,
            "constant added to AdamW's denominator for numerical stability",
            o => OptimizerRegistry.Knows(o.Optimizer, "epsilon") ? o.Epsilon : null, (o, v) => o with { Epsilon = v }),
        TrainingKey.Number("momentum", "a number from 0, below 1", v => v is >= 0 and < 1,
            "decay rate of the momentum of sgd (default 0) and muon (default 0.95)",
            o => o.Momentum, (o, v) => o with { Momentum = v }),
        TrainingKey.Whole("galore_rank", 1, "rank of galore's gradient projection",
            o => OptimizerRegistry.Knows(o.Optimizer, "galore_rank") ? o.GaLoreRank : null,
            (o, v) => o with { GaLoreRank = v }),
        TrainingKey.Whole("galore_interval", 1, "optimizer steps between two updates of galore's projection",
            o => OptimizerRegistry.Knows(o.Optimizer, "galore_interval") ? o.GaLoreInterval : null,
            (o, v) => o with { GaLoreInterval = v }),
        TrainingKey.Number("galore_factor", "a number above 0", v => v > 0, "scale of galore's updates",
            o => OptimizerRegistry.Knows(o.Optimizer, "galore_factor") ? o.GaLoreFactor : null,
            (o, v) => o with { GaLoreFactor = v }),
        TrainingKey.Number("neftune_alpha", "a number from 0", v => v >= 0,
            "NEFTune: uniform noise on token embeddings, up to alpha / sqrt(tokens * width); typically 5; 0: no noise",
            o => o.NeftuneAlpha, (o, v) => o with { NeftuneAlpha = v }),
        TrainingKey.Number("max_grad_norm", "a number from 0", v => v >= 0,
            "gradient clipping: maximum global L2 norm; 0: no clipping",
            o => o.MaxGradNorm, (o, v) => o with { MaxGradNorm = v }),
        TrainingKey.Whole("cutoff_length", 2, "maximum length of an example in tokens; longer examples are truncated",
            o => o.CutoffLength, (o, v) => o with { CutoffLength = v }),
        TrainingKey.Flag("train_on_inputs", "whether prompt tokens are included in the loss",
            o => o.TrainOnInputs, (o, v) => o with { TrainOnInputs = v }),
        TrainingKey.Word("train_on",
            "turns included in the loss: all answers, the last one, those of train_on_roles, or only turns "
            + "that the data marks (weight: 1, train: true); turns that the data excludes are never included",
            // Defaults are not written, so that recipes and cells of earlier versions keep their fingerprints.
            o => o.TrainOn == TrainOn.All ? null : (TrainOn?)o.TrainOn, (o, v) => o with { TrainOn = v },
            TrainingOptions.TrainOnWords),
        new("train_on_roles", "a list of " + string.Join(", ", RoleWords.All),
            "roles of train_on: roles, such as [assistant, tool]",
            ReadRoles, o => o.TrainOnRoles.Count == 0 ? null : $"[{string.Join(", ", o.TrainOnRoles.Select(RoleWords.Of))}]"),
        TrainingKey.Word("reasoning", "reasoning of the data (reasoning_content, thinking): included in the text and the loss, "
            + "masked (in the text, not in the loss), or left out",
            o => o.Reasoning == ReasoningUse.Render ? null : (ReasoningUse?)o.Reasoning, (o, v) => o with { Reasoning = v }),
        TrainingKey.Whole("validation_size", 0, "number of examples split off the training data for the validation loss",
            o => o.ValidationSize, (o, v) => o with { ValidationSize = v }),
        TrainingKey.Whole("eval_steps", 1, "optimizer steps between validations; default: once an epoch",
            o => o.EvalSteps, (o, v) => o with { EvalSteps = v }),
        TrainingKey.Whole("early_stopping", 1,
            "the run ends after so many validations in a row without a lower validation loss; default: never",
            o => o.EarlyStopping, (o, v) => o with { EarlyStopping = v }),
        TrainingKey.Number("early_stopping_min_delta", "a number from 0", v => v >= 0,
            "decrease of the validation loss that early_stopping counts as lower",
            o => o.EarlyStopping is null ? null : o.EarlyStoppingMinDelta, (o, v) => o with { EarlyStoppingMinDelta = v }),
        TrainingKey.Word("early_stopping_result",
            "weights of the result where early_stopping ended the run: those of the lowest validation loss, or of the last step",
            o => o.EarlyStopping is null ? null : (StoppedResult?)o.EarlyStoppingResult,
                (o, v) => o with { EarlyStoppingResult = v })
            with { Omitted = "best" },
        TrainingKey.Whole("save_steps", 1, "optimizer steps between checkpoints; default: once an epoch",
            o => o.SaveSteps, (o, v) => o with { SaveSteps = v }),
        TrainingKey.Whole("logging_steps", 1, "optimizer steps between log entries",
            o => o.LoggingSteps, (o, v) => o with { LoggingSteps = v }),
        TrainingKey.Whole("save_total_limit", 1, "number of checkpoints kept; older ones are deleted",
            o => o.SaveTotalLimit, (o, v) => o with { SaveTotalLimit = v }),
        TrainingKey.Flag("group_by_length", "whether to batch examples of similar length, for less padding",
            o => o.GroupByLength, (o, v) => o with { GroupByLength = v }),
        TrainingKey.Flag("packing", "whether the examples of a micro-batch are laid end to end without padding; equal results",
            o => o.Packing, (o, v) => o with { Packing = v }) with { Omitted = "true" },
        TrainingKey.WordOrNone("compute",
            "arithmetic of products with the frozen base weights: fp32; bf16, fast on processors with "
            + "bf16 units; int8; auto, the fastest on this machine by measurement, which doctor shows",
            o => o.Arithmetic, (o, v) => o with { Arithmetic = v }, TrainingOptions.ArithmeticWords,
                "auto") with { Omitted = "fp32" },
        TrainingKey.Whole("seed", 0, "random seed of initialization, shuffling and dropout",
            o => o.Seed, (o, v) => o with { Seed = v }),
        TrainingKey.Flag("gradient_checkpointing",
            "whether to recompute activations in the backward pass instead of storing them: slower, much less memory",
            o => o.GradientCheckpointing, (o, v) => o with { GradientCheckpointing = v }),
        TrainingKey.Whole("threads", 1, "number of CPU threads; default: one for each core",
            o => o.Threads, (o, v) => o with { Threads = v }),
        TrainingKey.Flag("skip_bad", "whether to skip and report invalid records; otherwise the first one stops the run",
            o => o.SkipBad, (o, v) => o with { SkipBad = v }),
    ];

    public static readonly DataKey[] Data =
    [
        DataKey.FilePath("path", "a file",
            "data: JSON, JSON Lines, CSV, TSV or Parquet, optionally .gz or .zst; a file, a folder, or a pattern such as "
                + "data/*.csv",
            d => d.Path, (d, v) => d with { Path = v }),
        DataKey.Text("name", "a text", "name in studies; default: the source or the file's name",
            d => d.Name, (d, v) => d with { Name = v }),
        DataKey.Text("source", "a set of the collection, or a file", "data set such as alpaca-cleaned, in its published format",
            d => d.Source, (d, v) => d with { Source = v }),
        DataKey.Number("weight", "a number above 0", v => v > 0, "relative frequency of its records; 2 is twice as often",
            d => d.Weight, (d, v) => d with { Weight = v }),
        DataKey.Number("share", "a number above 0, at most 1", v => v is > 0 and <= 1, "fraction of the mixture; replaces weight",
            d => d.Share, (d, v) => d with { Share = v }),
        DataKey.Text("group", "a name", "sources of one group divide one share by their weights and records",
            d => d.Group, (d, v) => d with { Group = v }),
        DataKey.Number("epochs", "a number above 0", v => v > 0, "passes in each training epoch; with shares or size the maximum",
            d => d.Epochs, (d, v) => d with { Epochs = v }),
        DataKey.Whole("limit", 1, "maximum number of records, after skip",
            d => d.Limit, (d, v) => d with { Limit = v }),
        DataKey.Whole("skip", 0, "number of records skipped at the start",
            d => d.Skip, (d, v) => d with { Skip = v }),
        DataKey.Choice("format", [.. RecordFormats.Names], "record format; default: recognised from the content",
            d => d.Format, (d, v) => d with { Format = v }),
        new("columns", "a map such as { instruction: q, output: a }", "column names in the file by field",
            ReadColumns, d => d.Columns.Count == 0 ? null
                : $"{{ {string.Join(", ", d.Columns.Select(c => $"{c.Key}: {Yaml.Text(c.Value)}"))} }}"),
    ];

    public static readonly MixtureKey[] Mixture =
    [
        MixtureKey.Word("order", "order of records from different sources",
            m => (MixtureOrder?)m.Order, (m, v) => m with { Order = v }),
        MixtureKey.Number("temperature", "a number above 0", v => v > 0,
            "sampling in proportion to records^(1 / temperature); above 1 favours small sources",
            m => m.Temperature, (m, v) => m with { Temperature = v }),
        MixtureKey.Whole("size", 1, "number of records in the mixture; sources are repeated or subsampled to reach it",
            m => m.Size, (m, v) => m with { Size = v }),
    ];

    public static readonly ModelKey[] Model =
    [
        ModelKey.FilePath("path", "a Hugging Face model folder", "model folder to train",
            m => m.Path, (m, v) => m with { Path = v }),
        ModelKey.FilePath("init", "a config.json",
            "model configuration for training from scratch with random weights; needs tokenizer and adapter: none",
            m => m.Init, (m, v) => m with { Init = v }),
        ModelKey.FilePath("tokenizer", "a folder or a tokenizer file", "tokenizer folder or file; default: the model folder's",
            m => m.Tokenizer, (m, v) => m with { Tokenizer = v }),
    ];

    public static readonly RecipeKeyOf[] Root =
    [
        new("model", "a Hugging Face model folder, or a map", "model to train",
            (r, node, context) => r with { Model = Section.Read(node, Model, "path", new ModelSpec(), context) },
            r => Section.Short(r.Model, Model, "path")),
        new("template", "the name of a prompt template, a file, or model",
            "prompt template; default: the model's template, else alpaca",
            (r, node, context) => node is ConfigurationNode.Scalar { Text.Length: > 0 } s
                ? r with { Template = Template(s, context) }
                : context.Wrong(r, node, "the name of a prompt template, a file, or model"),
            r => r.Template is null ? null : Yaml.Text(r.Template)),
        new("data", "a list of files, or of maps", "training data, one or more sources",
            (r, node, context) => r with { Data = ReadList(node, context) }, r => WriteList(r.Data)),
        new("mixture", "a map", "mixing of the training data sources",
            (r, node, context) => r with { Mixture = Section.Read(node, Mixture, null, new MixtureSpec(), context) },
            r => r.Mixture == new MixtureSpec() ? null : Section.Flow(r.Mixture, Mixture)),
        new("validation", "a list of files, or of maps", "separate validation data; alternatively training.validation_size",
            (r, node, context) => r with { Validation = ReadList(node, context) },
            r => r.Validation.Count == 0 ? null : WriteList(r.Validation)),
        new("adapter", "lora or another method, none, or a map", "adapter method with its settings, or none for full tuning",
            (r, node, context) => r with { Adapter = AdapterRecipe.Read(node, context) }, r => r.Adapter.ToString()),
        RecipeKeyOf.WordOrNone<QuantizationType>("quantization",
            "quantization of the frozen linear layers while loading: 8-bit int8, 4-bit nf4 or fp4, or none",
            r => r.Quantization, (r, v) => r with { Quantization = v }),
        new("device", DeviceChoice.Allowed,
            "device to compute on; auto: the first CUDA device where there is one, else the CPU",
            (r, node, context) => node is ConfigurationNode.Scalar s && DeviceChoice.IsWord(s.Text)
                ? r with { Device = s.Text } : context.Wrong(r, node, DeviceChoice.Allowed),
            // Defaults are not written, so that recipes and cells of earlier versions keep their fingerprints.
            r => r.Device == DeviceChoice.Auto ? null : Yaml.Text(r.Device)),
        RecipeKeyOf.Word<ActivationType>("dtype",
            "type of the activations between layers; adapters, norms, softmax, loss and optimizer are float32; default: float32",
            r => r.Dtype == ActivationType.Float32 ? null : r.Dtype, (r, v) => r with { Dtype = v }, DeviceChoice.Types),
        RecipeKeyOf.Word<SavedType>("save_dtype", "element type of the saved model with adapter: none; default: float32",
            r => r.SaveDtype, (r, v) => r with { SaveDtype = v }),
        new("training", "a map", "training options",
            (r, node, context) => r with { Training = Section.Read(node, Training, null, new TrainingOptions(), context) },
            r => Section.Block(r.Training, Training)),
        RecipeKeyOf.Text("output", "a folder", "run folder; a relative path starts from the current folder",
            r => r.Output, (r, v) => r with { Output = v }),
    ];

    /// <summary>The keys for the documentation.</summary>
    public static IEnumerable<DocumentedKey> Documented() =>
    [
        // Sections with separate defaults follow key by key.
        .. Section.Document("", Root, new Recipe()).Select(k => k.Name switch
        {
            "adapter" or "training" => k with { Default = "" },
            "device" => k with { Default = DeviceChoice.Auto },
            "dtype" => k with { Default = DeviceChoice.Types.Of(ActivationType.Float32) },
            _ => k,
        }),
        .. Section.Document("model.", Model, new ModelSpec()),
        .. AdapterSection.Document("adapter."),
        ContinuedAdapter.Documented,
        .. Section.Document("training.", Training, new TrainingOptions())
            .Select(k => k.Name == "training.objective" ? k with { Default = ObjectiveRegistry.All[0].Name } : k),
        .. Section.Document("data.", Data, new DataSpec()),
        .. Section.Document("mixture.", Mixture, new MixtureSpec()),
    ];

    /// <summary>The schema of recipes: short forms, synonyms of keys, and names for messages.</summary>
    public static readonly Schema Schema = new("recipe")
    {
        Shorthands = new Dictionary<string, string>
        {
            ["model"] = "path", ["data"] = "path", ["validation"] = "path", ["adapter"] = "method",
        },
        Lists = ["data", "validation"],
        Synonyms = OtherNames(),
        Remedies = OtherWords(),
        Others = [("recipe", "study", "study"), ("factors", "study", "study"), ("benchmarks", "study", "study")],
        Marks = ["model", "data", "adapter", "training"],
        Documented = Documented,
        Examples = ("training.learning_rate", "data.0.limit"),
        ExampleOverride = "training.learning_rate=1e-4",
    };

    // Names of these keys in other tools, for suggestions.
    private static Dictionary<string, string> OtherNames() => new()
    {
        ["base_model"] = "model", ["model_name_or_path"] = "model", ["prompt_template"] = "template",
        ["prompt_template_name"] = "template", ["data_path"] = "data", ["dataset"] = "data", ["output_dir"] = "output",
        ["file"] = "path", ["peft"] = "adapter", ["lora"] = "adapter",
        ["type"] = "method", ["r"] = "rank", ["lora_r"] = "rank", ["lora_alpha"] = "alpha",
        ["lora_dropout"] = "dropout", ["target_modules"] = "targets", ["lora_target_modules"] = "targets",
        ["rslora"] = "use_rslora", ["modules_to_save"] = "modules", ["layers_to_transform"] = "layers", ["init_r"] = "rank",
        ["target_r"] = "target_rank", ["num_virtual_tokens"] = "virtual_tokens", ["pre_seq_len"] = "virtual_tokens",
        ["bottleneck_size"] = "size", ["non_linearity"] = "activation", ["oft_block_size"] = "block_size",
        ["prefix_projection"] = "projection", ["encoder_hidden_size"] = "encoder_size", ["loraplus_lr_ratio"] = "lora_plus_ratio",
        ["base"] = "model", ["train_file"] = "data", ["train_data"] = "data", ["datasets"] = "data", ["output_path"] = "output",
        ["save_path"] = "output", ["lora_rank"] = "rank", ["epoch"] = "epochs", ["batch"] = "batch_size", ["bs"] = "batch_size",
        ["rate"] = "learning_rate", ["warmup"] = "warmup_ratio", ["cutoff"] = "cutoff_length", ["seq_len"] = "cutoff_length",
        ["max_len"] = "cutoff_length", ["sequence_len"] = "cutoff_length", ["val_size"] = "validation_size",
        ["lr"] = "learning_rate", ["num_epochs"] = "epochs", ["num_train_epochs"] = "epochs", ["steps"] = "max_steps",
        ["per_device_train_batch_size"] = "micro_batch_size", ["gradient_accumulation_steps"] = "batch_size",
        ["lr_scheduler_type"] = "schedule", ["lr_scheduler"] = "schedule", ["adam_beta1"] = "beta1", ["adam_beta2"] = "beta2",
        ["adam_epsilon"] = "epsilon", ["gradient_clipping"] = "max_grad_norm", ["optim"] = "optimizer",
        ["neftune_noise_alpha"] = "neftune_alpha", ["cutoff_len"] = "cutoff_length",
        ["max_seq_length"] = "cutoff_length", ["max_length"] = "cutoff_length", ["val_set_size"] = "validation_size",
    };

    // Words of other tools that are a value here, or several keys.
    private static Dictionary<string, string> OtherWords()
    {
        const string Four = "write quantization: nf4", Eight = "write quantization: int8",
            Prefix = "write adapter: prefix_tuning",
            Full = "write adapter: none to train every parameter",
            Type = "write dtype: bfloat16 for activations in bf16 (fast on GPUs); training.compute: bf16 or int8 sets the "
                + "arithmetic of products on the CPU, save_dtype the type of a saved model";
        return new()
        {
            ["qlora"] = "QLoRA is adapter: lora with quantization: nf4", ["4bit"] = Four, ["4-bit"] = Four, ["4"] = Four,
            ["int4"] = Four, ["load_in_4bit"] = Four, ["8bit"] = Eight, ["8-bit"] = Eight, ["8"] = Eight,
                ["load_in_8bit"] = Eight,
            ["prefix"] = Prefix, ["prefix-tuning"] = Prefix, ["prefixtuning"] = Prefix,
                ["prompt"] = "write adapter: prompt_tuning",
            ["prompt-tuning"] = "write adapter: prompt_tuning", ["p-tuning"] = "write adapter: p_tuning",
            ["ptuning"] = "write adapter: p_tuning", ["p-tuning-v2"] = "write adapter: p_tuning_v2",
            ["ptuning_v2"] = "write adapter: p_tuning_v2", ["full"] = Full, ["full_tuning"] = Full, ["finetune"] = Full,
            ["fp16"] = Type, ["bf16"] = Type, ["torch_dtype"] = Type,
        };
    }

    // One file or map is a list of one.
    private static IReadOnlyList<DataSpec> ReadList(ConfigurationNode node, KeyContext context)
    {
        var data = new List<DataSpec>();
        foreach (var (i, item) in node.AsList.Index())
        {
            var entry = context with { Name = $"{context.Name}.{i}" };
            var spec = Section.Read(item, Data, "path", new DataSpec { Line = item.Location.Line }, entry);
            if (item is ConfigurationNode.Mapping map && !map.Entries.Any(e => e.Name is "path" or "source"))
                context.Problems.Add(item.Location, $"{entry.Name} has no data; add path: FILE or source: SET");
            data.AddRange(RecipeSources.Resolve(spec, item, entry));
        }
        return data;
    }

    private static string? WriteList(IReadOnlyList<DataSpec> data) =>
        data.Count == 0 ? null : string.Concat(data.Select(d => $"\n  - {Section.Flow(d, Data)}"));

    // A template file is a path; a template's name is not.
    private static string Template(ConfigurationNode.Scalar node, KeyContext context) =>
        context.FilePath(node) is var path && File.Exists(path) ? path : node.Text;

    private static TrainingOptions ReadRoles(TrainingOptions options, ConfigurationNode node, KeyContext context)
    {
        var items = node is ConfigurationNode.Sequence list ? list.Items : [node];
        var roles = items.Select(item => item is ConfigurationNode.Scalar word ? RoleWords.Find(word.Text) : null).ToList();
        return roles.Count == 0 || roles.Contains(null)
            ? context.Wrong(options, node, "a list of " + string.Join(", ", RoleWords.All))
            : options with { TrainOnRoles = [.. roles.Select(role => role!.Value)] };
    }

    private static DataSpec ReadColumns(DataSpec data, ConfigurationNode node, KeyContext context)
    {
        var allowed = $"a map from {string.Join(", ", RecordFormats.Fields)} to the file's names";
        if (node is not ConfigurationNode.Mapping map
            || !map.Entries.All(e => e.Value is ConfigurationNode.Scalar { Text.Length: > 0 }))
            return context.Wrong(data, node, allowed);
        var columns = new Dictionary<string, string>();
        foreach (var entry in map.Entries)
            if (!RecordFormats.Fields.Contains(entry.Name))
                context.Problems.Add(entry.Location, $"{context.Name} has no field '{entry.Name}'; "
                    + Spelling.Suggestion(entry.Name, [.. RecordFormats.Fields]));
            else if (!columns.TryAdd(entry.Name, ((ConfigurationNode.Scalar)entry.Value).Text))
                context.Problems.Add(entry.Location, $"{context.Name}: {entry.Name} is given twice; keep one");
        return data with { Columns = columns };
    }
}
