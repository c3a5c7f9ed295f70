namespace AlpacaCot.Data.Formats;

/// <summary>What is read of records without an answer: the field is missing, null or empty.</summary>
public enum AnswerRule
{
    /// <summary>A missing or null answer is an error of the record. An empty text that the file states is kept.</summary>
    Stated,

    /// <summary>An empty answer is an error too: nothing can be learnt from it. For training.</summary>
    Filled,

    /// <summary>A missing or null answer is read as an empty one. For commands that count or remove such records.</summary>
    Optional,
}
