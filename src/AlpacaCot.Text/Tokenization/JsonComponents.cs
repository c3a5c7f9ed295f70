using System.Text;
using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Parses the normalizers, pre-tokenizers and decoders of a <c>tokenizer.json</c>.</summary>
internal sealed class JsonComponents(string path)
{
    public INormalizer? Normalizer(JsonElement element)
    {
        if (IsAbsent(element)) return null;
        switch (element.Text("type"))
        {
            case "Sequence":
                var members = element.Member("normalizers").Elements().Select(Normalizer);
                return new NormalizerSequence([.. members.OfType<INormalizer>()]);
            case "NFC": return Form(NormalizationForm.FormC);
            case "NFD": return Form(NormalizationForm.FormD);
            case "NFKC": return Form(NormalizationForm.FormKC);
            case "NFKD": return Form(NormalizationForm.FormKD);
            case "Lowercase": return new TextFunction(text => text.ToLowerInvariant());
            case "StripAccents": return new TextFunction(TextFunctions.StripAccents);
            case "Prepend": return new Prepend(Required(element, "prepend"));
            case "Replace":
                var (pattern, content) = (Pattern(element), Required(element, "content"));
                if (element.Member("pattern").Text("String") is { Length: 1 } from && content.Length == 1)
                    return new TextFunction(text => text.Replace(from[0], content[0]));
                return new TextFunction(text => TextFunctions.Replace(text, pattern, content));
            case "Strip":
                var (left, right) = (element.Flag("strip_left") ?? true, element.Flag("strip_right") ?? true);
                return new TextFunction(text => TextFunctions.Strip(text, left, right));
            case "Precompiled":
                var map = CharsMap(element);
                return map is null ? null : new TextFunction(text => TextFunctions.Precompiled(text, map));
            case "ByteLevel":
                return new TextFunction(text => ByteAlphabet.Spell(Encoding.UTF8.GetBytes(text)));
            case var other:
                throw Unknown("normalizer", other);
        }
    }

    /// <param name="element">The <c>pre_tokenizer</c> member.</param>
    /// <param name="endsInBytes">Whether the last step is byte-level; that step is left to the caller.</param>
    public IPreTokenizer? PreTokenizer(JsonElement element, out bool endsInBytes)
    {
        var steps = new List<IPreTokenizer>();
        endsInBytes = false;
        AddSteps(element, steps, ref endsInBytes);
        return steps.Count switch { 0 => null, 1 => steps[0], _ => new PreTokenizerSequence(steps) };
    }

    private void AddSteps(JsonElement element, List<IPreTokenizer> steps, ref bool bytes)
    {
        if (IsAbsent(element)) return;
        if (element.Text("type") == "Sequence")
        {
            foreach (var member in element.Member("pretokenizers").Elements()) AddSteps(member, steps, ref bytes);
            return;
        }
        // Steps after ByteLevel operate on its alphabet.
        if (bytes) steps.Add(new ByteSpelling());
        bytes = false;
        switch (element.Text("type"))
        {
            case "ByteLevel":
                if (element.Flag("add_prefix_space") ?? true) steps.Add(new SpaceInFront());
                if (element.Flag("use_regex") ?? true) steps.Add(new PatternSplit(WordPattern.Gpt2, SplitBehavior.Isolated));
                bytes = true;
                break;
            case "Split":
                steps.Add(new PatternSplit(Pattern(element), Behavior(element), element.Flag("invert") ?? false));
                break;
            case "Digits":
                steps.Add(new PatternSplit(CharacterPattern.Number,
                    element.Flag("individual_digits") == true ? SplitBehavior.Isolated : SplitBehavior.Contiguous));
                break;
            case "Metaspace":
                steps.Add(new Metaspace(Mark(element), Scheme(element), element.Flag("split") ?? true));
                break;
            case "Whitespace":
                steps.Add(new PatternSplit(new WordOrSymbolPattern(), SplitBehavior.Removed, invert: true));
                break;
            case "WhitespaceSplit":
                steps.Add(new PatternSplit(CharacterPattern.WhiteSpace, SplitBehavior.Removed));
                break;
            case "Punctuation":
                steps.Add(new PatternSplit(CharacterPattern.Punctuation, Behavior(element)));
                break;
            case "CharDelimiterSplit":
                steps.Add(new PatternSplit(new LiteralPattern(Required(element, "delimiter")), SplitBehavior.Removed));
                break;
            case var other:
                throw Unknown("pre-tokenizer", other);
        }
    }

