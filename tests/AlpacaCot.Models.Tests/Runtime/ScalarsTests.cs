using System.Runtime.CompilerServices;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Runtime;

public sealed class ScalarsTests
{
    public ScalarsTests() => Libtorch.EnsureLoaded();

    [Fact]
    public void A_number_outlives_the_garbage_collections_of_its_operation()
    {
        var (kept, loose) = (Reference(() => Number(0.5)), Reference(() => 0.5.ToScalar()));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.True(kept.IsAlive);
        Assert.False(loose.IsAlive); // what TorchSharp does by itself
    }

    [Fact]
    public void Numbers_and_sums_are_those_of_torch()
    {
        using var scope = NewDisposeScope();
        var x = Range(2, 5, CPU);
        Assert.Equal([2L, 3, 4], x.data<long>());
        Assert.Equal([4L, 6, 8], x.Plus(x).data<long>());
        Assert.Equal([3.5, 4.5, 5.5], (x.to(float64) + Number(1.5)).data<double>());
        Assert.Equal(ScalarType.Int64, (x * Number(2)).dtype); // a whole number does not make floats
        Assert.Same(x, x.PlusInPlace(x));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Reference(Func<Scalar> make) => new(make());
}
