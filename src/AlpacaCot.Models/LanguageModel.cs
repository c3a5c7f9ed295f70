using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Models;

/// <summary>
/// A model ready for generation: weights, tokenizer, an optional adapter, and the prompt template.
/// </summary>
/// <remarks>
/// Several threads may generate and score with one model concurrently, each with its own generator and prompt cache; see
/// <see cref="CausalModel"/>.
/// </remarks>
public sealed class LanguageModel : IDisposable
{
    /// <summary>The file in an adapter or model folder with the prompt template used in training.</summary>
    public const string TemplateFile = ChatFormats.FileName;

    private const int MostBeyond = 1024;

    private readonly Tokenizer? _tokenizer;
    private readonly ModelFolder? _folder;
    private readonly Lazy<ChatFormatChoice> _template; // a model with a damaged template still works with token ids

    /// <summary>
    /// Combines the parts. The model is owned, as is the folder that its weights are mapped from. Without a tokenizer only token
    /// ids are supported.
    /// </summary>
    public LanguageModel(CausalModel model, Tokenizer? tokenizer, IChatFormat template, ModelFolder? folder = null)
        : this(model, tokenizer, new ChatFormatChoice(template, ChatFormatOrigin.Asked), folder)
    {
    }

    /// <summary>As above, with the origin of the template.</summary>
    public LanguageModel(CausalModel model, Tokenizer? tokenizer, ChatFormatChoice template, ModelFolder? folder = null)
        : this(model, tokenizer, new Lazy<ChatFormatChoice>(template), folder)
    {
    }

    private LanguageModel(CausalModel model, Tokenizer? tokenizer, Lazy<ChatFormatChoice> template, ModelFolder? folder)
    {
        if (tokenizer?.VocabularySize > model.Shape.Vocabulary)
            model.Notes = [.. model.Notes, Beyond(tokenizer, model.Shape.Vocabulary)];
        (Model, this._tokenizer, this._template, this._folder) = (model, tokenizer, template, folder);
    }

    /// <summary>The model.</summary>
    public CausalModel Model { get; }

    /// <summary>The tokenizer.</summary>
    /// <exception cref="InputException">There is no tokenizer; only token ids are supported.</exception>
    public Tokenizer Tokenizer => _tokenizer ?? throw new InputException(
        $"{_folder?.Path} contains no tokenizer (tokenizer.json or tokenizer.model); " +
            "pass one with --tokenizer, or pass token ids.");

    /// <summary>The checkpoint that the weights come from.</summary>
    /// <exception cref="InvalidOperationException">The model was not loaded from a checkpoint.</exception>
    public ModelFolder Checkpoint => _folder ?? throw new InvalidOperationException("the model was not loaded from a checkpoint");

    /// <summary>Whether there is a tokenizer.</summary>
    public bool HasTokenizer => _tokenizer is not null;

    /// <summary>The tokens that end an answer: those of the model folder's configuration, and the tokenizer's EOS.</summary>
    public IReadOnlyList<int> EndTokens =>
        [.. ConfiguredEnds(Companions.GenerationSettings).Concat(Ends(_folder?.Config ?? default)).Append(_tokenizer?.EosId ?? -1)
            .Where(id => id >= 0).Distinct()];

    /// <summary>The prompt template.</summary>
    /// <exception cref="InputException">The model's template is damaged.</exception>
    public IChatFormat Template => _template.Value.Format;

    /// <summary>The prompt template and where it comes from.</summary>
    /// <exception cref="InputException">The model's template is damaged.</exception>
    public ChatFormatChoice TemplateChoice => _template.Value;

    /// <summary>The adapter; null for none.</summary>
    public IAdapter? Adapter { get; private set; }