    /// <summary>Factories of the decoder steps, in order.</summary>
    public IReadOnlyList<Func<DecoderStep>> Decoder(JsonElement element)
    {
        if (IsAbsent(element)) return [() => new JoinStep()];
        List<JsonElement> all = element.Text("type") == "Sequence" ? [.. element.Member("decoders").Elements()] : [element];
        var steps = new List<Func<DecoderStep>>();
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i].Text("type") != "Fuse")
            {
                steps.Add(Step(all[i]));
            }
            else if (i == all.Count - 2 && all[i + 1].Text("type") == "Strip")
            {
                var (content, start, stop) = Strip(all[++i]);
                steps.Add(() => new StripTextStep(content, start, stop));
            }
            else if (i < all.Count - 1)
            {
                steps.Add(() => new FuseStep());
            }
        }
        return steps.Count > 0 ? steps : [() => new TokenFunctionStep(token => token)];
    }

    private Func<DecoderStep> Step(JsonElement element)
    {
        switch (element.Text("type"))
        {
            case "ByteLevel": return () => new ByteLevelStep();
            case "ByteFallback": return () => new ByteFallbackStep();
            case "Metaspace":
                var (mark, drops) = (Mark(element), Scheme(element) != PrependScheme.Never);
                return () => new MetaspaceStep(mark, drops);
            case "BPEDecoder":
                var suffix = element.Text("suffix") ?? "</w>";
                return () => new SuffixStep(suffix);
            case "Strip":
                var (content, start, stop) = Strip(element);
                return () => new StripStep(content, start, stop);
            case "Replace":
                var (pattern, by) = (Pattern(element), Required(element, "content"));
                return () => new TokenFunctionStep(token => TextFunctions.Replace(token, pattern, by));
            case var other:
                throw Unknown("decoder", other);
        }
    }

    private (char Content, int Start, int Stop) Strip(JsonElement element)
    {
        var content = Required(element, "content");
        return content.Length == 1 && element.Member("start").TryGetInt32Value(out var start)
            && element.Member("stop").TryGetInt32Value(out var stop)
            ? (content[0], start, stop)
            : throw new InputException($"{path}: the decoder Strip requires a character, a start and a stop: {element}.");
    }

    private ITextPattern Pattern(JsonElement element)
    {
        var pattern = element.Member("pattern");
        if (pattern.Text("String") is { } literal) return new LiteralPattern(literal);
        if (pattern.Text("Regex") is not { } regex)
            throw new InputException($"{path}: a pattern is neither String nor Regex: {element}.");
        if (WordPattern.Find(regex) is { } known) return known;
        try
        {
            return new RegexPattern(regex);
        }
        catch (InputException e)
        {
            throw new InputException($"{path}: {e.Message}", e);
        }
    }

    private SplitBehavior Behavior(JsonElement element)
    {
        var name = element.Text("behavior") ?? nameof(SplitBehavior.Isolated);
        return Enum.TryParse<SplitBehavior>(name, out var behavior) ? behavior : throw Unknown("split behavior", name);
    }

    private static PrependScheme Scheme(JsonElement element) => element.Text("prepend_scheme") switch
    {
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        "always" => PrependScheme.Always,
        _ => element.Flag("add_prefix_space") == false ? PrependScheme.Never : PrependScheme.Always,
    };

    private char Mark(JsonElement element) => element.Text("replacement") switch
    {
        null => Characters.Space,
        [var mark] => mark,
        var other => throw new InputException($"{path}: Metaspace's replacement must be one character, not {other}."),
    };

    private CharsMap? CharsMap(JsonElement element)
    {
        var encoded = element.Text("precompiled_charsmap");
        if (string.IsNullOrEmpty(encoded)) return null;
        try
        {
            return new CharsMap(Convert.FromBase64String(encoded));
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            throw new InputException($"{path}: the precompiled character map is corrupt ({e.Message}).", e);
        }
    }

    private static TextFunction Form(NormalizationForm form) => new(text => UnicodeForms.Normalize(text, form));

    private static bool IsAbsent(JsonElement element) => element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    private string Required(JsonElement element, string name) =>
        element.Text(name) ?? throw new InputException($"{path}: {element.Text("type")} lacks {name}.");

    private InputException Unknown(string kind, string? name) =>
        new($"{path}: the {kind} {name ?? "without a type"} is not supported.");
}
