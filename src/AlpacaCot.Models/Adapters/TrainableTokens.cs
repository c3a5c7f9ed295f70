using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// PEFT's <c>trainable_token_indices</c>: the vectors of some tokens are replaced by trained ones, in the embedding and in a head
/// that is tied to it.
/// </summary>
internal static class TrainableTokens
{
    private const string Name = "trainable_token_indices";

    /// <summary>The saved field: a list of ids for the token embedding, or lists by module name.</summary>
    public static PeftField<LoraConfig> Field { get; } = new(Read, Write);

    /// <summary>Attaches the trained vectors to the embeddings.</summary>
    public static void Attach(LoraConfig config, AdapterBuilder builder)
    {
        foreach (var (module, ids) in config.TokenIndices)
        {
            var model = builder.Model;
            var table = module.Length == 0 ? model.WordEmbedding
                : model.Embeddings.Values.FirstOrDefault(e => new Targets { Modules = [module] }.Names(e.Name))
                    ?? throw new InputException($"{Name} names {module}; this model has the embeddings " +
                        $"{string.Join(", ", model.Embeddings.Keys)}.");
            var (tokens, width) = (table.Weight.shape[0], table.Weight.shape[1]);
            if (ids.FirstOrDefault(id => id >= tokens, -1) is var beyond and >= 0)
                throw new InputException($"{Name} has the token {beyond}; the base model has {tokens} embeddings. Extend the " +
                    "base with the " +
                    "adapter's tokens first: alpaca-cot extend.");
            if (config.TargetPattern != Targets.AllLinear && config.Targets.Names(table.Name))
                throw new InputException($"{Name} and target_modules both name {table.Name}; one adapter on an embedding " +
                    "is supported.");
            var places = builder.Own(Tensors.Of([.. ids.Select(id => (long)id)], model.Compute.Device));
            var vectors = builder.Train($"{table.Name}.token_adapter.trainable_tokens_delta", [ids.Count, width],
                () => table.Weight.index_select(0, places));
            var rows = new TokenRows(places, vectors);
            builder.Adapt(table, rows);
            if (table == model.WordEmbedding && model.Tie.IsTied) builder.Adapt(model.Head, rows);
        }
    }

    private static LoraConfig Read(LoraConfig config, PeftFields fields)
    {
        if (fields.Take(Name) is not { } value) return config;
        var indices = value.ValueKind switch
        {
            JsonValueKind.Array => new Dictionary<string, IReadOnlyList<int>> { [""] = Ids(value) },
            JsonValueKind.Object => value.EnumerateObject().ToDictionary(p => p.Name, p => Ids(p.Value)),
            _ => throw Wrong(),
        };
        return config with { TokenIndices = indices.Where(p => p.Value.Count > 0).ToDictionary() };

        IReadOnlyList<int> Ids(JsonElement list) => list.ValueKind != JsonValueKind.Array ? throw Wrong()
            : [.. list.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.Number
                && id.TryGetInt32(out var number) && number >= 0
                ? number : throw Wrong())];

        InputException Wrong() => fields.Fault(
            $"{Name} is {value.GetRawText()}; token ids are needed, as a list or as lists by module name.");
    }

    private static void Write(LoraConfig config, SortedDictionary<string, JsonNode?> fields)
    {
        if (config.TokenIndices.TryGetValue("", out var plain)) fields[Name] = PeftFields.List(plain);
        else if (config.TokenIndices.Count > 0) fields[Name] = PeftFields.Map(config.TokenIndices, ids => PeftFields.List(ids)!);
    }

    /// <summary>Rows of a table that are replaced by trained ones.</summary>
    private sealed class TokenRows(Tensor places, Tensor vectors) : IEmbeddingAdapter, ILinearAdapter
    {
        private readonly Dictionary<long, long> _rows =
            places.is_meta ? [] : places.cpu().data<long>().ToArray().Index().ToDictionary(p => p.Item, p => (long)p.Index);

        public Tensor Adapted(Tensor rows, Tensor ids)
        {
            var found = ids.cpu().data<long>().ToArray().Index().Where(p => _rows.ContainsKey(p.Item)).ToArray();
            if (found.Length == 0) return rows;
            var at = Tensors.Of([.. found.Select(p => (long)p.Index)], rows.device);
            var own = Tensors.Of([.. found.Select(p => _rows[p.Item])], rows.device);
            return rows.index_copy(0, at, vectors.index_select(0, own));
        }

        public Tensor Merged(Embedding layer) => layer.Weight.to(ScalarType.Float32).index_copy(0, places, vectors);

        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var logits = layer.Biased(layer.Product(x, pass.Mode));
            var own = nn.functional.linear(x, vectors);
            if (layer.Bias is { } bias) own = own.Plus(bias.index_select(0, places));
            return logits.index_copy(logits.dim() - 1, places, own);
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => (layer.Values().index_copy(0, places, vectors), layer.Bias);
    }
}
