namespace AlpacaCot.Data.Collection;

/// <summary>Dolly 2.0: instructions written and answered by employees of Databricks.</summary>
internal static class Dolly
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        RecordSource.Pairs(new("dolly", "dolly 2.0", 15_015)
        {
            Aliases = ["dolly-15k", "databricks-dolly-15k", "databricks/databricks-dolly-15k", "dolly-2.0"], Original = true,
            Published = "databricks/databricks-dolly-15k", RawFormat = "JSON lines of instruction, context, response, category",
            Licence = "CC BY-SA 3.0", Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.HG,
            Type = "questions on a text, summaries, ideas, ...", Tags = ["general", "qa", "human"],
        }, "instruction", "response", "context"),
    ];
}
