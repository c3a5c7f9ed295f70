using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>ProsocialDialog: constructive answers to unsafe or problematic messages.</summary>
internal sealed class ProsocialDialog : IInstructionSource
{
    public CatalogueEntry Entry { get; } = new("prosocial-dialog", "prosocial dialog", 165_681)
    {
        Aliases = ["allenai/prosocial-dialog"], Original = true, Published = "allenai/prosocial-dialog",
        RawFormat = "JSON lines of context, response, rots, safety_label, dialogue_id; records are counted as responses",
        Licence = "CC BY 4.0", Languages = SetLanguages.EN, Tasks = SetTasks.TS, Generation = SetGeneration.MIX,
        Type = "answers to unsafe talk, with the rule of thumb behind each", Tags = ["dialogue", "safety"],
    };

    /// <summary>Joins the adjacent rows of a dialogue to one conversation.</summary>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options)
    {
        var turns = new List<Turn>();
        (JsonElement Dialogue, string Origin) current = (default, "");
        foreach (var record in RawFiles.Records(path, options.Reading))
        {
            (Turn[] Said, JsonElement Dialogue) row;
            try
            {
                row = Row(new RawFields(record, options));
            }
            catch (InputException bad) when (options.Reading.SkipBad)
            {
                options.Reading.OnBadRecord?.Invoke(bad.Message);
                continue;
            }
            if (turns.Count > 0 && !(row.Dialogue.ValueKind != JsonValueKind.Undefined
                && JsonElement.DeepEquals(row.Dialogue, current.Dialogue)))
            {
                yield return Whole();
                turns = [];
            }
            if (turns.Count == 0) current = (row.Dialogue, record.Origin);
            turns.AddRange(row.Said);
        }
        if (turns.Count > 0) yield return Whole();

        Conversation Whole() => new(turns)
        {
            Origin = current.Origin,
            Metadata = current.Dialogue.ValueKind == JsonValueKind.Undefined ? new OrderedDictionary<string, JsonElement>()
                : new OrderedDictionary<string, JsonElement> { ["dialogue_id"] = current.Dialogue },
        };
    }

    // Annotations of a response become turn metadata.
    private static (Turn[] Said, JsonElement Dialogue) Row(RawFields fields)
    {
        var (dialogue, context, response) = (fields.Element("dialogue_id"), fields.Text("context"), fields.Text("response"));
        var answer = new Turn(Role.Assistant, response) { Metadata = fields.Conversation().Metadata };
        return ([new Turn(Role.User, context), answer], dialogue);
    }
}
