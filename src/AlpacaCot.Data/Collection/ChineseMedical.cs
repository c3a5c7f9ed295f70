namespace AlpacaCot.Data.Collection;

/// <summary>Chinese medical dialogue: patients' questions with doctors' answers.</summary>
internal static class ChineseMedical
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("chinese-medical", "Chinese-medical", 792_099)
        {
            Aliases = ["chinese-medical-dialogue-data"], Original = true,
            Published = "https://github.com/Toyhom/Chinese-medical-dialogue-data",
            Files = ["Data_*.csv"], Licence = "MIT",
            RawFormat = "CSV of department, title, ask, answer (published in GB18030: convert to UTF-8 first)",
            Languages = SetLanguages.CN, Tasks = SetTasks.TS, Generation = SetGeneration.COL,
            Type = "questions of patients with answers of doctors", Tags = ["medicine", "qa"],
        }, fields =>
        {
            // If the question is empty or "无" (none), the title is the question.
            var (title, ask) = (fields.TextOrEmpty("title").Trim(), fields.TextOrEmpty("ask").Trim());
            return fields.Instruction(ask is "" or "无" ? title : ask, "", fields.Text("answer"));
        }),
    ];
}
