using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>The arena of large tensors, and weights that leave memory between products.</summary>
public sealed class TensorArenaTests
{
    [Fact]
    public void Blocks_never_overlap_and_freed_ones_are_used_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Compute.UsesSimd(DeviceType.CPU), "the arena is for the CPU on Linux");
        Assert.True(TensorArena.Install());
        using var quiet = no_grad();
        var (random, live) = (new Random(1), new List<(Tensor Tensor, float Value)>());
        for (var i = 0; i < 400; i++)
        {
            if (live.Count > 20 || (live.Count > 0 && random.Next(2) == 0))
            {
                var at = random.Next(live.Count);
                var (tensor, value) = live[at];
                Assert.True(tensor.eq(Number(value)).all().item<bool>());
                tensor.Dispose();
                live.RemoveAt(at);
            }
            live.Add((full([random.Next(1, 600_000)], Number((float)i)), i));
        }
        foreach (var (tensor, value) in live)
        {
            Assert.True(tensor.eq(Number(value)).all().item<bool>());
            tensor.Dispose();
        }
        var first = Address();
        Assert.Equal(first, Address());

        static unsafe nint Address()
        {
            using var block = empty(1_234_567);
            return (nint)TensorMemory.Floats(block);
        }
    }

    [Fact]
    public void Weights_of_a_mapped_file_that_leave_memory_give_the_same_step()
    {
        var (kept, streamed) = (Gradient(false), Gradient(true));
        Assert.Equal(0, Golden.Difference(kept, streamed));

        static Tensor Gradient(bool streams)
        {
            using var model = Golden.Model("golden/llama/model");
            model.StreamsWeights = streams;
            model.Arithmetic = Arithmetic.Float32;
            using var adapter = Lora.Attach(model, new LoraConfig
            {
                Rank = 4, Alpha = 8, TargetPattern = Lora.AllLinear,
            }, seed: 1);
            new FamilyGolden("llama").Batch("rightpad").Loss(model).backward();
            return cat([.. adapter.Parameters.Values.Select(w => w.grad!.flatten())]);
        }
    }

    [Fact]
    public void Pages_of_a_mapped_tensor_are_dropped_and_read_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "resident memory is read from /proc");
        using var folder = new TemporaryFolder();
        var path = folder.Write("values", [.. Enumerable.Range(0, 32 << 20).Select(i => (byte)(i % 251))]);
        using var map = MappedFile.Open(path);
        using var values = map.Tensor(0, ScalarType.Byte, [32 << 20]);
        var sum = values.sum().item<long>();
        var before = Platform.ResidentBytes;
        MappedFile.DropPages(values);
        Assert.InRange(before - Platform.ResidentBytes, 24 << 20, 40 << 20);
        Assert.Equal(sum, values.sum().item<long>());
        using var other = zeros(10);
        MappedFile.DropPages(other); // no file
    }
}
