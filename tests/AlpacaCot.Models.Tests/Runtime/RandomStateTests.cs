using AlpacaCot.Models.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>Blocks begin again with the same random numbers, by the generator's state or by a seed of their own.</summary>
[Collection(nameof(Alone))]
public sealed class RandomStateTests
{
    // What another device's generator is seeded with, the CPU's is too, and it can be read here.
    [Theory]
    [InlineData(DeviceType.CPU), InlineData(DeviceType.META)]
    public void A_block_repeats_and_blocks_differ(DeviceType type)
    {
        using var scope = NewDisposeScope();
        var device = new Device(type);
        manual_seed(5);
        var (first, numbers) = (RandomState.Of(device), rand(8));
        var (second, others) = (RandomState.Of(device), rand(8));
        RandomState.Set(device, first);
        Assert.True(numbers.Equals(rand(8)));
        RandomState.Set(device, second);
        Assert.True(others.Equals(rand(8)));
        Assert.False(numbers.Equals(others));
        manual_seed(5);
        RandomState.Of(device);
        Assert.True(numbers.Equals(rand(8))); // a function of the micro-batch's seed
    }
}
