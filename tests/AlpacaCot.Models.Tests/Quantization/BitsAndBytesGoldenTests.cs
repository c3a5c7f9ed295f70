using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

/// <summary>Codes, scales and values identical to those of bitsandbytes; products within rounding.</summary>
public sealed class BitsAndBytesGoldenTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Dictionary<string, Tensor> _golden = Golden.Tensors("golden/bnb/bnb.safetensors");

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("nf4"), InlineData("fp4"), InlineData("dynamic_signed"), InlineData("dynamic_unsigned")]
    public void Values_of_the_codes(string name)
    {
        var book = name switch
        {
            "nf4" => Codebook.Nf4, "fp4" => Codebook.Fp4, "dynamic_signed" => Codebook.DynamicSigned,
            _ => Codebook.DynamicUnsigned,
        };
        Assert.Equal(_golden["code." + name].data<float>().ToArray(), book.Values);
    }

    [Theory]
    [InlineData("W", "nf4", 64), InlineData("W", "nf4", 128), InlineData("W", "fp4", 64), InlineData("W", "fp4", 128)]
    [InlineData("R", "nf4", 64), InlineData("R", "fp4", 64), InlineData("W.f16", "nf4", 64), InlineData("W.bf16", "nf4", 64)]
    public void Four_bit_codes_scales_and_values(string weight, string type, int block)
    {
        var (name, options) = ($"{weight}.{type}.bs{block}", QuantizationOptions.Parse(type)!);
        using var plain = FourBitMatrix.Quantize(_golden[weight], options.Type, block, doubleQuantization: false);
        Same(_golden[$"{name}.plain.packed"], plain.Packed);
        Same(_golden[$"{name}.plain.absmax"], plain.Scales);
        SameValues(_golden[$"{name}.plain.dequant"], plain);

        using var nested = FourBitMatrix.Quantize(_golden[weight], options.Type, block);
        Same(_golden[$"{name}.plain.packed"], nested.Packed);
        Same(_golden[$"{name}.dq.absmax"], nested.Scales);
        Same(_golden[$"{name}.dq.nested_absmax"], nested.NestedScales!);
        Assert.Equal(_golden[$"{name}.dq.nested_offset"].item<float>(), nested.Offset);
        if (_golden.TryGetValue($"{name}.dq.dequant", out var values)) SameValues(values, nested);

        using var other = FourBitMatrix.Quantize(_golden[weight] * Number(1.01f), options.Type, block); // control
        Assert.False(_golden[$"{name}.plain.dequant"].Equals(other.Expand()));
    }

    [Theory]
    [InlineData(64), InlineData(256)]
    public unsafe void Eight_bit_blocks(int block)
    {
        var r = _golden["R"];
        var (codes, scales) = (empty(r.shape, ScalarType.Byte), empty((r.numel() + block - 1) / block));
        var values = empty_like(r);
        BlockQuantizer.Quantize(TensorMemory.Floats(r), r.numel(), block, Codebook.DynamicSigned, TensorMemory.Bytes(codes),
            TensorMemory.Floats(scales));
        BlockQuantizer.Dequantize(TensorMemory.Bytes(codes), TensorMemory.Floats(scales), r.numel(), block,
            Codebook.DynamicSigned, TensorMemory.Floats(values));
        Same(_golden[$"R.block8.bs{block}.q"], codes);
        Same(_golden[$"R.block8.bs{block}.absmax"], scales);
        Same(_golden[$"R.block8.bs{block}.dequant"], values);
    }

    [Theory]
    [InlineData("W.f16", 0, "int8.W.f16"), InlineData("W", 0, "int8.W.f32")]
    [InlineData("int8.X.f16", 0, "int8.X.f16.th0"), InlineData("int8.X.f16", 6, "int8.X.f16.th6")]
    [InlineData("int8.X.f32", 0, "int8.X.f32.th0"), InlineData("int8.X.f32", 6, "int8.X.f32.th6")]
    public void Eight_bit_rows(string x, float threshold, string name)
    {
        var numbers = _golden[x].to(ScalarType.Float32);
        var (codes, scales, outliers) = Int8Rows.Of(numbers, threshold > 0 ? threshold : float.PositiveInfinity);
        if (_golden.TryGetValue($"{name}.outlier_cols", out var columns)) Same(columns, outliers!);
        Same(_golden[$"{name}.q"], codes);
        Same(_golden[$"{name}.stats"], scales);
        if (!_golden.TryGetValue($"{name}.dequant", out var values)) return;
        using var matrix = new Int8Matrix(codes, scales, threshold);
        Same(values, matrix.Expand());
    }

    [Fact]
    public void Product_of_eight_bit_codes() => Same(_golden["int8.matmul_i32"],
        TorchScriptOps.Int8Product(_golden["int8.X.f16.th0.q"], _golden["int8.W.f16.q"].t()));

    [Theory]
    [InlineData("f32", 1e-6)]
    [InlineData("bf16", 5e-2)] // the reference multiplies in bf16
    public void Linear4bit_forward_and_backward(string type, double tolerance)
    {
        using var matrix = FourBitMatrix.Quantize(_golden[type == "f32" ? "W" : "W.bf16"], QuantizationType.Nf4);
        var (y, dx) = ForwardAndBackward(matrix, _golden["int8.X.f32"]);
        Near(_golden[$"linear4bit.nf4dq.{type}.y"], y, tolerance);
        Near(_golden[$"linear4bit.nf4dq.{type}.dx"], dx, tolerance);
    }

    [Fact]
    public void Linear8bitLt_forward_and_backward()
    {
        using var matrix = Int8Matrix.Quantize(_golden["W"]);
        var (y, dx) = ForwardAndBackward(matrix, _golden["int8.X.f16"].to(ScalarType.Float32));
        Near(_golden["int8.linear.th6.y"], y, 1e-3); // the reference's output is fp16
        Near(_golden["int8.linear.th6.dx"], dx, 1e-3);
    }

    [Fact]
    public void Linear8bitLt_at_inference_sets_outliers_apart()
    {
        var x = _golden["int8.X.f16"].to(ScalarType.Float32);
        using var plain = Int8Matrix.Quantize(_golden["W"], threshold: 0);
        Near(_golden["int8.mm_dequant_f16"], plain.Product(x), 1e-3);
        using var matrix = Int8Matrix.Quantize(_golden["W"]);
        var columns = _golden["int8.X.f16.th6.outlier_cols"];
        var rest = _golden["int8.X.f16.th6.q"].to(ScalarType.Float32).mm(_golden["int8.W.f16.q"].t().to(ScalarType.Float32))
            * _golden["int8.X.f16.th6.stats"].unsqueeze(1) * _golden["int8.W.f16.stats"] * Number(Int8Kernel.PerProduct);
        var outliers = x.index_select(1, columns).mm(_golden["int8.W.f16.dequant"].index_select(1, columns).t());
        Near(rest.Plus(outliers), matrix.Product(x), 1e-6);
        var exact = ForwardAndBackward(matrix, x).Y; // the outliers are what 8 bits have no room for
        Assert.True(Golden.RelativeDifference(matrix.Product(x), exact)
            < 0.6 * Golden.RelativeDifference(plain.Product(x), exact));
    }

    private static (Tensor Y, Tensor Dx) ForwardAndBackward(WeightMatrix matrix, Tensor input)
    {
        var x = input.clone().requires_grad_();
        var y = FrozenLinear.Apply(x, new FrozenPart(new ExpandedProducts(matrix)));
        (y * linspace(-1, 1, y.numel()).view(y.shape)).sum().backward();
        return (y.detach(), x.grad!);
    }

    private static void SameValues(Tensor wanted, WeightMatrix matrix) => Same(wanted, matrix.Expand().to(wanted.dtype));

    private static void Same(Tensor wanted, Tensor found)
    {
        Assert.Equal(wanted.numel(), found.numel());
        Assert.True(wanted.flatten().Equals(found.flatten()),
            $"{wanted.flatten().ne(found.flatten()).sum().item<long>()} of {wanted.numel()} differ");
    }

    private static void Near(Tensor wanted, Tensor found, double tolerance) =>
        Assert.InRange(Golden.RelativeDifference(found, wanted.to(ScalarType.Float32)), 0, tolerance);
}
