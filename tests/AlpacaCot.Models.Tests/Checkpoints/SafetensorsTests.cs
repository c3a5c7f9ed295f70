using System.Text;
using System.Text.RegularExpressions;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

public sealed class SafetensorsTests
{
    public static TheoryData<string> ReferenceFiles() =>
    [
        "llama/model/model", "llama_mha/model_bf16/model", "gemma3/model/model", "bloom/base", "llama/lora/adapter_model",
        "bnb/bnb",
    ];

    [Theory, MemberData(nameof(ReferenceFiles))]
    public void A_file_of_the_reference_library_is_rewritten_byte_for_byte(string name)
    {
        var path = ReferenceData.Path($"golden/{name}.safetensors");
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(path);
        using var scope = NewDisposeScope();
        var shuffled = file.Entries.Keys.OrderBy(n => n.Length).ThenByDescending(n => n).Select(n => (n, file.Read(n))).ToList();
        SafetensorsWriter.Write(folder.File("again"), shuffled, file.Metadata);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(folder.File("again")));
    }

    [Fact]
    public void Published_files_hold_their_published_values()
    {
        using var scope = NewDisposeScope();
        using var small = SafetensorsFile.Open(ReferenceData.Path("data/weights/safetensors/tensor-1d-int32.safetensors"));
        var values = small.Read("embedding");
        Assert.Equal((ScalarType.Int32, "3"), (values.dtype, string.Join(',', values.shape)));
        foreach (var path in Directory.GetFiles(ReferenceData.Path("data/weights/safetensors")))
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var entry in file.Entries.Values) Assert.Equal(entry.Shape, file.Read(entry.Name).shape);
        }
    }

    [Fact]
    public void Every_type_layout_and_name_survives_a_round_trip()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var numbers = Range(0, 24, CPU, ScalarType.Float32).reshape(2, 3, 4) - Number(7.25);
        ScalarType[] types =
        [
            ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32,
            ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool, ScalarType.ComplexFloat32,
        ];
        List<(string Name, Tensor Tensor)> tensors =
            [.. types.Select(t => (t.ToString(), (t == ScalarType.Byte ? numbers + Number(8) : numbers).to_type(t)))];
        tensors.Add(("scalar", tensor(3.5f)));
        tensors.Add(("empty", zeros(0, 5)));
        tensors.Add(("transposed", numbers.permute(2, 0, 1)));
        tensors.Add(("slice", numbers[TensorIndex.Colon, 1]));
        tensors.Add(("with gradient", numbers.clone().requires_grad_()));
        tensors.Add(("层.\"0\"\\\n🦙", numbers));

        SafetensorsWriter.Write(folder.File("new/all.safetensors"), tensors, new Dictionary<string, string> { ["作者"] = "a\"b" });
        using var file = SafetensorsFile.Open(folder.File("new/all.safetensors"));
        Assert.Equal("a\"b", file.Metadata["作者"]);
        Assert.Equal(tensors.Count, file.Entries.Count);
        foreach (var (name, expected) in tensors) Tensors.AssertSame(expected, file.Read(name), name);
        Assert.Single(Directory.GetFiles(folder.File("new")));
        Assert.Throws<InputException>(() => file.Read("absent"));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder.File("twice"), [("a", numbers), ("a", numbers)]));
    }

    [Fact]
    public void Tensors_larger_than_a_write_survive_a_round_trip()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var large = Range(0, 5_000_001, CPU, ScalarType.Int32); // 20 MB
        SafetensorsWriter.Write(folder.File("large"), [("b", large), ("a", large.to_type(ScalarType.Float64))]);
        using var file = SafetensorsFile.Open(folder.File("large"));
        Tensors.AssertSame(large, file.Read("b"), "b");
        Tensors.AssertSame(large.to_type(ScalarType.Float64), file.Read("a"), "a");
    }

    [Theory]
    [InlineData("", "8 bytes of header length; this one has 0")]
    [InlineData("short", "has 5 in all")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "git lfs pull")]
    [InlineData("not a safetensors file", "another kind of file")]
    [InlineData("[1]", "not a JSON object")]
    [InlineData("{\"a\":", "the header is not valid JSON")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", "the header is not valid JSON")]
    [InlineData("{\"__metadata__\":{\"n\":1},\"a\":T[2]0,8}", "__metadata__ n is not a string")]
    [InlineData("{\"a\":T[2]0,8,\"a\":T[2]0,8}", "a")]
    [InlineData("{\"\\ud800\":T[2]0,8}", "the header is not valid JSON")]
    [InlineData("{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", "a has the unknown dtype F31")]
    [InlineData("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "a has no dtype")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", "a has no shape")]
    [InlineData("{\"a\":T[-2]0,8}", "a: shape contains -2")]
    [InlineData("{\"a\":T[2.5]0,8}", "a: shape contains 2.5")]
    [InlineData("{\"a\":T[3]0,8}", "a is F32 [3], which takes 12 bytes, but its data_offsets [0, 8] span 8")]
    [InlineData("{\"a\":T[4611686018427387904,4]0,8}", "exceeds the maximum size of a file")]
    [InlineData("{\"a\":T[0,4611686018427387904]0,0}", "exceeds the maximum size of a file")]
    [InlineData("{\"a\":T[2]8,0}", "two ascending numbers")]
    [InlineData("{\"a\":T[1]0,4}", "4 bytes after the last tensor")]
    [InlineData("{\"a\":T[1]4,8}", "4 bytes between the start of the data and a")]
    [InlineData("{\"a\":T[2]0,8,\"b\":T[1]4,8}", "b begins at byte 4 of the data, inside a")]
    [InlineData("{\"a\":T[2]0,8,\"b\":T[8]8,40}", "truncated: 32 bytes are missing, starting inside b")]
    [InlineData("{\"a\":T[64 ones,2]0,8}", "65 dimensions")]
    public void A_wrong_header_is_refused_with_its_fault(string header, string fault)
    {
        using var folder = new TemporaryFolder();
        var isJson = header.StartsWith('{') || header.StartsWith('[');
        var path = folder.Write("bad.safetensors", isJson ? File8(Expand(header)) : Encoding.UTF8.GetBytes(header));
        var error = Assert.Throws<InputException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith(path, error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Fact]
    public void A_header_length_that_lies_is_refused()
    {
        using var folder = new TemporaryFolder();
        (ulong Length, string Fault)[] lies =
            [(ulong.MaxValue, "18446744073709551615"), (99_999_999, "99999911 bytes of the header"), (1UL << 40, "another kind")];
        foreach (var (length, fault) in lies)
        {
            var bytes = File8(Expand("{\"a\":T[2]0,8}").PadRight(80));
            BitConverter.TryWriteBytes(bytes, length);
            Assert.Contains(fault, Assert.Throws<InputException>(() => SafetensorsFile.Open(folder.Write("f", bytes))).Message);
        }
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var values = ones(5);
        SafetensorsWriter.Write(folder.File("whole"), [("a", values), ("b", values)]);
        var whole = File.ReadAllBytes(folder.File("whole"));
        for (var length = 0; length < whole.Length; length++)
        {
            var path = folder.Write("cut", whole[..length]);
            Assert.Throws<InputException>(() => SafetensorsFile.Open(path));
        }
    }

    [Fact]
    public void An_element_type_without_a_tensor_type_is_listed_but_not_read()
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(folder.Write("f8",
            File8(Expand("""{"a":{"dtype":"F8_E8M0","shape":[4],"data_offsets":[0,4]},"b":T[]4,8}"""))));
        Assert.Equal("F8_E8M0", file.Entries["a"].Unsupported);
        Assert.Contains("a has the element type F8_E8M0", Assert.Throws<InputException>(() => file.Read("a")).Message);
        using var scalar = file.Read("b");
        Assert.Empty(scalar.shape);
    }

    [Fact]
    public void Fp8_is_read_as_bfloat16_value_by_value()
    {
        using var folder = new TemporaryFolder();
        var json = Encoding.UTF8.GetBytes("""
            {"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"F8_E5M2","shape":[2,4],"data_offsets":[8,16]}}
            """);
        byte[] values = [0x00, 0x80, 0x38, 0xb8, 0x7e, 0x01, 0x7f, 0x40, 0x3c, 0xbc, 0x7b, 0x01, 0x7c, 0xfc, 0x7d, 0x04];
        using var file = SafetensorsFile.Open(folder.Write("f8", [.. BitConverter.GetBytes((long)json.Length), .. json,
            .. values]));
        using var scope = NewDisposeScope();
        var (a, b) = (file.Read("a"), file.Read("b"));
        Assert.Equal((ScalarType.BFloat16, ScalarType.BFloat16), (a.dtype, file.Entries["b"].DType));
        Assert.Equal([0, -0f, 1, -1, 448, 1f / 512, float.NaN, 2], a.to_type(ScalarType.Float32).data<float>().ToArray());
        Assert.Equal([1, -1, 57344, 1f / 65536, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1f / 16384],
            b.flatten().to_type(ScalarType.Float32).data<float>().ToArray());
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("weights", [1, 2, 3]);
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(9);
            throw new InvalidOperationException("the disk is full");
        }));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    // T[2]0,8 is short for an F32 entry.
    private static string Expand(string header) => Regex.Replace(
        header.Replace("64 ones", string.Join(',', Enumerable.Repeat(1, 64))), @"T(\[[^\]]*\])(\d+,\d+)",
        "{\"dtype\":\"F32\",\"shape\":$1,\"data_offsets\":[$2]}");

    private static byte[] File8(string header)
    {
        var json = Encoding.UTF8.GetBytes(header);
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[8]];
    }
}
