using System.Buffers.Binary;
using System.Text;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Tests.Checkpoints;

/// <summary>GGUF, llama2.c and Meta's form as sources, against files that their own programs wrote.</summary>
public sealed class ForeignModelTests
{
    private const string Stories = "data/weights/stories260K/";
    private const int QuantizedData = 14240, Rows = 512, Width = 64; // where llama.cpp put the first tensor, the head

    private static string HuggingFace => ReferenceData.Path("data/derived/stories260K-hf");

    [Theory]
    [InlineData("stories260K-F32.gguf", 1e-5)]
    [InlineData("stories260K-F16.gguf", 2e-2)]
    [InlineData("stories260K.bin", 1e-5)]
    public void A_foreign_file_is_the_same_model(string name, double tolerance)
    {
        using var expected = LanguageModel.Load(HuggingFace);
        using var actual = LanguageModel.Load(ReferenceData.Path(Stories + name),
            tokenizerPath: name.EndsWith(".bin", StringComparison.Ordinal) ? ReferenceData.Path(Stories + "tok512.bin") : null);
        Assert.InRange(LogitComparison.Of(expected, actual).LargestDifference, 0, tolerance);
        var options = new GenerationOptions { MaxNewTokens = 64 };
        const string text = "Once upon a time, there was a little girl named Lily.";
        var ids = expected.Tokenizer.Encode(text);
        Assert.Equal(ids, actual.Tokenizer.Encode(text));
        Assert.Equal(expected.Generator.Stream(ids, options, default), actual.Generator.Stream(ids, options, default));
        Assert.Equal(expected.EndTokens, actual.EndTokens);
    }

    [Theory]
    [InlineData("stories260K-F32.gguf")]
    [InlineData("tok512.bin")]
    public void The_tokenizer_inside_gives_the_same_tokens(string name)
    {
        var expected = Tokenizer.Load(HuggingFace);
        var actual = Tokenizer.Load(ReferenceData.Path(Stories + name));
        foreach (var text in (string[])["", " ", "a", "  two  spaces ", "The cat sat.\nIt ran!\n\n", "naïve café 中文 🦙",
            "<s>x</s>", "\t<0x41>"])
        {
            Assert.Equal(expected.Encode(text), actual.Encode(text));
            Assert.Equal(text, actual.Decode(actual.Encode(text, parseSpecial: false)));
        }
    }

    [Theory]
    [InlineData("stories260K-Q8_0.gguf", 0, "output.weight", 8u)]
    [InlineData("stories260K-Q4_0.gguf", Rows * Width / 32 * 34 + Width * 4, "token_embd.weight", 2u)]
    public void Blocks_are_llama_cpps_bytes_and_expand_to_within_a_step(string name, int offset, string tensor, uint id)
    {
        // These files were cut short by their program, before their header was written; the blocks are there.
        var file = File.ReadAllBytes(ReferenceData.Path(Stories + name));
        var whole = GgufHeader.Read(ReferenceData.Path(Stories + "stories260K-F32.gguf"));
        var source = File.ReadAllBytes(whole.Path).AsSpan((int)whole.Tensors.Single(t => t.Name == tensor).Offset);
        var values = new float[Rows * Width];
        for (var i = 0; i < values.Length; i++) values[i] = BinaryPrimitives.ReadSingleLittleEndian(source[(4 * i)..]);

        var type = GgufType.All.Single(t => t.Id == id);
        var blocks = new byte[type.ByteCount([Rows, Width])!.Value];
        GgufBlocks.Round(type, values, blocks);
        Assert.True(file.AsSpan(QuantizedData + offset, blocks.Length).SequenceEqual(blocks));

        var back = new float[values.Length];
        GgufBlocks.Expand(type, blocks, back);
        for (var i = 0; i < values.Length; i++)
        {
            var most = values.AsSpan(i / 32 * 32, 32).ToArray().Max(MathF.Abs);
            Assert.InRange(back[i] - values[i], -most / (id == 8 ? 127f : 8), most / (id == 8 ? 127f : 8));
        }
        Assert.Contains("not a usable GGUF", Assert.Throws<InputException>(() =>
            GgufHeader.Read(ReferenceData.Path(Stories + name))).Message);
    }

    [Fact]
    public void Blocks_of_4_and_6_bits_expand_as_the_formats_say()
    {
        var random = new DeterministicRandom(7);
        foreach (var type in new[] { GgufType.Q4K, GgufType.Q6K })
        {
            var block = new byte[type.BlockBytes];
            for (var i = 0; i < block.Length; i++) block[i] = (byte)(random.NextDouble() * 256);
            foreach (var at in type == GgufType.Q4K ? new[] { 0, 2 } : [208])
                BinaryPrimitives.WriteHalfLittleEndian(block.AsSpan(at), (Half)(0.01 + 0.1 * random.NextDouble()));
            var actual = new float[256];
            GgufBlocks.Expand(type, block, actual);
            for (var i = 0; i < 256; i++)
                Assert.Equal(type == GgufType.Q4K ? Q4K(block, i) : Q6K(block, i), actual[i], 1e-5f);
        }
    }

