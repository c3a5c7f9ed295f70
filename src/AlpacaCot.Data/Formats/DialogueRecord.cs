using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads records with a list of turns: ShareGPT, BELLE and LIMA (<c>conversations</c>), XTuner (<c>conversation</c>), UltraChat
/// (<c>data</c>), OpenAI (<c>messages</c>), TRL (<c>prompt</c> and <c>completion</c>), MT-bench (<c>turns</c>), self-instruct
/// seeds (<c>instances</c>), and preference pairs (<c>chosen</c> and <c>rejected</c>) in the layouts of LLaMA-Factory, TRL,
/// OpenAI and HH-RLHF. All other fields become metadata.
/// </summary>
internal sealed class DialogueRecord(string name, IReadOnlyDictionary<string, string> columns) : IRecordFormat
{
    public static readonly string[] Lists = ["conversations", "messages", "conversation", "dialog", "dialogue", "data"];

    /// <summary>Other names of the two answers: OpenAI's, and LLaMA-Factory's for lists of messages.</summary>
    public static readonly (string Theirs, string Ours)[] Answers =
    [
        ("preferred_output", "chosen"), ("non_preferred_output", "rejected"),
        ("chosen_messages", "chosen"), ("rejected_messages", "rejected"),
    ];

    public string Name => name;

    public string? Parse(ReadOnlySpan<byte> json, out Conversation? conversation)
    {
        conversation = null;
        if (JsonText.Read(json, out var record) is { } broken) return broken;
        if (record.ValueKind != JsonValueKind.Object) return $"it is {JsonText.Kind(record)}, expected an object";
        var fields = DialogueTurns.Fields(record, [FlatRecord.OtherFields]);
        foreach (var (own, given) in columns)
            if (own != given && fields.Remove(given, out var value)) fields[own] = value;
        var turns = new List<Turn>();
        RejectedAnswer? rejected = null;
        if (fields.TryGetValue("system", out var system) && system.ValueKind == JsonValueKind.String)
        {
            fields.Remove("system");
            if (system.GetString() is { Length: > 0 } text) turns.Add(new Turn(Role.System, text));
        }
        var problem = name switch
        {
            "preference" => ReadPreference(fields, turns, out rejected),
            "questions" => ReadQuestions(fields, turns),
            "self-instruct" => ReadInstance(fields, turns),
            _ => ReadList(fields, turns, out rejected),
        };
        if (problem is null && turns.Count == 0) problem = "it has no turns";
        if (problem is not null) return problem;
        if (record.TryGetProperty(FlatRecord.OtherFields, out var hidden)
            && FlatRecord.Decoded(hidden) is { ValueKind: JsonValueKind.Object } others)
            foreach (var field in DialogueTurns.Fields(others, [])) fields[field.Key] = field.Value;
        conversation = fields.Count == 0 ? new Conversation(turns) { Rejected = rejected }
            : new Conversation(turns) { Rejected = rejected, Metadata = fields };
        return null;
    }

    private string? ReadList(OrderedDictionary<string, JsonElement> fields, List<Turn> turns, out RejectedAnswer? rejected)
    {
        rejected = null;
        var key = Array.Find(Lists, fields.ContainsKey);
        if (key is null && fields.ContainsKey("completion") && fields.Remove("prompt", out var prompt))
        {
            if (ReadPrompt(prompt, "prompt", "", turns) is { } bad || (bad = ReadAnswer(fields, "completion", turns,
                out var said))
                is not null) return bad;
            turns.AddRange(said);
            return null;
        }
        if (key is null) return $"it has no \"{(name == "openai" ? "messages" : "conversations")}\"; {Has(fields)}";
        fields.Remove(key, out var list);
        if (ReadTurns(list, key, turns) is { } problem) return problem;
        if (!fields.ContainsKey("rejected")) return null;
        problem = ReadAnswer(fields, "rejected", [], out var lost);
        if (problem is null) rejected = new RejectedAnswer(lost);
        return problem;
    }

