using System.Text.Json;

namespace AlpacaCot.Text.Conversations;

/// <summary>
/// The fields of a turn that say whether a model is trained to write it: <c>weight</c> (OpenAI), <c>loss_weight</c>
/// (LLaMA-Factory), <c>loss</c> and <c>loss_scale</c> (XTuner, ms-swift), <c>train</c> and <c>training</c> (axolotl),
/// <c>trainable</c>, <c>loss_mask</c> and <c>mask</c>.
/// </summary>
public static class LearningMarks
{
    private const string Mask = "mask";

    private static readonly string[] Record = ["train", "training", "trainable"];

    private static readonly string[] Names =
        ["weight", "loss_weight", "loss_scale", "loss", "loss_mask", "train_detail", Mask, .. Record];

    /// <summary>Reads a mark of a turn.</summary>
    /// <param name="name">The field's name.</param>
    /// <param name="value">The field's value.</param>
    /// <param name="role">The turn's role: OpenAI's weight concerns only assistant turns.</param>
    /// <param name="learn">Whether the turn is trained on; null where the mark says nothing.</param>
    /// <returns>False where the field is no mark, or its value is not understood; it must be kept then.</returns>
    public static bool TryRead(string name, JsonElement value, Role role, out bool? learn)
    {
        learn = null;
        if (!Names.Contains(name)) return false;
        if (!IsMark(name, value)) return true;
        learn = name == "train_detail" || (name == Mask && value.ValueKind == JsonValueKind.Number) ? null
            : IsTrue(value) ? name != Mask : IsFalse(value) ? name == Mask : null;
        if (learn is null) return false;
        if (name == "weight" && learn == true && role != Role.Assistant) learn = null;
        return true;
    }

    /// <summary>Whether a field that was kept with a turn is a mark with a value that is not understood.</summary>
    public static bool IsMark(string name, JsonElement value) => Names.Contains(name)
        && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined)
        && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);

    /// <summary>Whether a field of a record excludes it from training where it is false.</summary>
    internal static bool IsRecordMark(string name) => Record.Contains(name);

    /// <summary>The values that a mark may have, for messages.</summary>
    internal static string Allowed(string name) => name switch
    {
        "train_detail" => "no such field, because parts of a turn cannot be trained on alone",
        Mask => "true (not trained on) or false",
        _ => "0 (not trained on) or 1",
    };

    internal static bool IsFalse(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Number => value.GetDouble() == 0,
        JsonValueKind.String => value.GetString()!.Equals("false", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private static bool IsTrue(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.Number => value.GetDouble() == 1,
        JsonValueKind.String => value.GetString()!.Equals("true", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };
}
