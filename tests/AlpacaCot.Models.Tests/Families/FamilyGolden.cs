using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>The golden values of one architecture: a folder of shared/golden.</summary>
internal sealed class FamilyGolden(string folder)
{
    /// <summary>The architectures of the references.</summary>
    public static string[] Folders { get; } =
    [
        "llama", "llama_mha", "llama_mha_tied", "bloom", "bloom_6heads", "chatglm", "chatglm_v0", "chatglm2", "chatglm3", "moss",
        "baichuan_7b", "baichuan_13b", "baichuan2_7b", "baichuan2_13b", "internlm", "internlm2", "qwen", "qwen2", "qwen3",
        "qwen3_moe", "mistral", "mixtral", "gemma", "gemma2", "gemma3", "phi", "phi3", "gpt2", "gpt_neox", "gpt_neox_seq",
        "falcon_7b", "falcon_40b", "opt", "glm", "glm4", "olmo2", "stablelm", "starcoder2", "granite", "cohere", "codegen",
    ];

    public string Path(string file) => ReferenceData.Path($"golden/{folder}/{file}");

    public bool Has(string file) => File.Exists(System.IO.Path.Combine(ReferenceData.Path($"golden/{folder}"), file));

    public JsonElement Json(string file) => Golden.Json($"golden/{folder}/{file}");

    public Dictionary<string, Tensor> Tensors(string file) => Golden.Tensors($"golden/{folder}/{file}");

    public CausalModel Model(Action<JsonObject>? change = null, string config = "config.json", ScalarType? storage = null,
        Compute? compute = null) =>
        Golden.Model($"golden/{folder}/model", change, storage, config, compute);

    /// <summary>A batch by its name, the folder's own or the one that all share.</summary>
    public FamilyBatch Batch(string name)
    {
        var cases = (Has("inputs.json") ? Json("inputs.json") : Golden.Json("golden/inputs.json")).GetProperty("cases");
        var json = cases.GetProperty(name);
        var prefix = json.TryGetProperty("valid", out _); // ChatGLM's own masks hide padding on the left alone
        return new FamilyBatch(
            Golden.Rows(json, "input_ids"), Golden.Rows(json, prefix ? "valid" : "attention_mask"), Golden.Rows(json, "labels"))
        {
            Masked = !prefix || name == "leftpad",
            Positions = !prefix && json.TryGetProperty("position_ids", out _) ? Golden.Rows(json, "position_ids") : null,
        };
    }