    /// <summary>Reads a list of turns; of texts alone (LIMA, UltraChat) the first is the user's, and they alternate.</summary>
    private static string? ReadTurns(JsonElement list, string key, List<Turn> turns)
    {
        list = FlatRecord.Decoded(list);
        if (list.ValueKind != JsonValueKind.Array) return $"its \"{key}\" is {JsonText.Kind(list)}, expected a list of turns";
        if (list.GetArrayLength() > 0 && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
        {
            foreach (var (i, text) in list.EnumerateArray().Index())
                turns.Add(new Turn(i % 2 == 0 ? Role.User : Role.Assistant, text.GetString()!));
            return null;
        }
        foreach (var (i, item) in list.EnumerateArray().Index())
            if (DialogueTurns.Read(item, turns) is { } problem) return $"\"{key}\", turn {i + 1}: {problem}";
        return null;
    }

    private static string? ReadPrompt(JsonElement prompt, string key, string input, List<Turn> turns)
    {
        prompt = key is "question" or "instruction" ? prompt : FlatRecord.Decoded(prompt);
        if (prompt.ValueKind != JsonValueKind.String) return ReadTurns(prompt, key, turns);
        if (!Transcript(prompt.GetString()!, turns)) turns.Add(new Turn(Role.User, prompt.GetString()!, input));
        return null;
    }

    private static string? ReadPreference(OrderedDictionary<string, JsonElement> fields, List<Turn> turns,
        out RejectedAnswer? rejected)
    {
        rejected = null;
        string? problem = null;
        var input = "";
        if (fields.TryGetValue("input", out var given) && FlatRecord.Decoded(given) is { ValueKind: JsonValueKind.Object } inner
            && inner.TryGetProperty("messages", out var messages))
        {
            fields.Remove("input");
            problem = ReadTurns(messages, "input.messages", turns);
        }
        else if (Array.Find([.. Lists, "prompt", "question", "instruction"], fields.ContainsKey) is { } key)
        {
            fields.Remove(key, out var prompt);
            if (key == "instruction" && given.ValueKind == JsonValueKind.String && fields.Remove("input"))
                input = given.GetString()!;
            problem = ReadPrompt(prompt, key, input, turns);
        }
        if (problem is not null) return problem;

        foreach (var (theirs, ours) in Answers)
            if (fields.Remove(theirs, out var value)) fields[ours] = value;
        if ((problem = ReadAnswer(fields, "chosen", turns, out var chosen)) is not null) return problem;
        if ((problem = ReadAnswer(fields, "rejected", turns, out var lost)) is not null) return problem;
        // Complete dialogues (HH-RLHF) repeat the prompt; without one, what they have in common is the prompt.
        var shared = 0;
        while (shared < Math.Min(chosen.Count, lost.Count) - 1 && Said(chosen[shared]) == Said(lost[shared])) shared++;
        var system = turns.Count > 0 && turns[0].Role == Role.System && chosen[0].Role != Role.System ? 1 : 0;
        if (chosen[0].Role != Role.Assistant || shared > 0)
        {
            if (!turns.Skip(system).Select(Said).SequenceEqual(chosen.Take(Math.Min(shared, turns.Count - system)).Select(Said)))
                return "its chosen dialogue does not begin with its prompt";
            turns.RemoveRange(system, turns.Count - system);
            turns.AddRange(chosen[..shared]);
            (chosen, lost) = (chosen[shared..], lost[shared..]);
        }
        if (chosen.Concat(lost).Any(turn => turn.Role is Role.User or Role.System))
            return "its chosen and rejected dialogues differ before their last answers";
        turns.AddRange(chosen);
        rejected = new RejectedAnswer(lost, chosen.Count);
        return null;

        static (Role, string, string, string, string) Said(Turn turn) => (turn.Role, turn.Text, turn.Input, turn.Reasoning,
            string.Join('\n', turn.Calls.Select(call => $"{call.Name} {call.ArgumentText}")));
    }

    /// <summary>Reads an answer: a string, a turn, a list of turns, or a complete dialogue in HH-RLHF's layout.</summary>
    private static string? ReadAnswer(OrderedDictionary<string, JsonElement> fields, string key, List<Turn> prompt,
        out List<Turn> turns)
    {
        turns = [];
        if (!fields.Remove(key, out var answer)) return $"it has no \"{key}\"; {Has(fields)}";
        var value = FlatRecord.Decoded(answer) is { ValueKind: not JsonValueKind.String } decoded && IsTurns(decoded) ? decoded
            : answer;
        if (value.ValueKind == JsonValueKind.String)
        {
            if (prompt.Count > 0 || !Transcript(value.GetString()!, turns))
                turns.Add(new Turn(Role.Assistant, value.GetString()!));
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            if (DialogueTurns.Read(value, turns) is { } wrong) return $"\"{key}\": {wrong}";
        }
        else if (value.ValueKind != JsonValueKind.Array)
            return $"its \"{key}\" is {JsonText.Kind(value)}, expected a text, a message or a list of messages";
        else if (ReadTurns(value, key, turns) is { } problem) return problem;
        return turns.Count == 0 || turns[^1].Role != Role.Assistant ? $"its \"{key}\" does not end with an answer" : null;

        static bool IsTurns(JsonElement json) => json.ValueKind switch
        {
            JsonValueKind.Object => json.TryGetProperty("role", out _) || json.TryGetProperty("from", out _),
            JsonValueKind.Array => json.GetArrayLength() > 0
                && json.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Object && IsTurns(e)),
            _ => false,
        };
    }

