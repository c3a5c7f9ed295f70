using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Templates;

/// <summary>
/// Checks that a chat template renders the calls, results, tools and reasoning of a conversation: each is replaced by a word of
/// its own, which must be in the text. A template that ignores them would silently train an empty answer.
/// </summary>
internal sealed class RenderedContent
{
    private readonly List<(string Word, string What, bool IsReasoning)> _words = [];

    private RenderedContent(Conversation conversation)
    {
        var tools = conversation.Tools.Select((tool, i) => Tool(tool, Word($"tool definition {i + 1}"))).ToList();
        Conversation = conversation with
        {
            Tools = tools,
            Turns = [.. conversation.Turns.Select((turn, i) => turn with
            {
                Reasoning = turn.Reasoning.Length == 0 ? ""
                    : turn.Learn == false ? turn.Reasoning : Word($"the reasoning of turn {i + 1}", isReasoning: true),
                Text = turn.Role == Role.Tool && !string.IsNullOrWhiteSpace(turn.Text) ? Word($"the tool result of turn {i + 1}")
                    : turn.Text,
                Calls = [.. turn.Calls.Select((call, k) => call with
                {
                    Name = Word($"tool call {k + 1} of turn {i + 1}"),
                    Arguments = call.Arguments.ValueKind == JsonValueKind.Object && call.Arguments.EnumerateObject().Any()
                        ? JsonElement.Parse($"{{\"{Word($"the arguments of tool call {k + 1} of turn {i + 1}")}\": 0}}")
                        : call.Arguments,
                })],
            })],
        };
    }

    /// <summary>The conversation with the words in it.</summary>
    public Conversation Conversation { get; }

    /// <summary>The probe of a conversation; null where it is text only.</summary>
    public static RenderedContent? Probe(Conversation conversation) => conversation.Tools.Count > 0
        || conversation.Turns.Any(turn => turn.Role == Role.Tool || turn.Calls.Count > 0 || turn.Reasoning.Length > 0)
        ? new(conversation) : null;

    /// <summary>What is missing in the rendered text; null where nothing is.</summary>
    /// <param name="text">The rendering of <see cref="Conversation"/>.</param>
    /// <param name="mayDropReasoning">Whether earlier reasoning may be left out, as in prompts.</param>
    public string? Missing(string text, bool mayDropReasoning) => _words.FirstOrDefault(word =>
        !(word.IsReasoning && mayDropReasoning) && !text.Contains(word.Word, StringComparison.Ordinal)).What;

    /// <summary>Whether <see cref="Missing"/> gave the reasoning of a turn.</summary>
    public bool IsReasoning(string what) => _words.Any(word => word.What == what && word.IsReasoning);

    private string Word(string what, bool isReasoning = false)
    {
        var word = $"zq{_words.Count}x7f3a";
        _words.Add((word, what, isReasoning));
        return word;
    }

    private static JsonElement Tool(JsonElement tool, string name)
    {
        var isWrapped = tool.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object;
        var inner = (isWrapped ? function : tool).EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
        inner["name"] = JsonElement.Parse($"\"{name}\"");
        var changed = JsonSerializer.SerializeToElement(inner);
        return isWrapped ? JsonSerializer.SerializeToElement(new Dictionary<string, JsonElement>
        {
            ["type"] = JsonElement.Parse("\"function\""), ["function"] = changed,
        }) : changed;
    }
}
