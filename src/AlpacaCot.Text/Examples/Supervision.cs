using System.Globalization;
using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Examples;

/// <summary>Decides which turns of a record are supervised, before a template renders it.</summary>
internal static class Supervision
{
    private static readonly string[] SampleWeights =
        ["weight", "weights", "sample_weight", "sample_weights", "loss_weight", "loss_scale"];

    /// <summary>KTO's mark of a right or wrong answer, in the layouts of TRL and LLaMA-Factory.</summary>
    private static readonly string[] RightOrWrong = ["label", "kto_tag"];

    /// <summary>Sets <see cref="Turn.Learn"/> of the turns by the options, and applies the use of reasoning.</summary>
    /// <exception cref="InputException">The record has a mark that cannot be honoured.</exception>
    public static Conversation Applied(Conversation conversation, EncodingOptions options)
    {
        CheckRecord(conversation);
        conversation = WithReasoning(conversation, options.Reasoning);
        return options.TrainOn switch
        {
            TrainOn.Last => Marked(conversation, (turn, i) =>
                turn.Role == Role.Assistant && i < LastAnswer(conversation) ? false : turn.Learn == true
                    && turn.Role != Role.Assistant ? null : turn.Learn),
            TrainOn.Roles => Marked(conversation, (turn, _) => turn.Learn
                ?? (options.Roles.Contains(turn.Role) ? true : turn.Role == Role.Assistant ? false : null)),
            TrainOn.PerTurn when conversation.Turns.All(turn => turn.Learn is null) => throw Refusal(conversation,
                "no turn is marked as trained on (weight: 1 or train: true), which train_on: per-turn requires"),
            TrainOn.PerTurn => Marked(conversation, (turn, _) => turn.Learn ?? (turn.Role == Role.Assistant ? false : null)),
            _ => conversation,
        };
    }

    /// <summary>Applies the use of reasoning.</summary>
    /// <exception cref="InputException">A turn consists of reasoning only, and reasoning is left out.</exception>
    public static Conversation WithReasoning(Conversation conversation, ReasoningUse use)
    {
        if (use == ReasoningUse.Render || conversation.Turns.All(turn => turn.Reasoning.Length == 0)) return conversation;
        if (use == ReasoningUse.Mask)
            return conversation with
            {
                Turns = [.. conversation.Turns.Select(turn => turn with { MasksReasoning = turn.Reasoning.Length > 0 })],
            };
        var turns = conversation.Turns.Select(turn => turn with { Reasoning = "" }).ToList();
        var empty = turns.FindIndex(turn => turn is { Role: Role.Assistant, IsEmpty: true });
        return empty < 0 || conversation.Turns[empty].Reasoning.Length == 0 ? conversation with { Turns = turns }
            : throw Refusal(conversation, $"turn {empty + 1} consists of reasoning only, which reasoning: drop leaves out");
    }

    private static Conversation Marked(Conversation conversation, Func<Turn, int, bool?> learn) => conversation with
    {
        Turns = [.. conversation.Turns.Select((turn, i) => turn with { Learn = learn(turn, i) })],
    };

    private static int LastAnswer(Conversation conversation)
    {
        var last = conversation.Turns.Count - 1;
        while (last >= 0 && conversation.Turns[last].Role != Role.Assistant) last--;
        return last;
    }

    private static void CheckRecord(Conversation conversation)
    {
        foreach (var (i, turn) in conversation.Turns.Index())
            foreach (var (name, value) in turn.Metadata)
                if (LearningMarks.IsMark(name, value))
                    throw Refusal(conversation,
                        $"turn {i + 1}: its \"{name}\" is {Shown(value)}; allowed is {LearningMarks.Allowed(name)}");
        foreach (var (name, value) in conversation.Metadata)
        {
            // A number is more often a class than KTO's mark.
            if (RightOrWrong.Contains(name) && value.ValueKind != JsonValueKind.Number && LearningMarks.IsFalse(value))
                throw Refusal(conversation,
                    $"its \"{name}\" is false: the answer is marked as wrong, and training would teach it. "
                    + "Remove the record; skip_bad leaves such records out");
            if (SampleWeights.Contains(name) && !IsOne(value))
                throw Refusal(conversation,
                    $"its \"{name}\" is {Shown(value)}; weights of records are not supported, allowed is 1. "
                    + "Remove the field; the weight of a whole source is data: weight");
            if (LearningMarks.IsRecordMark(name) && LearningMarks.IsFalse(value))
                throw Refusal(conversation, $"its \"{name}\" is false: the record is not to be trained on. Remove the record; "
                    + "skip_bad leaves such records out");
        }
    }

    private static bool IsOne(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble() == 1,
        // A text that is no number, such as "70 kg", is a property of something else.
        JsonValueKind.String => !double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture,
            out var number)
            || number == 1,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.False => false,
        _ => true,
    };

    private static string Shown(JsonElement value) =>
        value.GetRawText() is { Length: > 40 } text ? text[..40] + "..." : value.GetRawText();

    private static InputException Refusal(Conversation conversation, string what) =>
        new((conversation.Origin.Length > 0 ? conversation.Origin + ": " : "") + what + ".");
}