    /// <summary>Splits <c>\n\nHuman: ...\n\nAssistant: ...</c> into turns; false if the text has another form.</summary>
    private static bool Transcript(string text, List<Turn> turns)
    {
        const string Human = "\n\nHuman:", Assistant = "\n\nAssistant:";
        if (!text.StartsWith(Human, StringComparison.Ordinal)) return false;
        for (var at = 0; at < text.Length;)
        {
            var isHuman = text.AsSpan(at).StartsWith(Human);
            var start = at + (isHuman ? Human : Assistant).Length;
            var (human, assistant) = (text.IndexOf(Human, start, StringComparison.Ordinal),
                text.IndexOf(Assistant, start, StringComparison.Ordinal));
            at = human < 0 ? assistant < 0 ? text.Length : assistant : assistant < 0 ? human : Math.Min(human, assistant);
            var said = text[start..at];
            if (at < text.Length || said.Length > 0 || isHuman)
                turns.Add(new Turn(isHuman ? Role.User : Role.Assistant, said.StartsWith(' ') ? said[1..] : said));
        }
        return true;
    }

    private static string? ReadQuestions(OrderedDictionary<string, JsonElement> fields, List<Turn> turns)
    {
        var role = Role.User;
        if (!fields.Remove("turns", out var list))
        {
            role = Role.Assistant;
            if (!fields.Remove("choices", out var choices) || choices.ValueKind != JsonValueKind.Array
                || choices.GetArrayLength() != 1
                || choices[0].ValueKind != JsonValueKind.Object || !choices[0].TryGetProperty("turns", out list))
                return $"it has neither \"turns\" nor one of \"choices\" with \"turns\"; {Has(fields)}";
            var others = DialogueTurns.Fields(choices[0], ["turns"]);
            if (others.Count > 0) fields["choice"] = JsonSerializer.SerializeToElement(others);
        }
        if (list.ValueKind != JsonValueKind.Array || list.EnumerateArray().Any(e => e.ValueKind != JsonValueKind.String))
            return "its \"turns\" is not a list of strings";
        turns.AddRange(list.EnumerateArray().Select(text => new Turn(role, text.GetString()!)));
        return null;
    }

    private static string? ReadInstance(OrderedDictionary<string, JsonElement> fields, List<Turn> turns)
    {
        if (!fields.Remove("instruction", out var instruction) || instruction.ValueKind != JsonValueKind.String
            || !fields.Remove("instances", out var instances) || instances.ValueKind != JsonValueKind.Array
            || instances.GetArrayLength() == 0)
            return $"it has no \"instruction\" with \"instances\"; {Has(fields)}";
        var first = instances[0];
        if (first.ValueKind != JsonValueKind.Object || !first.TryGetProperty("output", out var output)
            || output.ValueKind != JsonValueKind.String)
            return "its first instance has no \"output\"";
        var input = first.TryGetProperty("input", out var given) && given.ValueKind == JsonValueKind.String
            ? given.GetString()! : "";
        turns.AddRange(Conversation.Instruction(instruction.GetString()!, input, output.GetString()!).Turns);
        var others = DialogueTurns.Fields(first, ["input", "output"]);
        // The first instance becomes the conversation; if there is more, the whole list is kept as metadata.
        if (instances.GetArrayLength() > 1 || others.Count > 0) fields["instances"] = instances;
        return null;
    }

    private static string Has(OrderedDictionary<string, JsonElement> fields) =>
        fields.Count == 0 ? "it is empty" : "it has " + string.Join(", ", fields.Keys.Take(8)) + (fields.Count > 8
            ? ", ..." : "");
}
