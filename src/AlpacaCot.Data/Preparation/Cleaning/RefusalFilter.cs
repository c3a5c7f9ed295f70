using System.Text.RegularExpressions;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Removes records whose answer starts with a refusal, because a few of them suffice to teach a model to refuse. Apologies that
/// are the requested content, as in a letter or story, pass.
/// </summary>
internal sealed partial class RefusalFilter : ICleaningFilter
{
    private const int Beginning = 200;   // number of characters searched

    public string Name => "refusal";

    public string Description => "an answer that begins by refusing, in English or Chinese";

    public FilterVerdict Check(Conversation record)
    {
        foreach (var turn in record.Turns)
        {
            if (turn.Role != Role.Assistant) continue;
            var beginning = turn.Text[..Math.Min(turn.Text.Length, Beginning)].Replace('’', '\'');
            if (FirstMatch(beginning) is { } words)
                return FilterVerdict.Remove($"the answer refuses: \"{words}\"", turn.Text);
        }
        return FilterVerdict.Keep;
    }

    private static string? FirstMatch(string beginning) =>
        English().Match(beginning) is { Success: true } english ? english.Value.Trim()
        : Chinese().Match(beginning) is { Success: true } chinese ? chinese.Value : null;

    [GeneratedRegex("""
        ^\W*(?:
          (?:i(?:'m|\ am)\ (?:\w+\ )?(?:sorry|afraid)|sorry|i\ apologi[sz]e|(?:my\ )?apologies|unfortunately)\b [^.!?\n]{0,60}?
            \b i(?:'m|\ am)?\ (?:cannot|can't|can\ not|could\ not|couldn't
              |do\ not|don't|won't|will\ not|am\ unable|unable|am\ not\ able|not\ able|not\ allowed)\b
          | (?:i'm\ sorry,?\ but\ )?(?:as|i\ am|i'm)\ (?:an?\ )?(?:ai|artificial\ intelligence|(?:large\ )?language\ model)\b
            [^.!?\n]{0,100}?
            \b(?:cannot|can't|can\ not|unable|not\ able|do\ not|don't|not\ possible|not\ capable|not\ appropriate)\b
          | i(?:'m|\ am)?\ (?:cannot|can't|can\ not|won't|will\ not|am\ unable\ to|unable\ to|not\ able\ to)
            \ (?:assist|help|provide|fulfil|fulfill|complete|comply
              |answer|generate|create|engage|support|perform|process|do\ this|do\ that)\b
          | (?:this|your)\ (?:request|question|task)\ (?:cannot|can't|could\ not)\ be\ (?:answered|completed|fulfilled|processed)
          | unable\ to\ (?:perform|complete|fulfil|fulfill|process|answer)\ this
          | it\ is\ not\ (?:possible|appropriate)\ for\ (?:me|an\ ai)\b
        )
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex English();

    [GeneratedRegex("""
        ^[^。！？\n]{0,12}(?:抱歉|对不起|很遗憾|不好意思)[^。！？\n]{0,30}?(?:我(?:无法|不能|没有办法|没办法|不会|不便)|无法(?:回答|提供|完成|满足|处理|为您)|不能(?:回答|提供|完成))
        |^[^。！？\n]{0,6}作为(?:一个|一名|一款)?(?:大型)?(?:人工智能|AI|语言模型|机器人|[^，。]{0,8}助手)[^。！？\n]{0,40}?(?:无法|不能|没有(?:能力|办法|实际|真正)|不具备)
        |^我(?:无法|不能)(?:回答|提供|完成|帮助|协助|满足|执行)
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Chinese();
}
