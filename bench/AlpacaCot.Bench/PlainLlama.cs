using AlpacaCot.Models.Checkpoints.Sources;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>
/// LLaMA with LoRA as a Python stack computes it: every operation by libtorch's autograd, padded rows, logits of all positions.
/// The baseline of <see cref="TrainBench"/>.
/// </summary>
internal sealed class PlainLlama
{
    private readonly TrainShape _shape;
    private readonly Dictionary<string, Tensor> _weights = [];
    private readonly Tensor _cos, _sin;

    public PlainLlama(TrainShape shape)
    {
        _shape = shape;
        var (random, lowRank) = (new RandomWeights(1), TrainBench.LoraWeights(shape));
        foreach (var (name, size) in shape.Weights)
            _weights[name] = random.Read(name, size).DetachFromDisposeScope();
        foreach (var (name, outputs, inputs) in shape.Linears)
        {
            Adapter[$"{name}.lora_A.weight"] = new TorchSharp.Modules.Parameter(lowRank.Read(name, [shape.Rank, inputs]));
            Adapter[$"{name}.lora_B.weight"] = new TorchSharp.Modules.Parameter(zeros(outputs, shape.Rank));
        }
        using var scope = NewDisposeScope();
        float[] inverse = [.. Enumerable.Range(0, shape.HeadWidth / 2).Select(i => MathF.Pow(10000, -2f * i / shape.HeadWidth))];
        float[] positions = [.. Enumerable.Range(0, shape.Cutoff).Select(p => (float)p)];
        var angles = outer(tensor(positions), tensor(inverse)).repeat(1, 2); // [s, d]
        (_cos, _sin) = (angles.cos().DetachFromDisposeScope(), angles.sin().DetachFromDisposeScope());
    }

    /// <summary>The LoRA weights by name.</summary>
    public Dictionary<string, TorchSharp.Modules.Parameter> Adapter { get; } = [];

    /// <summary>The mean cross-entropy over labels that are not -100.</summary>
    public Tensor Loss(Tensor ids, Tensor labels)
    {
        var (b, s) = (ids.shape[0], ids.shape[1]);
        var x = _weights["model.embed_tokens.weight"].index_select(0, ids.flatten()).view(b, s, -1);
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var at = $"model.layers.{layer}.";
            var h = Norm(x, at + "input_layernorm.weight");
            var q = Rotate(Heads(Linear(h, at + "self_attn.q_proj"), _shape.Heads));
            var k = Rotate(Heads(Linear(h, at + "self_attn.k_proj"), _shape.KeyValueHeads));
            var v = Heads(Linear(h, at + "self_attn.v_proj"), _shape.KeyValueHeads);
            var groups = _shape.Heads / _shape.KeyValueHeads;
            var mixed = nn.functional.scaled_dot_product_attention(q, k.repeat_interleave(groups, 1),
                v.repeat_interleave(groups, 1), null, p: 0, is_casual: true);
            x = x.Plus(Linear(mixed.transpose(1, 2).reshape(b, s, -1), at + "self_attn.o_proj"));
            h = Norm(x, at + "post_attention_layernorm.weight");
            x = x.Plus(Linear(nn.functional.silu(Linear(h, at + "mlp.gate_proj")) * Linear(h, at + "mlp.up_proj"),
                at + "mlp.down_proj"));
        }
        var logits = nn.functional.linear(Norm(x, "model.norm.weight"), _weights["lm_head.weight"]); // [b, s, vocabulary]
        return nn.functional.cross_entropy(logits.narrow(1, 0, s - 1).reshape(-1, _shape.Vocabulary),
            labels.narrow(1, 1, s - 1).reshape(-1), ignore_index: -100);

        Tensor Heads(Tensor y, int heads) => y.view(b, s, heads, -1).transpose(1, 2);
        Tensor Rotate(Tensor y)
        {
            var halves = y.chunk(2, -1);
            return (y * _cos.narrow(0, 0, s)).Plus(cat([-halves[1], halves[0]], -1) * _sin.narrow(0, 0, s));
        }
    }

    private Tensor Linear(Tensor x, string name) => nn.functional.linear(x, _weights[name + ".weight"]).Plus(
        nn.functional.linear(nn.functional.linear(x, Adapter[$"{name}.lora_A.weight"]), Adapter[$"{name}.lora_B.weight"])
            * Number(TrainShape.LoraScale));

    private Tensor Norm(Tensor x, string name) =>
        _weights[name] * (x * (x.pow(Number(2)).mean([-1L], keepdim: true) + Number(1e-5)).rsqrt());
}
