using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// A libtorch of another build may have all symbols and still use another object layout (it promises no binary compatibility),
/// and a device may have a driver or kernels that do not fit: passes with known results must be correct before they are used.
/// </summary>
internal static class NumericSelfTest
{
    /// <exception cref="BadImageFormatException">The results are wrong on the CPU.</exception>
    /// <exception cref="InputException">The results are wrong on another device, or it computes nothing.</exception>
    public static void Run(Device device)
    {
        if (device.type == TorchSharp.DeviceType.CPU)
        {
            if (!IsRight(device))
                throw new BadImageFormatException(
                    "this libtorch computes wrong results under TorchSharp: its binary layout differs.");
            return;
        }
        var problem = "its results are wrong";
        try
        {
            if (IsRight(device)) return;
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or InvalidOperationException
            or NotSupportedException)
        {
            problem = e.Message.Split('\n')[0];
        }
        throw new InputException($"The self-test on {DeviceChoice.Word(device)} failed: {problem} "
            + "The driver, or the loaded libtorch, does not fit this GPU: `alpaca-cot doctor` shows both; device: cpu computes "
            + "without the GPU.");
    }

    private static bool IsRight(Device device)
    {
        using var scope = NewDisposeScope();
        var x = Tensors.Of([1f, 2f, 3f, 4f], [2, 2], device).requires_grad_();
        var y = x.matmul(x); // [[7, 10], [15, 22]]
        y.sum().backward(); // d(sum)/dx = rowsum + columnsum: [[7, 11], [9, 13]]
        var softmax = nn.functional.softmax(Tensors.Of([0f, MathF.Log(3)], device), dim: 0);
        var right = Numbers(y).SequenceEqual([7f, 10f, 15f, 22f]) && Numbers(x.grad!).SequenceEqual([7f, 11f, 9f, 13f])
            && Math.Abs(Numbers(softmax)[1] - 0.75f) < 1e-6f;
        if (device.type == TorchSharp.DeviceType.CPU) return right;
        // What training adds: embeddings, bf16 products, attention with its gradient.
        var rows = x.detach().index_select(0, Tensors.Of([1L, 0L, 1L], device)); // [[3, 4], [1, 2], [3, 4]]
        var narrow = rows.to(ScalarType.BFloat16).mm(x.detach().to(ScalarType.BFloat16)); // [[15, 22], [7, 10], [15, 22]]
        var heads = Tensors.Ones([1, 1, 3, 8], ScalarType.Float32, device);
        var query = (heads * Number(0.5)).requires_grad_();
        var value = Tensors.Range(0, 24, device, ScalarType.Float32).view(1, 1, 3, 8);
        var mixed = nn.functional.scaled_dot_product_attention(query, heads, value, is_casual: true); // running means of rows
        mixed.sum().backward(); // all keys are equal, so the query has no influence
        return right && Numbers(narrow.to(ScalarType.Float32)).SequenceEqual([15f, 22f, 7f, 10f, 15f, 22f])
            && Math.Abs(Numbers(mixed.select(2, 2))[0] - 8) < 1e-4 && Numbers(query.grad!).All(g => Math.Abs(g) < 1e-3);
    }

    private static float[] Numbers(Tensor tensor) => tensor.detach().cpu().contiguous().data<float>().ToArray();
}
