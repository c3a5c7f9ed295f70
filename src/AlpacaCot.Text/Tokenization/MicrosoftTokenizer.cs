using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// A <see cref="Tokenizer"/> for whoever expects the tokenizer of <c>Microsoft.ML.Tokenizers</c>. Offsets count in the
/// normalized text, which every call returns. Normalization and pre-tokenization are part of what a model has learned, so a
/// request to leave them out is not followed.
/// </summary>
/// <param name="tokenizer">Does the work.</param>
/// <param name="addSpecial">Add the begin and end tokens that the reference adds by itself; their offsets are empty.</param>
/// <param name="parseSpecial">Text that spells a special token becomes that token.</param>
public sealed class MicrosoftTokenizer(Tokenizer tokenizer, bool addSpecial = false, bool parseSpecial = true)
    : Microsoft.ML.Tokenizers.Tokenizer
{
    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(
        string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var (ids, ranges, normalized) = tokenizer.EncodeWithRanges(text ?? textSpan.ToString(), addSpecial, parseSpecial);
        var count = Math.Min(ids.Count, settings.MaxTokenCount);
        var tokens = new EncodedToken[count];
        for (var i = 0; i < count; i++)
            tokens[i] = new EncodedToken(ids[i], tokenizer.IdToToken(ids[i]), ranges[i].Start..ranges[i].End);
        return new EncodeResults<EncodedToken>
        {
            Tokens = tokens,
            NormalizedText = normalized,
            CharsConsumed = count == ids.Count ? normalized.Length : count == 0 ? 0 : ranges[count - 1].End,
        };
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        if (settings.MaxTokenCount == int.MaxValue)
        {
            text ??= textSpan.ToString();
            var ids = tokenizer.Encode(text, addSpecial, parseSpecial);
            return new EncodeResults<int> { Tokens = ids, CharsConsumed = text.Length };
        }
        var all = EncodeToTokens(text, textSpan, settings);
        return new EncodeResults<int>
        {
            Tokens = [.. all.Tokens.Select(token => token.Id)],
            NormalizedText = all.NormalizedText,
            CharsConsumed = all.CharsConsumed,
        };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) =>
        Math.Min(settings.MaxTokenCount, tokenizer.Encode(text ?? textSpan.ToString(), addSpecial, parseSpecial).Length);

    /// <inheritdoc/>
    protected override int GetIndexByTokenCount(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd,
        out string? normalizedText, out int tokenCount)
    {
        var (ids, ranges, normalized) = tokenizer.EncodeWithRanges(text ?? textSpan.ToString(), addSpecial, parseSpecial);
        normalizedText = normalized;
        tokenCount = Math.Min(ids.Count, settings.MaxTokenCount);
        if (tokenCount == ids.Count) return fromEnd ? 0 : normalized.Length;
        return fromEnd ? ranges[ids.Count - tokenCount].Start : ranges[tokenCount].Start;
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids) => tokenizer.Decode([.. ids]);

    /// <inheritdoc/>
    public override OperationStatus Decode(
        IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var decoder = tokenizer.StreamDecoder();
        (idsConsumed, charsWritten) = (0, 0);
        var seen = 0;
        foreach (var id in ids)
        {
            seen++;
            var text = decoder.Add(id);
            if (text.Length == 0) continue;
            if (!text.TryCopyTo(destination[charsWritten..])) return OperationStatus.DestinationTooSmall;
            charsWritten += text.Length;
            idsConsumed = seen;
        }
        var rest = decoder.Flush();
        if (!rest.TryCopyTo(destination[charsWritten..])) return OperationStatus.DestinationTooSmall;
        charsWritten += rest.Length;
        idsConsumed = seen;
        return OperationStatus.Done;
    }
}
