using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Reads Hugging Face's <c>tokenizer.json</c>.</summary>
internal sealed class TokenizerJson
{
    private static readonly string[] Rebuilding = ["Llama", "CodeLlama", "Gemma"];

    private readonly string _path;
    private readonly JsonElement _root;

    private TokenizerJson(string path, JsonElement root) => (_path, _root) = (path, root);

    /// <exception cref="InputException">An unsupported component, or inconsistent parts.</exception>
    public static TokenizerParts Read(string path, JsonElement root, TokenizerConfig config) =>
        new TokenizerJson(path, root).Build(config);

    private TokenizerParts Build(TokenizerConfig config)
    {
        var parts = new JsonComponents(_path);
        var preTokenizer = parts.PreTokenizer(_root.Member("pre_tokenizer"), out var endsInBytes);
        var model = new JsonModels(_path).Read(_root.Member("model"), endsInBytes, out var spellsBytes);
        if (endsInBytes && !spellsBytes) preTokenizer = Then(preTokenizer, new ByteSpelling());
        var added = AddedTokens(config, model);
        var template = Template(_root.Member("post_processor"), text => added.Find(t => t.Text == text)?.Id ?? model.Find(text));
        // Hugging Face's LLaMA classes rebuild the template from these two settings.
        var rebuilds = (config.AddsBos ?? config.AddsEos) is not null
            && Rebuilding.Any(name => config.Class?.StartsWith(name, StringComparison.Ordinal) == true);
        return new TokenizerParts
        {
            Path = _path,
            Model = model,
            PreTokenizer = preTokenizer,
            Normalizer = parts.Normalizer(_root.Member("normalizer")),
            AddedTokens = added,
            Decoding = new JsonDecoding(model, added, parts.Decoder(_root.Member("decoder"))),
            Template = rebuilds ? null : template,
            AddsBos = template.Before.Length > 0,
            Bos = added.Find(token => template.Before.Contains(token.Id))?.Text ?? FirstOf("<s>", "<|begin_of_text|>", "<bos>"),
            Eos = FirstOf("</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>"),
            Unknown = _root.Member("model").Text("unk_token") ?? FirstOf("<unk>"),
            Pad = FirstOf("<pad>", "[PAD]", "<|padding|>", "<|finetune_right_pad_id|>"),
        };

        string? FirstOf(params string[] names) => names.FirstOrDefault(name => added.Any(token => token.Text == name));
    }

    private static IPreTokenizer Then(IPreTokenizer? first, IPreTokenizer second) =>
        first is null ? second : new PreTokenizerSequence([first, second]);

    private List<AddedToken> AddedTokens(TokenizerConfig config, ITokenModel model)
    {
        var added = new List<AddedToken>();
        var list = _root.Member("added_tokens");
        if (list.ValueKind == JsonValueKind.Array)
        {
            foreach (var element in list.EnumerateArray())
            {
                if (!element.Member("id").TryGetInt32Value(out var id) || id < 0)
                    throw new InputException($"{_path}: an added token has no id: {element}.");
                if (AddedTokenJson.Read(element, id) is { } token) added.Add(token);
            }
        }
        // For a duplicate token the last settings apply; the configuration adds tokens that the file lacks.
        added = [.. added.GroupBy(t => t.Text).Select(g => g.Last())];
        if (added.GroupBy(t => t.Id).FirstOrDefault(g => g.Count() > 1) is { } same)
            throw new InputException(
                $"{_path}: the added tokens {string.Join(" and ", same.Select(t => t.Text))} have the same id, {same.Key}.");
        var texts = added.Select(t => t.Text).ToHashSet();
        var ids = added.Select(t => t.Id).ToHashSet();
        foreach (var token in config.AddedTokens)
        {
            if (texts.Contains(token.Text) || !ids.Add(token.Id)) continue;
            if (token.Id < model.Tokens.Count && model.Tokens[token.Id] is { } there && there != token.Text) continue;
            added.Add(token);
        }
        return added;
    }

    private (int[] Before, int[] After) Template(JsonElement element, Func<string, int?> find)
    {
        switch (element.Text("type"))
        {
            case null when element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null:
            case "ByteLevel":
                return ([], []);
            case "Sequence":
                var all = element.Member("processors").Elements().Select(member => Template(member, find)).ToList();
                return ([.. all.AsEnumerable().Reverse().SelectMany(t => t.Before)], [.. all.SelectMany(t => t.After)]);
            case "TemplateProcessing":
                return Around(element, find);
            case "BertProcessing" or "RobertaProcessing":
                return ([Pair("cls")], [Pair("sep")]);
            case var other:
                throw new InputException($"{_path}: the post-processor {other ?? "without a type"} is not supported.");
        }

        int Pair(string name) => element.Member(name) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
            && pair[1].TryGetInt32Value(out var id) ? id
            : throw new InputException($"{_path}: the post-processor's {name} must be [token, id].");
    }

    private (int[] Before, int[] After) Around(JsonElement element, Func<string, int?> find)
    {
        var (before, after, seen) = (new List<int>(), new List<int>(), false);
        foreach (var part in element.Member("single").Elements())
        {
            if (part.Member("Sequence").ValueKind == JsonValueKind.Object)
            {
                seen = true;
                continue;
            }
            var name = part.Member("SpecialToken").Text("id")
                ?? throw new InputException($"{_path}: a template part is neither a token nor a sequence: {part}.");
            var ids = element.Member("special_tokens").Member(name).Member("ids").Elements()
                .Select(id => id.TryGetInt32Value(out var value) ? value : -1).ToList();
            if (ids.Count == 0 && find(name) is { } known) ids.Add(known);
            if (ids.Count == 0 || ids.Contains(-1)) throw new InputException($"{_path}: the template's token {name} has no id.");
            (seen ? after : before).AddRange(ids);
        }
        return ([.. before], [.. after]);
    }
}
