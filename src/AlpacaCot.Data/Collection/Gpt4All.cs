namespace AlpacaCot.Data.Collection;

/// <summary>GPT4All: prompts from other collections answered by GPT-3.5.</summary>
internal static class Gpt4All
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Pairs(new("gpt4all", "GPT4all", 806_199)
        {
            Aliases = ["gpt4all-prompt-generations"], Original = true, Published = "nomic-ai/gpt4all_prompt_generations",
            RawFormat = "Parquet or JSON lines of prompt, response, source", Licence = "Apache-2.0",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "code, stories, dialogue", Tags = ["general", "code", "gpt-3.5"],
        }, "prompt", "response"),
    ];
}
