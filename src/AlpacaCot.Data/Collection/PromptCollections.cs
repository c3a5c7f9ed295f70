namespace AlpacaCot.Data.Collection;

/// <summary>Collections that recast research data sets as prompts with target texts.</summary>
internal static class PromptCollections
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Pairs(new("xp3", "xP3", 78_883_588)
        {
            Aliases = ["bigscience/xP3"], Original = true, Published = "bigscience/xP3",
            RawFormat = "JSON lines of inputs, targets, a file for each language and task", Licence = "Apache-2.0",
            Languages = SetLanguages.ML, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "16 kinds of language tasks in 46 languages", Tags = ["nlp", "multilingual"],
        }, "inputs", "targets"),
        RecordSource.Pairs(new("flan-muffin", "FLAN-Muffin", 1_764_800)
        {
            Aliases = ["Muennighoff/flan"], Original = true, Published = "Muennighoff/flan",
            Files = ["train/*"],
            RawFormat = "JSON lines of inputs, targets, task",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "60 language tasks", Tags = ["nlp", "flan"],
        }, "inputs", "targets"),
        RecordSource.Pairs(new("firefly", "firefly", 1_649_398)
        {
            Aliases = ["YeungNLP/firefly-train-1.1M", "firefly-train-1.1M"], Original = true,
            Published = "YeungNLP/firefly-train-1.1M", RawFormat = "JSON lines of kind, input, target",
            Languages = SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "23 kinds of Chinese language tasks", Tags = ["nlp", "poetry", "culture"],
        }, "input", "target"),
        RecordSource.Pairs(new("pclue", "pCLUE", 1_200_705)
        {
            Original = true, Published = "https://github.com/CLUEbenchmark/pCLUE", Files = ["datasets/pCLUE_train_*.json"],
            RawFormat = "JSON lines of input, target, type, answer_choices",
            Languages = SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "nine Chinese benchmarks as prompts", Tags = ["nlp", "clue"],
        }, "input", "target"),
        RecordSource.Pairs(new("instruct", "instruct", 888_969)
        {
            Aliases = ["swype/instruct"], Original = true, Published = "swype/instruct",
            RawFormat = "JSON lines of prompt, completion, source", Licence = "MIT",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "Alpaca, GPT4All and other sets, augmented", Tags = ["general"],
        }, "prompt", "completion"),
    ];
}
