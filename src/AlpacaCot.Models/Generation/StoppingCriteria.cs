using System.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Generation;

/// <summary>Where answers end: at end tokens, at stop strings, and at the longest length.</summary>
/// <param name="options">What ends an answer.</param>
/// <param name="tokenizer">For stop strings; without it they are ignored.</param>
/// <param name="maxPositions">The longest sequence that the model reads.</param>
internal sealed class StoppingCriteria(GenerationOptions options, Tokenizer? tokenizer, int maxPositions)
{
    // A stop string that is a special token ends an answer as that token: decoded text leaves special tokens out.
    private readonly int[] _tokens = [.. (options.EndTokens ?? (tokenizer?.EosId is { } eos ? [eos] : []))
        .Union(options.StopStrings.Select(stop => tokenizer?.TokenToId(stop) is { } id && tokenizer.IsSpecial(id) ? id : -1)
            .Where(id => id >= 0))];

    // A token is at least a byte, apart from a few that are none.
    private readonly int _reach = options.StopStrings.Select(Encoding.UTF8.GetByteCount).DefaultIfEmpty(0).Max() + 8;

    /// <summary>How many tokens end an answer.</summary>
    public int Tokens => _tokens.Length;

    /// <summary>Whether this token ends the answer.</summary>
    public bool IsEnd(int token) => Array.IndexOf(_tokens, token) >= 0;

    /// <summary>Whether nothing can follow: the answer is full or its last token completes a stop string.</summary>
    /// <param name="length">Prompt and answer.</param>
    /// <param name="answer">The answer.</param>
    public bool IsReached(int length, ReadOnlySpan<int> answer) => Left(length, answer.Length) <= 0 || Stops(answer);

    /// <summary>How many more tokens there may be.</summary>
    public int Left(int length, int answered) => Math.Min(options.MaxNewTokens - answered, maxPositions + 1 - length);

    /// <summary>The longest that prompt and answer can become.</summary>
    public long LongestFrom(int prompt) => Math.Min(maxPositions, (long)prompt + options.MaxNewTokens);

    private bool Stops(ReadOnlySpan<int> answer)
    {
        if (tokenizer is null || options.StopStrings.Count == 0) return false;
        var text = tokenizer.Decode(answer[Math.Max(0, answer.Length - _reach)..]);
        return options.StopStrings.Any(stop => text.Contains(stop, StringComparison.Ordinal));
    }
}
