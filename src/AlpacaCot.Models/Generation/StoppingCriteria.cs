using System.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Generation;

/// <summary>The criteria that end an answer: end tokens, stop strings and maximum length.</summary>
/// <param name="options">The options that contain the criteria.</param>
/// <param name="tokenizer">The tokenizer, for stop strings; null: stop strings are ignored.</param>
/// <param name="maxPositions">The longest sequence the model supports, in tokens.</param>
internal sealed class StoppingCriteria(GenerationOptions options, Tokenizer? tokenizer, int maxPositions)
{
    // A stop string that is a special token ends the answer as a token, because decoded text omits special tokens.
    private readonly int[] _tokens = [.. (options.EndTokens ?? (tokenizer?.EosId is { } eos ? [eos] : []))
        .Union(options.StopStrings.Select(stop => tokenizer?.TokenToId(stop) is { } id && tokenizer.IsSpecial(id) ? id : -1)
            .Where(id => id >= 0))];

    // Upper limit of tokens to decode for a stop string: a token has at least one byte, except for a few special ones.
    private readonly int _reach = options.StopStrings.Select(Encoding.UTF8.GetByteCount).DefaultIfEmpty(0).Max() + 8;

    /// <summary>The number of end tokens.</summary>
    public int Tokens => _tokens.Length;

    /// <summary>Whether a token ends the answer.</summary>
    public bool IsEnd(int token) => Array.IndexOf(_tokens, token) >= 0;

    /// <summary>Whether the answer is complete: its length limit is reached or its last token completes a stop string.</summary>
    /// <param name="length">The length of prompt and answer in tokens.</param>
    /// <param name="answer">The token ids of the answer.</param>
    public bool IsReached(int length, ReadOnlySpan<int> answer) => Left(length, answer.Length) <= 0 || Stops(answer);

    /// <summary>Whether a complete answer was cut because the model has no further positions.</summary>
    /// <param name="prompt">The length of the prompt in tokens.</param>
    /// <param name="answer">The token ids of the answer, without the end token.</param>
    public bool IsCut(int prompt, ReadOnlySpan<int> answer) =>
        prompt + answer.Length > maxPositions && answer.Length < options.MaxNewTokens && !Stops(answer);

    /// <summary>The number of tokens that may still be added.</summary>
    public int Left(int length, int answered) => Math.Min(options.MaxNewTokens - answered, maxPositions + 1 - length);

    /// <summary>The maximum length of prompt and answer, in tokens.</summary>
    public long LongestFrom(int prompt) => Math.Min(maxPositions, (long)prompt + options.MaxNewTokens);

    private bool Stops(ReadOnlySpan<int> answer)
    {
        if (tokenizer is null || options.StopStrings.Count == 0) return false;
        var text = tokenizer.Decode(answer[Math.Max(0, answer.Length - _reach)..]);
        return options.StopStrings.Any(stop => text.Contains(stop, StringComparison.Ordinal));
    }
}
