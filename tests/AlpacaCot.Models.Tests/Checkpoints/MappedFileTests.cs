using System.Diagnostics;
using System.Text;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

[Collection(nameof(Alone))]
public sealed class MappedFileTests
{
    private const long Elements = 64 << 20; // 256 MB of fp32

    [Fact]
    public void A_mapped_tensor_takes_no_memory_and_its_changes_stay_out_of_the_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads the resident memory from /proc");
        using var folder = new TemporaryFolder();
        var path = BigFile(folder);
        using (zeros(1)) { } // libtorch's own start
        Alone.Settle();
        var before = ResidentBytes();

        using var file = SafetensorsFile.Open(path);
        using var tensor = file.Read("big");
        using var again = file.Read("big");
        Assert.Equal([Elements], tensor.shape);
        using var last = tensor[Elements - 1];
        Assert.Equal(7f, last.item<float>());
        Assert.InRange(ResidentBytes() - before, long.MinValue, 20 << 20);

        last.add_(Number(1));
        Assert.Equal(8f, again[Elements - 1].item<float>());
        using var written = new FileStream(path, FileMode.Open, FileAccess.Read);
        written.Seek(-4, SeekOrigin.End);
        using var reader = new BinaryReader(written);
        Assert.Equal(7f, reader.ReadSingle());

        using var copy = tensor.clone(); // the control: a copy is seen
        Assert.InRange(ResidentBytes() - before, Elements * 4, long.MaxValue);
    }

    [Fact]
    public void The_mapping_lives_until_the_last_tensor_is_disposed()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("values", [.. Enumerable.Range(0, 64).Select(i => (byte)i)]);
        var map = MappedFile.Open(path);
        var first = map.Tensor(0, ScalarType.Byte, [64]);
        var second = map.Tensor(0, ScalarType.Byte, [4, 4]);
        var odd = map.Tensor(3, ScalarType.Int16, [2]); // unaligned
        var none = map.Tensor(64, ScalarType.Float32, [0, 3]);
        map.Dispose();
        map.Dispose();
        File.Delete(path);
        Assert.Throws<ObjectDisposedException>(() => map.Tensor(0, ScalarType.Byte, [1]));

        first.Dispose();
        var view = second[3];
        second.Dispose();
        odd.Dispose();
        Assert.True(IsMapped(path));
        Assert.Equal([12, 13, 14, 15], view.data<byte>().ToArray());
        view.Dispose();
        Assert.False(OperatingSystem.IsLinux() && IsMapped(path));
        Assert.Equal(0, none.numel());
        none.Dispose();
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model.bin")]
    public void Loading_shards_takes_the_memory_of_what_is_kept_once(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads the resident memory from /proc");
        const int shards = 8, elements = 8 << 20;
        using var folder = new TemporaryFolder();
        using (var ones = torch.ones(elements, ScalarType.BFloat16))
            for (var i = 0; i < shards; i++)
            {
                var path = folder.File($"{i}-{name}");
                ExportTensor[] weights = [new($"w{i}", ones.dtype, ones.shape, ones.alias)];
                if (name.EndsWith("bin", StringComparison.Ordinal)) TorchPickleWriter.Write(path, weights);
                else SafetensorsWriter.Write(path, weights);
            }
        File.WriteAllText(folder.File("config.json"), "{}");
        File.WriteAllText(folder.File(name + ".index.json"), System.Text.Json.JsonSerializer.Serialize(
            new { weight_map = Enumerable.Range(0, shards).ToDictionary(i => $"w{i}", i => $"{i}-{name}") }));

        foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float32 }) // as stored, and converted
        {
            Alone.Settle();
            Platform.TrimMemory();
            TensorArena.Release(); // pages that earlier tests left would be used again
            var (before, peak) = (Platform.ResidentBytes, 0L);
            using var scope = NewDisposeScope();
            using var loaded = ModelFolder.Open(folder.Path);
            var kept = loaded.Entries.Keys.Order().Select(key =>
            {
                var read = loaded.Read(key);
                var weight = type == read.dtype ? read : read.to(type);
                Assert.Equal(1, weight.max().to(ScalarType.Float32).item<float>()); // touches every byte
                peak = Math.Max(peak, Platform.ResidentBytes - before);
                if (!ReferenceEquals(weight, read)) read.Dispose();
                return weight;
            }).ToList();
            // Converting holds one weight in both forms: an eighth of half the bytes here.
            Assert.InRange(peak / (double)kept.Sum(w => w.numel() * w.element_size()), 0.9, 1.1);
        }
    }

    [Fact]
    public void Only_what_lies_inside_the_file_becomes_a_tensor()
    {
        using var folder = new TemporaryFolder();
        using var map = MappedFile.Open(folder.Write("values", new byte[16]));
        Assert.Equal(4, map.Tensor(0, ScalarType.Float32, [4]).numel());
        Assert.Equal(1, map.Tensor(8, ScalarType.Int64, []).numel());
        (long Offset, long[] Shape)[] outside =
            [(0, [5]), (1, [4]), (-4, [1]), (16, [1]), (long.MaxValue, [1]), (0, [-1]), (0, [1L << 31, 1L << 31])];
        foreach (var (offset, shape) in outside)
            Assert.Throws<ArgumentOutOfRangeException>(() => map.Tensor(offset, ScalarType.Float32, shape));
        Assert.Throws<InputException>(() => MappedFile.Open(folder.File("absent")));
        using var empty = MappedFile.Open(folder.Write("empty", []));
        Assert.Throws<ArgumentOutOfRangeException>(() => empty.Tensor(0, ScalarType.Byte, [1]));
    }

    private static string BigFile(TemporaryFolder folder)
    {
        var header = $"{{\"big\":{{\"dtype\":\"F32\",\"shape\":[{Elements}],\"data_offsets\":[0,{Elements * 4}]}}}}".PadRight(80);
        using var stream = new FileStream(folder.File("big.safetensors"), FileMode.Create);
        using var writer = new BinaryWriter(stream);
        writer.Write((long)header.Length);
        writer.Write(Encoding.ASCII.GetBytes(header));
        stream.SetLength(8 + header.Length + Elements * 4);
        stream.Seek(-4, SeekOrigin.End);
        writer.Write(7f);
        return stream.Name;
    }

    private static bool IsMapped(string path) =>
        !OperatingSystem.IsLinux() || File.ReadLines("/proc/self/maps").Any(line => line.Contains(path));

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