    /// <summary>Loads a model and, optionally, an adapter.</summary>
    /// <param name="modelPath">A Hugging Face folder, or another format that <see cref="ModelFolder.Open"/> reads.</param>
    /// <param name="adapterPath">A PEFT folder, or a run folder with one in <c>adapter/</c>.</param>
    /// <param name="template">A template's name or file; null: <see cref="ChatFormats.Resolve"/> decides.</param>
    /// <param name="tokenizerPath">The tokenizer's folder or file; null: the model folder's.</param>
    /// <param name="storage">The type of matrices in memory; null: as stored.</param>
    /// <param name="quantization">The quantization of linear layers; null: as stored.</param>
    /// <param name="compute">The device and activation type; null: the CPU in fp32.</param>
    /// <exception cref="InputException">A file is missing or damaged, or the parts do not fit together.</exception>
    public static LanguageModel Load(string modelPath, string? adapterPath = null, string? template = null,
        string? tokenizerPath = null, ScalarType? storage = null, QuantizationOptions? quantization = null,
        Compute? compute = null)
    {
        (modelPath, adapterPath) = ModelLocation.Of(modelPath, adapterPath);
        var folder = ModelFolder.Open(modelPath);
        CausalModel? model = null;
        try
        {
            var tokenizer = tokenizerPath is null && !TokenizerFiles.Has(modelPath)
                ? null : Tokenizer.Load(tokenizerPath ?? modelPath);
            var format = new Lazy<ChatFormatChoice>(() =>
                ChatFormats.Resolve(template, adapterPath, modelPath, tokenizerPath, tokenizer));
            if (template is not null) _ = format.Value;
            model = ModelFamilies.Build(folder.Config, new CheckpointWeights(folder), storage, quantization, compute);
            var loaded = new LanguageModel(model, tokenizer, format, folder);
            if (adapterPath is not null) loaded.Adapter = AdapterMethods.Load(model, adapterPath);
            return loaded;
        }
        catch
        {
            model?.Dispose();
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Encodes the prompt of a conversation that ends with the user's turn.</summary>
    public int[] EncodePrompt(Conversation conversation) =>
        new ExampleEncoder(Tokenizer, Template, new EncodingOptions { CutoffLength = int.MaxValue }).EncodePrompt(conversation);

    /// <summary>Decodes an answer, cut at the first stop string and trimmed.</summary>
    public string AnswerText(IReadOnlyList<int> ids)
    {
        var text = Tokenizer.Decode([.. ids]);
        var end = Template.Stop.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(i => i >= 0)
            .DefaultIfEmpty(text.Length).Min();
        return text[..end].Trim();
    }

    /// <summary>A generator over this model.</summary>
    public TextGenerator Generator => new(Model, _tokenizer, Draft?.Model);

    /// <summary>
    /// A draft model for speculative decoding: it proposes tokens, which this model verifies several at a time; owned.
    /// </summary>
    /// <exception cref="InputException">The two models have different tokenizers.</exception>
    public LanguageModel? Draft
    {
        get;
        set
        {
            if (value?._tokenizer is { } other && _tokenizer is not null && !SameTokens(_tokenizer, other))
                throw new InputException(
                    $"The draft model's tokenizer {other.Path} has other tokens than {_tokenizer.Path}: a draft " +
                    "model must be of the same family.");
            field = value;
        }
    }

    /// <summary>Disposes the draft model, adapter, weights and the files they are mapped from.</summary>
    public void Dispose()
    {
        Draft?.Dispose();
        Adapter?.Dispose();
        Model.Dispose();
        _folder?.Dispose();
    }

    // Llama 2's <pad> and the like: added tokens that the model never sees. A pass with one of them is an error.
    private static string Beyond(Tokenizer tokenizer, int embeddings)
    {
        List<int> added = [.. Enumerable.Range(embeddings, Math.Min(tokenizer.VocabularySize - embeddings, MostBeyond))];
        if (tokenizer.VocabularySize - embeddings > MostBeyond || tokenizer.FirstIdNotAdded(embeddings) is not null)
            throw new InputException($"The tokenizer in {tokenizer.Path} has {tokenizer.VocabularySize} tokens, " +
                $"but the model has only {embeddings} embeddings. Use the tokenizer of this model.");
        return $"{tokenizer.Path} adds {added.Count} token{(added.Count == 1 ? "" : "s")} " +
            $"({string.Join(", ", added.Take(3).Select(tokenizer.IdToToken))}{(added.Count > 3 ? ", .." : "")}) that the model "
                + $"has no embeddings for ({embeddings} rows); text with one of them is an error. `alpaca-cot extend` adds rows.";
    }

    private static bool SameTokens(Tokenizer a, Tokenizer b) =>
        Enumerable.Range(0, Math.Min(a.VocabularySize, b.VocabularySize)).All(id => a.IdToToken(id) == b.IdToToken(id));

    // eos_token_id is a number or, where several tokens end an answer, a list of numbers.
    private IEnumerable<int> ConfiguredEnds(string file)
    {
        if (_folder is null || Path.Combine(_folder.Path, file) is var path && !File.Exists(path)) return [];
        return Ends(ModelFolder.ReadObject(path));
    }

    private static IEnumerable<int> Ends(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object || !config.TryGetProperty("eos_token_id", out var ends)) return [];
        return ends.ValueKind switch
        {
            JsonValueKind.Number => Ids([ends]),
            JsonValueKind.Array => Ids(ends.EnumerateArray()),
            _ => [],
        };

        static IEnumerable<int> Ids(IEnumerable<JsonElement> values) =>
            [.. values.Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out var id) ? id : -1)];
    }

    /// <summary>The PEFT folder of a path that may be a run folder with one in <c>adapter/</c>.</summary>
    public static string AdapterIn(string path) => ModelLocation.AdapterOf(path);
}
