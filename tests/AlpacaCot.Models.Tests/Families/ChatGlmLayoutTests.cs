using System.Text.Json;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Families;

/// <summary>ChatGLM-6B's positions and masks, made from ids alone, against those recorded from the reference collators.</summary>
public sealed class ChatGlmLayoutTests : IDisposable
{
    private static readonly ChatGlmLayout Layout = new(150, 151, 154); // the tiny vocabulary's [MASK], [gMASK] and sop

    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("rightpad")] // as THUDM trained: padding with pad
    [InlineData("nopad")]
    [InlineData("cot")] // as Alpaca-CoT trained: padding with eos
    [InlineData("midmask")]
    [InlineData("leftpad")] // as the tokenizer pads
    public void Positions_and_masks_of_training_batches(string name)
    {
        var golden = Golden.Json("golden/chatglm/inputs.json").GetProperty("cases").GetProperty(name);
        var present = name == "leftpad" ? Cube(golden, "valid").to(ScalarType.Bool) : null;
        var (positions, visible) = Layout.Of(Cube(golden, "input_ids"), present);
        Assert.Equal(0, Differences(positions, Cube(golden, "position_ids")));
        Assert.Equal(0, Hidden(visible, golden, Cube(golden, "valid"), all: present is null));
        // Control: with sop at the front there is no context.
        var (_, causal) = Layout.Of(Cube(golden, "input_ids").index_fill(1, tensor(new[] { 0L }), Number(154)), present);
        Assert.NotEqual(0, Hidden(causal, golden, Cube(golden, "valid"), all: present is null));
    }

    [Fact]
    public void Positions_and_masks_of_generation()
    {
        var golden = Golden.Json("golden/chatglm/base.json").GetProperty("generate").GetProperty("leftpad");
        var ids = Cube(golden, "prompt");
        var present = ids != Number(3);
        var (positions, visible) = Layout.Of(ids, present);
        Assert.Equal(0, Differences(positions, Cube(golden, "position_ids")));
        Assert.Equal(0, Hidden(visible, golden, present.to(ScalarType.Int64), all: false));

        // The new token alone, after a cache, is the last of the whole.
        var (place, answer, unpadded) = (new long[1], new long[1], ids[2].data<long>().ToArray().Where(id => id != 3).ToArray());
        Layout.SetPositions(unpadded, unpadded.Length - 1, place, answer);
        Assert.Equal([positions[2, 0, -1].item<long>(), positions[2, 1, -1].item<long>()], [place[0], answer[0]]);
    }

    [Fact]
    public void The_first_release_keeps_the_place_of_sop()
    {
        var golden = Golden.Json("golden/chatglm_v0/base.json").GetProperty("generate").GetProperty("single");
        var wanted = Cube(golden, "position_ids_used"); // [1, 2, s], three tokens generated
        var prompt = Cube(golden, "prompt");
        var ids = cat([prompt, zeros([1, wanted.shape[2] - prompt.shape[1]], ScalarType.Int64)], 1);
        Assert.Equal(0, Differences((Layout with { StartKeepsPosition = true }).Of(ids, null).Positions, wanted));
        Assert.Equal(1, Differences(Layout.Of(ids, null).Positions, wanted));
    }

    [Fact]
    public void A_sequence_without_sop_or_mask_is_refused()
    {
        foreach (var (id, missing) in ((long, string)[])[(151, "no sop (id 154)"), (154, "no mask token")])
        {
            var error = Assert.Throws<InputException>(() => Layout.Of(tensor([5L, id, 6], [1, 3]), null));
            Assert.Contains(missing, error.Message, StringComparison.Ordinal);
        }
    }

    // How many entries differ; of padded queries, which the reference lets see nothing and we let see themselves, none count.
    private static long Hidden(Tensor visible, JsonElement golden, Tensor valid, bool all)
    {
        var wrong = visible.squeeze(1).logical_not() != Cube(golden, "attention_mask_true_is_masked").to(ScalarType.Bool);
        return (all ? wrong : wrong & valid.to(ScalarType.Bool).unsqueeze(2)).sum().item<long>();
    }

    private static long Differences(Tensor a, Tensor b) => (a != b).sum().item<long>();

    private static Tensor Cube(JsonElement json, string key)
    {
        var (values, shape) = (new List<long>(), new List<long>());
        Walk(json.GetProperty(key), 0);
        return tensor(values.ToArray(), shape.ToArray());

        void Walk(JsonElement at, int depth)
        {
            if (at.ValueKind == JsonValueKind.Number)
            {
                values.Add(at.GetInt64());
                return;
            }
            if (shape.Count == depth) shape.Add(at.GetArrayLength());
            foreach (var item in at.EnumerateArray()) Walk(item, depth + 1);
        }
    }
}