    // Element by element, after the layout's description.
    private static float Q4K(byte[] b, int i)
    {
        var (d, least, run, chunk) = ((float)BitConverter.ToHalf(b, 0), (float)BitConverter.ToHalf(b, 2), i / 32, i / 64);
        var s = b.AsSpan(4, 12);
        var scale = run < 4 ? s[run] & 0x3f : (s[run + 4] & 0x0f) + ((s[run - 4] & 0xc0) >> 2);
        var minimum = run < 4 ? s[run + 4] & 0x3f : ((s[run + 4] & 0xf0) >> 4) + ((s[run] & 0xc0) >> 2);
        var q = b[16 + chunk * 32 + i % 32];
        return d * scale * (i % 64 < 32 ? q % 16 : q / 16) - least * minimum;
    }

    private static float Q6K(byte[] b, int i)
    {
        var (n, l, quarter) = (i / 128, i % 32, i % 128 / 32);
        var low = b[n * 64 + l + (quarter % 2 == 1 ? 32 : 0)];
        var four = quarter < 2 ? low % 16 : low / 16;
        var two = (b[128 + n * 32 + l] >> (2 * quarter)) % 4;
        return (float)BitConverter.ToHalf(b, 208) * (sbyte)b[192 + n * 8 + quarter * 2 + l / 16] * (four + 16 * two - 32);
    }

    [Fact]
    public void A_header_that_asks_for_more_than_the_file_has_is_refused()
    {
        var whole = File.ReadAllBytes(ReferenceData.Path(Stories + "stories260K-F32.gguf"));
        using var folder = new TemporaryFolder();
        string Fault(int at, ulong value, int size = 8)
        {
            var bytes = whole.ToArray();
            BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(bytes.AsSpan(at));
            return Assert.Throws<InputException>(() => ModelFolder.Open(folder.Write("m.gguf", bytes))).Message;
        }
        int After(string text) => whole.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) + text.Length;

        Assert.Contains("its version is 9", Fault(4, 9, 4));
        foreach (var huge in new[] { 1UL << 40, ulong.MaxValue, (ulong)long.MaxValue })
        {
            Assert.Contains("tensors, more than its", Fault(8, huge));
            Assert.Contains("metadata entries, more than its", Fault(16, huge));
            Assert.Contains("a string of", Fault(24, huge));
            Assert.Contains("elements of an array, more than its", Fault(After("tokenizer.ggml.tokens") + 8, huge));
            Assert.Contains("token_embd.weight", Fault(After("token_embd.weight") + 4, huge));
        }
        Assert.Contains("truncated", Fault(After("token_embd.weight") + 4, 1 << 20));
        Assert.Contains("element type 77", Fault(After("token_embd.weight") + 20, 77, 4));
        Assert.Contains("truncated", Fault(After("token_embd.weight") + 24, 1 << 30));

        foreach (var length in Enumerable.Range(0, 60).Select(i => i * 239).Append(whole.Length - 1))
            Assert.Throws<InputException>(() => ModelFolder.Open(folder.Write("m.gguf", whole[..length])));
    }

    [Fact]
    public void A_llama2c_file_cut_short_is_refused()
    {
        using var folder = new TemporaryFolder();
        var whole = File.ReadAllBytes(ReferenceData.Path(Stories + "stories260K.bin"));
        Assert.Contains("neither", Assert.Throws<InputException>(() => ModelFolder.Open(folder.Write("m.bin",
            whole[..^4]))).Message);
        byte[] marked = [.. "24ka"u8, .. BitConverter.GetBytes(1), .. whole[..28], .. new byte[400]];
        Assert.Contains("for the sizes in its header", Assert.Throws<InputException>(() => ModelFolder.Open(folder.Write("m.bin",
            marked))).Message);
    }

    [Fact]
    public void Slices_of_model_parallelism_are_put_together()
    {
        using var folder = new TemporaryFolder();
        using var model = LanguageModel.Load(HuggingFace);
        ModelExport.ToStateDict(model, folder.File("whole"));
        using (var whole = TorchPickleFile.Open(folder.File("whole/consolidated.00.pth")))
        {
            Directory.CreateDirectory(folder.File("sliced"));
            for (var rank = 0; rank < 2; rank++)
                TorchPickleWriter.Write(folder.File($"sliced/consolidated.0{rank}.pth"), [.. whole.Entries.Values.Select(e =>
                    Slice(whole, e, rank))]);
        }
        File.Copy(folder.File("whole/params.json"), folder.File("sliced/params.json"));
        using (var sliced = LanguageModel.Load(folder.File("sliced")))
            Assert.InRange(LogitComparison.Of(model, sliced).LargestDifference, 0, 1e-5);

        File.Delete(folder.File("sliced/consolidated.01.pth"));
        File.Copy(folder.File("sliced/consolidated.00.pth"), folder.File("sliced/consolidated.02.pth"));
        Assert.Contains("consolidated.01.pth is missing", Assert.Throws<InputException>(() =>
            ModelFolder.Open(folder.File("sliced"))).Message);
    }

    private static ExportTensor Slice(TorchPickleFile file, TensorEntry entry, int rank)
    {
        if (entry.Shape.Length < 2) return new ExportTensor(entry.Name, entry.DType, entry.Shape, () => file.Read(entry.Name));
        var axis = entry.Name.Contains(".wo.") || entry.Name.Contains(".w2.") || entry.Name.StartsWith("tok_embeddings") ? 1 : 0;
        var shape = entry.Shape.ToArray();
        shape[axis] /= 2;
        return new ExportTensor(entry.Name, entry.DType, shape, () => file.Read(entry.Name).narrow(axis, rank * shape[axis],
            shape[axis]));
    }
}
