using AlpacaCot.Training.Optimizers;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Tests;

/// <summary>Each optimizer against the formulas of its paper, written plainly in fp64, and against bitsandbytes.</summary>
public sealed class OptimizerTests : IDisposable
{
    private const double Rate = 0.01, Decay = 0.1, Scale = 0.5;
    private const int Steps = 7;
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("adamw"), InlineData("lion"), InlineData("sgd"), InlineData("adafactor"), InlineData("muon"),
        InlineData("galore")]
    public void Follows_its_formulas(string name)
    {
        foreach (var shape in (long[][])[[37], [12, 40], [40, 12]])
        {
            var (ours, theirs) = (Run(name, shape, Rate), Plain(name, shape));
            Assert.InRange((ours.to(ScalarType.Float64) - theirs).norm().item<double>() / theirs.norm().item<double>(), 0,
                name is "muon" or "galore" ? 1e-4 : 2e-6); // these two pass the gradient through long products in fp32
            var other = Run(name, shape, Rate * 1.05); // control
            Assert.True((other.to(ScalarType.Float64) - theirs).norm().item<double>() / theirs.norm().item<double>() > 2e-4);
        }
    }

    [Fact]
    public void Eight_bit_AdamW_is_that_of_bitsandbytes()
    {
        var golden = Golden.Tensors("golden/bnb/bnb.safetensors");
        var weight = golden["adam8.p0"].clone().to(TestDevice.Device).requires_grad_();
        using var optimizer = new AdamW8Bit(Named(weight), new AdamWOptions(WeightDecay: 0.01), smallest: 1);
        for (var step = 0; step < 5; step++)
        {
            weight.grad = golden[$"adam8.g{step}"].clone().to(TestDevice.Device);
            optimizer.Step(0.01, 1);
            Assert.InRange(Golden.Difference(weight, golden[$"adam8.p{step + 1}"]), 0, 3e-7); // the last bit of numbers around 1
        }
        var state = optimizer.State.ToDictionary(s => s.Name, s => s.Tensor);
        Assert.True(state["w.mean"].cpu().Equals(golden["adam8.state.state1"]));
        Assert.True(state["w.square"].cpu().Equals(golden["adam8.state.state2"]));
        Assert.InRange(Golden.RelativeDifference(state["w.mean_scale"], golden["adam8.state.absmax1"]), 0, 1e-6);
        Assert.InRange(Golden.RelativeDifference(state["w.square_scale"], golden["adam8.state.absmax2"]), 0, 1e-6);
    }

    [Theory]
    [InlineData("adamw"), InlineData("adamw8bit"), InlineData("lion"), InlineData("sgd"), InlineData("adafactor"),
        InlineData("muon")]
    [InlineData("galore")]
    public void Continues_from_its_state_to_the_last_bit(string name)
    {
        var whole = Start([24, 300]);
        using (var optimizer = Make(name, Named(whole)))
            for (var step = 0; step < 6; step++) Step(optimizer, whole, step, Rate);

        var parts = Start([24, 300]);
        Dictionary<string, Tensor> saved;
        using (var first = Make(name, Named(parts)))
        {
            for (var step = 0; step < 3; step++) Step(first, parts, step, Rate);
            saved = first.State.ToDictionary(s => s.Name, s => s.Tensor.clone());
        }
        using var second = Make(name, Named(parts));
        using (no_grad()) second.Restore(3, key => saved[key].alias());
        for (var step = 3; step < 6; step++) Step(second, parts, step, Rate);
        Assert.True(whole.Equals(parts));
    }

    [Fact]
    public void Groups_have_rates_of_their_own()
    {
        var (one, two) = (Start([8]), Start([8]));
        using var optimizer = new Sgd([KeyValuePair.Create("a", one), KeyValuePair.Create("b", two)],
            rateFactor: name => name == "b" ? 16 : 1);
        var before = one.detach().clone();
        (one.grad, two.grad) = (ones_like(before), ones_like(before));
        optimizer.Step(0.25, 1);
        Assert.True((before - Number(0.25f)).Equals(one));
        Assert.True((before - Number(4f)).Equals(two));
        Assert.Null(one.grad);
    }

    [Fact]
    public void Muon_makes_singular_values_alike()
    {
        var matrix = Random(3, 20, 50);
        var values = linalg.svdvals(MuonRule.Orthogonal(matrix));
        Assert.InRange(values.min().item<float>(), 0.6, 1.3);
        Assert.InRange(values.max().item<float>(), 0.6, 1.3);
        var before = linalg.svdvals(matrix);
        Assert.True((before.max() / before.min()).item<float>() > 3); // control
    }

    private static Optimizer Make(string name, IEnumerable<KeyValuePair<string, Tensor>> weights)
    {
        var adam = new AdamWOptions(WeightDecay: Decay);
        return name switch
        {
            "adamw" => new AdamW(weights, adam),
            "adamw8bit" => new AdamW8Bit(weights, adam),
            "lion" => new Lion(weights, weightDecay: Decay),
            "sgd" => new Sgd(weights, 0.9, Decay),
            "adafactor" => new Adafactor(weights, Decay),
            "muon" => new Muon(weights, adam),
            _ => new GaLore(weights, adam, new GaLoreOptions(Rank: 4, Interval: 2)),
        };
    }

    private static Tensor Run(string name, long[] shape, double rate)
    {
        var weight = Start(shape);
        using var optimizer = Make(name, Named(weight));
        for (var step = 0; step < Steps; step++) Step(optimizer, weight, step, rate);
        return weight.detach().cpu();
    }

    private static void Step(Optimizer optimizer, Tensor weight, int step, double rate)
    {
        weight.grad = Random((ulong)(100 + step), weight.shape).to(TestDevice.Device);
        optimizer.Step(rate, Scale);
        TestDevice.Synchronize();
    }

    // The formulas, in the order of the papers and without regard to speed.
    private static Tensor Plain(string name, long[] shape)
    {
        using var quiet = no_grad();
        var w = Random(1, shape).to(ScalarType.Float64);
        var (m, v, r, c) = (zeros_like(w), zeros_like(w), zeros(1), zeros(1));
        Tensor? p = null;
        var matrix = shape.Length == 2;
        if (name is "muon" or "galore" && !matrix) name = "adamw";
        for (var t = 1; t <= Steps; t++)
        {
            var g = Random((ulong)(99 + t), shape).to(ScalarType.Float64) * Number(Scale);
            switch (name)
            {
                case "adamw":
                    (m, v) = ((Number(0.9) * m).Plus(Number(0.1) * g), (Number(0.999) * v).Plus(Number(0.001) * g * g));
                    w = w * Number(1 - Rate * Decay) - Number(Rate) * (m / Number(1 - Math.Pow(0.9, t)))
                        / ((v / Number(1 - Math.Pow(0.999, t))).sqrt() + Number(1e-8));
                    break;
                case "lion":
                    w = w * Number(1 - Rate * Decay) - Number(Rate) * ((Number(0.9) * m).Plus(Number(0.1) * g)).sign();
                    m = (Number(0.99) * m).Plus(Number(0.01) * g);
                    break;
                case "sgd":
                    m = (Number(0.9) * m).Plus(g.Plus(Number(Decay) * w));
                    w = w - Number(Rate) * m;
                    break;
                case "adafactor":
                    var beta = 1 - Math.Pow(t, -0.8);
                    var squares = g * g + Number(1e-30);
                    if (matrix)
                    {
                        (r, c) = ((Number(beta) * r).Plus(Number(1 - beta) * squares.sum(1)),
                            (Number(beta) * c).Plus(Number(1 - beta) * squares.sum(0L)));
                        v = r.unsqueeze(1) * c.unsqueeze(0) / r.sum();
                    }
                    else v = (Number(beta) * v).Plus(Number(1 - beta) * squares);
                    // Sums over rows and columns in place of means: the estimate is the same but for a constant.
                    var u = g / (matrix ? v * Number(1.0) : v).sqrt();
                    u = u / Number(Math.Max(1, u.pow(Number(2)).mean().sqrt().item<double>()));
                    w = w * Number(1 - Rate * Decay) - Number(Rate) * u;
                    break;
                case "muon":
                    m = (Number(0.95) * m).Plus(Number(0.05) * g);
                    var x = (Number(0.05) * g).Plus(Number(0.95) * m);
                    x = x / (x.norm() + Number(1e-7));
                    for (var i = 0; i < 5; i++)
                        x = (Number(3.4445) * x - Number(4.7750) * x.mm(x.t()).mm(x)).Plus(
                            Number(2.0315) * x.mm(x.t()).mm(x.mm(x.t())).mm(x));
                    w = w * Number(1 - Rate * Decay) - Number(Rate * 0.2 * Math.Sqrt(Math.Max(shape[0], shape[1]))) * x;
                    break;
                case "galore":
                    var wide = shape[0] <= shape[1];
                    if (t % 2 == 1)
                    {
                        var (left, _, right) = linalg.svd(g.to(ScalarType.Float32), fullMatrices: false);
                        p = (wide ? left[.., ..4] : right[..4].t()).to(ScalarType.Float64);
                    }
                    var small = wide ? p!.t().mm(g) : g.mm(p!);
                    if (t == 1) (m, v) = (zeros_like(small), zeros_like(small));
                    (m, v) = ((Number(0.9) * m).Plus(Number(0.1) * small),
                        (Number(0.999) * v).Plus(Number(0.001) * small * small));
                    var step = m / Number(1 - Math.Pow(0.9, t)) / ((v / Number(1 - Math.Pow(0.999, t))).sqrt() + Number(1e-8));
                    w = w * Number(1 - Rate * Decay) - Number(Rate * 0.25) * (wide ? p!.mm(step) : step.mm(p!.t()));
                    break;
            }
        }
        return w;
    }

    private static Tensor Start(long[] shape) => Random(1, shape).to(TestDevice.Device).requires_grad_();

    private static Tensor Random(ulong seed, params long[] shape)
    {
        using var generator = new Generator(seed);
        return randn(shape, generator: generator);
    }

    private static KeyValuePair<string, Tensor>[] Named(Tensor weight) => [KeyValuePair.Create("w", weight)];
}
