namespace AlpacaCot.Data.Collection;

/// <summary>GPTeacher: general, role-play, code and tool instructions from GPT-4.</summary>
internal static class GpTeacher
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("gpteacher", "GPTeacher", 29_013)
        {
            Original = true, Published = "https://github.com/teknium1/GPTeacher",
            Files =
            [
                "Instruct/gpt4-instruct-dedupe-only-dataset.json", "Roleplay/roleplay-simple-deduped-roleplay-instruct.json",
                "Codegen/codegen-instruct.json", "Toolformer/toolformer-dedupe-only-dataset.json",
            ],
            RawFormat = "JSON array of instruction, input, response (output in the tool set)", Licence = "MIT",
            Languages = SetLanguages.EN, Tasks = SetTasks.MT, Generation = SetGeneration.SI,
            Type = "general instructions, role-play, code, use of tools",
            Tags = ["general", "role-play", "code", "tools", "gpt-4"],
        }, fields => fields.Instruction(fields.Text("instruction"), fields.TextOrEmpty("input"),
            fields.Text("response", "output")),
            ownInstructions: true),
    ];
}
