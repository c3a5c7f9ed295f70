using AlpacaCot.Data.Preparation.Cleaning;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>Measurements of one record.</summary>
/// <param name="Language">Language of prompt and answers: ISO 639-1 code, or <c>und</c>.</param>
/// <param name="Task">See <see cref="TaskKind"/>.</param>
/// <param name="Opening">Root and object of the first instruction.</param>
/// <param name="Answers">Number of assistant turns.</param>
/// <param name="HasInput">Whether an instruction has an input.</param>
/// <param name="HasSystem">Whether there is a system turn.</param>
/// <param name="Characters">Prompt and answer lengths in Unicode characters, not UTF-16 units.</param>
/// <param name="Tokens">Prompt and answer lengths in tokens, without special tokens; 0 without a tokenizer.</param>
internal readonly record struct RecordMeasure(string Language, string Task, InstructionOpening Opening, int Answers,
    bool HasInput, bool HasSystem, (long Prompt, long Answer) Characters, (long Prompt, long Answer) Tokens)
{
    private const int LanguageCharacters = 1000;   // of each of the first two turns

    public static RecordMeasure Of(Conversation conversation, Tokenizer? tokenizer)
    {
        var (characters, tokens) = ((Prompt: 0L, Answer: 0L), (Prompt: 0L, Answer: 0L));
        foreach (var turn in conversation.Turns)
        {
            var (length, ids) = (0L, 0L);
            foreach (var part in (IEnumerable<string>)[turn.Reasoning, turn.Text, turn.Input,
                .. turn.Calls.Select(ConversationText.Call)])
            {
                length += Runes(part);
                ids += tokenizer is null ? 0 : Count(tokenizer, part);
            }
            if (turn.Role == Role.Assistant)
                (characters.Answer, tokens.Answer) = (characters.Answer + length, tokens.Answer + ids);
            else (characters.Prompt, tokens.Prompt) = (characters.Prompt + length, tokens.Prompt + ids);
        }
        var turns = conversation.Turns;
        var asked = turns.FirstOrDefault(turn => turn.Role == Role.User);
        return new(LanguageOf(turns), TaskKind.Of(conversation), asked is null ? new("", "") : InstructionOpening.Of(asked.Text),
            turns.Count(turn => turn.Role == Role.Assistant), turns.Any(turn => turn.Input.Length > 0),
            turns.Any(turn => turn.Role == Role.System), characters, tokens);
    }

    private static string LanguageOf(IReadOnlyList<Turn> turns)
    {
        Span<char> text = stackalloc char[4 * LanguageCharacters];
        var length = 0;
        foreach (var turn in turns.Where(turn => turn.Role is Role.User or Role.Assistant).Take(2))
            foreach (var part in (ReadOnlySpan<string>)[turn.Text, turn.Input])
            {
                var taken = part.AsSpan(0, Math.Min(part.Length, LanguageCharacters - 1));
                taken.CopyTo(text[length..]);
                text[length + taken.Length] = ' ';
                length += taken.Length + 1;
            }
        return LanguageIdentifier.Identify(text[..length]).Code;
    }

    private static int Count(Tokenizer tokenizer, string text) =>
        text.Length == 0 ? 0 : tokenizer.Encode(text, addSpecial: false, parseSpecial: false).Length;

    // A supplementary character is two UTF-16 units, the second a low surrogate.
    private static long Runes(string text)
    {
        var low = 0;
        foreach (var c in text) low += (c & 0xFC00) == 0xDC00 ? 1 : 0;
        return text.Length - low;
    }
}
