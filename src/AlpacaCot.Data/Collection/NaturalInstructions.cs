using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Natural Instructions: 1,600 tasks, each with a definition and up to thousands of instances.</summary>
internal static class NaturalInstructions
{
    public static readonly IReadOnlyList<IInstructionSource> Sets =
    [
        new RecordSource(new("natural-instructions", "Natural Instructions", 5_040_134)
        {
            Aliases = ["super-natural-instructions", "niv2", "natural-instructions-v2"], Original = true,
            Published = "https://github.com/allenai/natural-instructions", Files = ["tasks/*.json"],
            RawFormat = "a JSON object a task: Definition, Instances (input, output), ...; or lines of definition, inputs, ...",
            Licence = "Apache-2.0", Languages = SetLanguages.ML, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
            Type = "language tasks of 76 kinds with definitions by experts", Tags = ["nlp", "multilingual", "human"],
        }, Convert, wholeFiles: true),
    ];

    private static readonly string[] Kept =
        ["Categories", "Domains", "Input_language", "Output_language", "Instruction_language"];

    private static IEnumerable<Conversation> Convert(RawFields fields) => fields.Has("Instances") ? Task(fields)
        : [fields.Instruction(fields.Text("definition"), fields.TextOrEmpty("inputs"), fields.Text("targets"))];

    private static IEnumerable<Conversation> Task(RawFields fields)
    {
        var definition = Join(fields, fields.Element("Definition"), "Definition", "\n");
        var task = JsonSerializer.SerializeToElement(RawFiles.Stem(fields.Record.File));
        foreach (var (i, instance) in fields.Items("Instances").Index())
        {
            var one = new RawFields(fields.Record with { Value = instance, Number = i + 1 }, fields.Options);
            var output = one.Element("output");
            var all = output.ValueKind == JsonValueKind.Array
                ? output.EnumerateArray().Select(text => one.AsText(text, "output")).ToList() : [one.Text("output")];
            if (all.Count == 0) continue;
            var conversation = one.Instruction(definition, one.Text("input"), all[0]);
            var metadata = new OrderedDictionary<string, JsonElement>(conversation.Metadata) { ["task"] = task };
            foreach (var name in Kept)
                if (fields.Has(name)) metadata[name] = fields.Element(name);
            if (all.Count > 1) metadata["outputs"] = output;   // all reference answers
            yield return conversation with { Metadata = metadata };
        }
    }

    private static string Join(RawFields fields, JsonElement value, string name, string between) =>
        value.ValueKind == JsonValueKind.Array
            ? string.Join(between, value.EnumerateArray().Select(text => fields.AsText(text, name))) : fields.Text(name);
}
