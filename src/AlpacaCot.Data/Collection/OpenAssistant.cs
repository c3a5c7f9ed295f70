using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>OpenAssistant: message trees written by volunteers; a tree branches where several people reply.</summary>
internal sealed class OpenAssistant : IInstructionSource
{
    public CatalogueEntry Entry { get; } = new("oasst1", "OpenAssistant conversations", 84_437)
    {
        Aliases = ["oasst", "open-assistant", "OpenAssistant/oasst1"], Published = "OpenAssistant/oasst1",
        Files = ["data/train*"],
        RawFormat = "JSON lines of trees (prompt with replies), or a record a message (message_id, parent_id, text, role, rank); "
            + "records are counted as messages",
        Licence = "Apache-2.0", Languages = SetLanguages.ML, Tasks = SetTasks.MT, Generation = SetGeneration.HG,
        Type = "dialogues by volunteers, with rankings of the answers",
        Tags = ["dialogue", "preference", "human", "multilingual"],
    };

    /// <summary>
    /// Extracts threads from a tree. User messages branch: each starts a thread of its own. Of several answers the best-ranked
    /// one is used; among the answers to the last question the worst-ranked one becomes the rejected answer.
    /// </summary>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options)
    {
        foreach (var (root, metadata, record) in Trees(path, options))
        {
            var found = false;
            foreach (var (turns, rejected) in Threads(root, []))
            {
                found = true;
                yield return new(turns) { Origin = record.Origin, Rejected = rejected, Metadata = metadata };
            }
            if (!found) options.OnLeftOut?.Invoke(record.Origin);
        }
    }

    private sealed record Message(string Id, string? Parent, Role Role, string Text, double Rank, bool Deleted)
    {
        public List<Message> Replies { get; } = [];
    }

    private static IEnumerable<(Message Root, IReadOnlyDictionary<string, JsonElement> Metadata, RawRecord Record)> Trees(
        string path, ConvertOptions options)
    {
        var flat = new List<Message>();
        (RawRecord Record, string Tree) first = (default, "");
        foreach (var record in RawFiles.Records(path, options.Reading))
        {
            var fields = new RawFields(record, options);
            Message message;
            try
            {
                message = fields.Has("prompt") ? Read(fields, fields.Element("prompt"), withReplies: true)
                    : Read(fields, record.Value, withReplies: false);
            }
            catch (InputException bad) when (options.Reading.SkipBad)
            {
                options.Reading.OnBadRecord?.Invoke(bad.Message);
                continue;
            }
            if (fields.Has("prompt"))
            {
                yield return (message, fields.Conversation().Metadata, record);
                continue;
            }
            // One record per message: the messages of a tree are adjacent, each after its parent.
            var tree = fields.TextOrEmpty("message_tree_id");
            if (flat.Count > 0 && (message.Parent is null || tree != first.Tree)) yield return Take();
            if (flat.Count == 0) first = (record, tree);
            else if (flat.Find(m => m.Id == message.Parent) is { } parent) parent.Replies.Add(message);
            else if (!options.Reading.SkipBad)
                throw fields.Bad($"its parent message {message.Parent} does not precede it");
            else
            {
                options.Reading.OnBadRecord?.Invoke($"{record.Origin}: its parent message does not precede it.");
                continue;
            }
            flat.Add(message);
        }
        if (flat.Count > 0) yield return Take();

        (Message, IReadOnlyDictionary<string, JsonElement>, RawRecord) Take()
        {
            var tree = (flat[0], TreeOf(first.Record.Value), first.Record);
            flat.Clear();
            return tree;
        }
    }

    private static OrderedDictionary<string, JsonElement> TreeOf(JsonElement message)
    {
        var metadata = new OrderedDictionary<string, JsonElement>();
        foreach (var name in new[] { "message_tree_id", "tree_state", "lang" })
            if (message.TryGetProperty(name, out var value)) metadata[name] = value;
        return metadata;
    }

    private static Message Read(RawFields fields, JsonElement json, bool withReplies)
    {
        var one = new RawFields(fields.Record with { Value = json }, fields.Options);
        var message = new Message(one.TextOrEmpty("message_id"),
            one.TextOrEmpty("parent_id") is { Length: > 0 } parent ? parent : null,
            one.Text("role") switch
            {
                "prompter" => Role.User,
                "assistant" => Role.Assistant,
                var other => throw fields.Bad($"unknown message role \"{other}\"; allowed: prompter, assistant"),
            },
            one.Text("text"),
            one.Element("rank") is { ValueKind: JsonValueKind.Number } rank ? rank.GetDouble() : double.PositiveInfinity,
            one.Element("deleted").ValueKind == JsonValueKind.True);
        if (withReplies)
            foreach (var reply in one.Items("replies")) message.Replies.Add(Read(fields, reply, withReplies: true));
        return message;
    }

    private static IEnumerable<(IReadOnlyList<Turn> Turns, string? Rejected)> Threads(Message asked, IReadOnlyList<Turn> before)
    {
        if (asked.Deleted) yield break;
        var answers = asked.Replies.Where(r => r is { Role: Role.Assistant, Deleted: false }).OrderBy(r => r.Rank).ToList();
        if (answers.Count == 0) yield break;
        IReadOnlyList<Turn> turns = [.. before, new Turn(asked.Role, asked.Text), new Turn(Role.Assistant, answers[0].Text)];
        var goesOn = false;
        foreach (var next in answers[0].Replies.Where(r => r.Role == Role.User))
            foreach (var thread in Threads(next, turns))
            {
                goesOn = true;
                yield return thread;
            }
        if (!goesOn) yield return (turns, double.IsFinite(answers[^1].Rank) && answers.Count > 1 ? answers[^1].Text : null);
    }
}
