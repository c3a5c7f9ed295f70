using System.Buffers;
using System.Security.Cryptography;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>
/// SHA-256 over the content and order of conversations: roles, texts, inputs and fields of the turns, and the rejected answer.
/// Origin and record metadata are excluded, so a mixture has the same fingerprint whether it is sampled again or read from the
/// file it was written to.
/// </summary>
public sealed class ConversationFingerprint : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>Fingerprint of a sequence, as lower-case hexadecimal.</summary>
    public static string Of(IEnumerable<Conversation> conversations)
    {
        using var fingerprint = new ConversationFingerprint();
        foreach (var conversation in conversations) fingerprint.Add(conversation);
        return fingerprint.ToString();
    }

    /// <summary>Adds the next conversation.</summary>
    public void Add(Conversation conversation)
    {
        _buffer.ResetWrittenCount();
        ConversationBytes.WriteDialogue(_buffer, conversation);
        _hash.AppendData(_buffer.WrittenSpan);
    }

    /// <summary>Fingerprint of the conversations added so far, as lower-case hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
