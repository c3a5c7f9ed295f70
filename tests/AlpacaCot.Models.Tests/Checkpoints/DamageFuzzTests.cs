using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

/// <summary>Real files with random damage: each is read or refused with a message, and neither takes much memory.</summary>
[Trait("level", "full")]
public sealed class DamageFuzzTests
{

    [Theory]
    [InlineData("golden/llama/lora/adapter_model.bin", 1500)]
    [InlineData("golden/llama/lora/adapter_model.safetensors", 1500)]
    [InlineData("data/weights/torchtune/tiny_state_dict_with_one_key.pt", 1500)]
    [InlineData("data/weights/stories260K/stories260K-F16.gguf", 300)]
    public void Damage_never_does_worse_than_a_message(string name, int trials)
    {
        var whole = File.ReadAllBytes(ReferenceData.Path(name));
        var random = new Random(7);
        using var folder = new TemporaryFolder();
        int read = 0, refused = 0;
        for (var trial = 0; trial < trials; trial++)
        {
            var bytes = Damage(whole, random);
            var path = folder.Write("damaged", bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var scope = NewDisposeScope();
                using var file = Open(path, Path.GetExtension(name));
                foreach (var (key, entry) in file.Entries)
                {
                    using var tensor = file.Read(key);
                    Assert.InRange(tensor.numel() * tensor.element_size(), 0, bytes.Length);
                    using var sum = tensor.to_type(ScalarType.Float64).sum();
                }
                read++;
            }
            catch (InputException e)
            {
                Assert.StartsWith(path, e.Message);
                refused++;
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 * bytes.Length + (1 << 20));
        }
        Assert.True(Math.Min(read, refused) > trials / 20, $"{read} read, {refused} refused: unfit damage");
    }

    private static ITensorFile Open(string path, string kind)
    {
        if (kind == ".safetensors") return SafetensorsFile.Open(path);
        if (kind != ".gguf") return TorchPickleFile.Open(path);
        _ = Text.Tokenization.Tokenizer.Load(path).Encode("a tokenizer that loads can be used");
        return GgufModel.Open(path);
    }

    private static byte[] Damage(byte[] whole, Random random)
    {
        var bytes = (byte[])whole.Clone();
        switch (random.Next(4))
        {
            case 0: // a few bytes anywhere
                for (var i = random.Next(1, 9); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return bytes;
            case 1: // a few bits of the first or last kilobyte, where headers and directories lie
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    var at = random.Next(Math.Min(1200, bytes.Length));
                    bytes[random.Next(3) == 0 ? bytes.Length - 1 - at : at] ^= (byte)(1 << random.Next(8));
                }
                return bytes;
            case 2: // a piece copied over another
                var (from, to, count) = (random.Next(bytes.Length), random.Next(bytes.Length), random.Next(1, 40));
                whole.AsSpan(from, Math.Min(count, bytes.Length - Math.Max(from, to))).CopyTo(bytes.AsSpan(to));
                return bytes;
            default: // cut, or with something behind
                return random.Next(2) == 0 ? bytes[..random.Next(bytes.Length)] : [.. bytes, .. new byte[random.Next(1, 50)]];
        }
    }
}
