using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// Writes a state dict as torch.save does: a zip file with a pickle that names the tensors and an entry with the bytes of each.
/// Source: <c>torch.serialization</c> and Python's <c>pickletools</c> (protocol 2).
/// </summary>
public static class TorchPickleWriter
{
    /// <summary>Writes contiguous tensors, atomically; one is in memory at a time.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="weights">The weights, with unique names.</param>
    /// <exception cref="ArgumentException">An element type has no storage in this format.</exception>
    public static void Write(string path, IReadOnlyList<ExportTensor> weights)
    {
        var pickle = new Pickle().StateDict(weights);
        AtomicFile.Write(path, stream =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            Put("data.pkl", entry => entry.Write(pickle));
            Put("byteorder", entry => entry.Write("little"u8));
            foreach (var (i, weight) in weights.Index()) Put($"data/{i}", weight.WriteTo);
            Put("version", entry => entry.Write("3\n"u8));

            // Stored, not compressed: the bytes can be memory-mapped.
            void Put(string name, Action<Stream> write)
            {
                using var entry = zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression).Open();
                write(entry);
            }
        });
    }

    private sealed class Pickle
    {
        private readonly List<byte> _bytes = [0x80, 2];

        public byte[] StateDict(IReadOnlyList<ExportTensor> weights)
        {
            Global("collections", "OrderedDict").Bytes(")R("u8);
            foreach (var (i, weight) in weights.Index()) Text(weight.Name).Tensor(i, weight);
            Bytes("u."u8);
            return [.. _bytes];
        }

        // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
        private void Tensor(int key, ExportTensor weight)
        {
            var count = weight.Shape.Aggregate(1L, (a, b) => a * b);
            Global("torch._utils", "_rebuild_tensor_v2").Bytes("(("u8);
            Text("storage").Global("torch", Storage(weight)).Text($"{key}").Text("cpu").Integer(count).Bytes("tQ"u8);
            Integer(0).Sizes(weight.Shape).Sizes(Strides(weight.Shape)).Bytes([0x89]);
            Global("collections", "OrderedDict").Bytes(")RtR"u8);
        }

        private static long[] Strides(long[] shape)
        {
            var strides = new long[shape.Length];
            long stride = 1;
            for (var i = shape.Length - 1; i >= 0; stride *= Math.Max(shape[i--], 1)) strides[i] = stride;
            return strides;
        }

        private static string Storage(ExportTensor weight) => weight.DType switch
        {
            ScalarType.Float64 => "DoubleStorage",
            ScalarType.Float32 => "FloatStorage",
            ScalarType.Float16 => "HalfStorage",
            ScalarType.BFloat16 => "BFloat16Storage",
            ScalarType.Int64 => "LongStorage",
            ScalarType.Int32 => "IntStorage",
            ScalarType.Int16 => "ShortStorage",
            ScalarType.Int8 => "CharStorage",
            ScalarType.Byte => "ByteStorage",
            ScalarType.Bool => "BoolStorage",
            _ => throw new ArgumentException($"{weight.Name}: {weight.DType} has no storage in torch.save's format"),
        };

        private Pickle Global(string module, string name) => Bytes(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

        private Pickle Text(string value)
        {
            var utf8 = Encoding.UTF8.GetBytes(value);
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
            return Bytes("X"u8).Bytes(length).Bytes(utf8);
        }

        private Pickle Integer(long value)
        {
            Span<byte> number = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
            return value is >= 0 and <= int.MaxValue ? Bytes("J"u8).Bytes(number[..4]) : Bytes([0x8a, 8]).Bytes(number);
        }

        private Pickle Sizes(long[] sizes)
        {
            Bytes("("u8);
            foreach (var size in sizes) Integer(size);
            return Bytes("t"u8);
        }

        private Pickle Bytes(ReadOnlySpan<byte> value)
        {
            _bytes.AddRange(value);
            return this;
        }
    }
}