    /// <summary>The largest difference of logits over all batches of a golden file, where tokens are real.</summary>
    public double LogitDifference(CausalModel model, string file)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var cases = Tensors(file).Where(t => t.Key.Split('.') is ["logits", _]);
        return cases.Max(c => Batch(c.Key["logits.".Length..]).LogitDifference(model, c.Value));
    }

    /// <summary>The same for norms of differences, relative to those of the golden logits.</summary>
    public double RelativeLogitDifference(CausalModel model, string file)
    {
        using var scope = NewDisposeScope();
        var cases = Tensors(file).Where(t => t.Key.Split('.') is ["logits", _]);
        return cases.Max(c => Batch(c.Key["logits.".Length..]).RelativeLogitDifference(model, c.Value));
    }

    /// <summary>The largest difference of losses.</summary>
    public double LossDifference(CausalModel model, string file)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return Json(file).GetProperty("loss").EnumerateObject()
            .Max(loss => Math.Abs(loss.Value.GetDouble() - Batch(loss.Name).Loss(model).item<float>()));
    }

    /// <summary>
    /// The largest difference of gradients, relative to their norms, or to 0.01 where a norm is less: a key's bias has none in
    /// theory.
    /// </summary>
    public double GradientDifference(
        CausalModel model, IReadOnlyDictionary<string, Tensor> weights, string file, Func<string, string> named)
    {
        using var scope = NewDisposeScope();
        var golden = Tensors(file).Where(t => t.Key.StartsWith("grad.", StringComparison.Ordinal)).ToDictionary();
        var (worst, compared) = (0.0, 0);
        foreach (var name in golden.Keys.Select(k => k.Split('.')[1]).Distinct())
        {
            foreach (var weight in weights.Values) weight.grad = null;
            Batch(name).Loss(model).backward();
            TestDevice.Synchronize();
            foreach (var (parameter, weight) in weights)
                if (golden.TryGetValue($"grad.{name}.{named(parameter)}", out var wanted))
                {
                    var found = weight.grad?.cpu() ?? zeros_like(wanted);
                    worst = Math.Max(worst, (found - wanted).norm().item<float>() / Math.Max(wanted.norm().item<float>(), 1e-2));
                    compared++;
                }
        }
        Assert.Equal(golden.Count, compared);
        return worst;
    }

    /// <summary>Whether greedy continuations are the same, one at a time and in a batch.</summary>
    public static bool GreedyEqual(CausalModel model, JsonElement golden)
    {
        var generator = new TextGenerator(model, null);
        var options = new GenerationOptions { MaxNewTokens = TestDevice.Tokens, EndTokens = [] };
        var equal = true;
        foreach (var way in golden.EnumerateObject().Where(w => w.Value.ValueKind == JsonValueKind.Object).Select(w => w.Value))
        {
            var prompts = Golden.Rows(way, "prompt");
            var masks = way.TryGetProperty("attention_mask", out _) ? Golden.Rows(way, "attention_mask") : null;
            int[][] real = [.. prompts.Select((row, r) => (masks is null // ChatGLM's are padded with 3
                ? row.SkipWhile(id => id == 3) : row.Where((_, t) => masks[r][t] == 1)).Select(id => (int)id).ToArray())];
            var wanted = Golden.Rows(way, "new_tokens").Select(row => row.Select(id => (int)id).Take(TestDevice.Tokens).ToArray())
                .ToArray();
            var batched = generator.GenerateBatch(real, options);
            for (var r = 0; r < real.Length; r++) // the reference stops at its end token
                equal &= batched[r].Take(wanted[r].Length).SequenceEqual(wanted[r]) &&
                    generator.Stream(real[r], options).Take(wanted[r].Length).SequenceEqual(wanted[r]);
        }
        return equal;
    }
}

/// <summary>A golden batch.</summary>
internal sealed record FamilyBatch(long[][] Ids, long[][] Real, long[][] Labels)
{
    public bool Masked { get; init; }

    public long[][]? Positions { get; init; }

    public ModelInput Input => new(Matrix(Ids))
    {
        Present = Masked ? Matrix(Real).to(ScalarType.Bool) : null,
        Positions = Positions is null ? null : Matrix(Positions),
    };

    public double LogitDifference(CausalModel model, Tensor golden) => Compared(model, golden, Golden.Difference);

    /// <summary>The norm of the difference, relative to that of the golden logits, where tokens are real.</summary>
    public double RelativeLogitDifference(CausalModel model, Tensor golden) =>
        Compared(model, golden, Golden.RelativeDifference);

    private double Compared(CausalModel model, Tensor golden, Func<Tensor, Tensor, double> difference)
    {
        using var quiet = no_grad();
        var rows = golden.shape[0]; // some goldens hold the first row alone
        var real = Matrix(Real).narrow(0, 0, rows).unsqueeze(-1).to(ScalarType.Float32);
        return difference(model.Logits(Input).cpu().narrow(0, 0, rows) * real, golden * real);
    }

    /// <summary>The mean loss over labelled tokens.</summary>
    public Tensor Loss(CausalModel model)
    {
        var (places, targets) = (new List<long>(), new List<long>());
        var length = Ids[0].Length;
        for (var row = 0; row < Ids.Length; row++)
            for (var t = 1; t < length; t++)
                if (Labels[row][t] >= 0)
                {
                    places.Add(row * length + t - 1);
                    targets.Add(Labels[row][t]);
                }
        return model.NegativeLogLikelihood(Input, tensor(places), tensor(targets)) / Number(targets.Count);
    }

    private static Tensor Matrix(long[][] rows) => tensor([.. rows.SelectMany(r => r)], [rows.Length, rows[0].Length]);
}
