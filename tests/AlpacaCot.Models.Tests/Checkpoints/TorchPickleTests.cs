using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Checkpoints;

public sealed class TorchPickleTests
{
    private static readonly byte[] SixFloats = PickleBuilder.Floats(0, 1, 2, 3, 4, 5);

    [Theory]
    [InlineData("llama/model/pytorch_model", "llama/model/model")]
    [InlineData("bloom/model/pytorch_model", "bloom/model/model")]
    [InlineData("gpt_neox/model/pytorch_model", "gpt_neox/model/model")]
    [InlineData("baichuan_7b/model/pytorch_model", "baichuan_7b/model/model")]
    [InlineData("chatglm/model/pytorch_model", "chatglm/model/model")]
    [InlineData("chatglm2/model/pytorch_model", "chatglm2/model/model")]
    [InlineData("moss/model/pytorch_model", "moss/model/model")]
    [InlineData("llama/lora/adapter_model", "llama/lora/adapter_model")]
    [InlineData("moss/lora/adapter_model", "moss/lora/adapter_model")]
    public void A_file_of_pytorch_equals_its_safetensors_form(string pickle, string safetensors)
    {
        using var scope = NewDisposeScope();
        using var expected = SafetensorsFile.Open(ReferenceData.Path($"golden/{safetensors}.safetensors"));
        using var actual = TorchPickleFile.Open(ReferenceData.Path($"golden/{pickle}.bin"));
        Assert.NotEmpty(expected.Entries);
        foreach (var name in expected.Entries.Keys) Tensors.AssertSame(expected.Read(name), actual.Read(name), name);
    }

    [Fact]
    public void One_changed_bit_is_noticed() // the control of the comparison above
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = ReferenceData.Path("golden/llama/model/pytorch_model.bin");
        var bytes = File.ReadAllBytes(path);
        using var expected = TorchPickleFile.Open(path);
        bytes[bytes.AsSpan().IndexOf(expected.Read("lm_head.weight").bytes) + 4321] ^= 1;
        using var actual = TorchPickleFile.Open(folder.Write("w.bin", bytes));
        Assert.Equal(["lm_head.weight"],
            expected.Entries.Keys.Where(n => !expected.Read(n).bytes.SequenceEqual(actual.Read(n).bytes)));
    }

    [Fact]
    public void A_wrapped_state_dict_and_one_with_attributes_are_read()
    {
        using var scope = NewDisposeScope();
        using var fair = TorchPickleFile.Open(ReferenceData.Path("data/weights/torchtune/tiny_fair_checkpoint.pt"));
        Assert.NotEmpty(fair.Entries);
        foreach (var (name, entry) in fair.Entries) Assert.Equal(entry.Shape, fair.Read(name).shape);
        using var one = TorchPickleFile.Open(ReferenceData.Path("data/weights/torchtune/tiny_state_dict_with_one_key.pt"));
        Assert.Single(one.Entries);
    }

    [Fact]
    public void Every_layout_of_a_tensor_is_read_in_both_forms()
    {
        using var folder = new TemporaryFolder();
        foreach (var legacy in new[] { false, true })
        {
            var pickle = new PickleBuilder().Op('}').Op('(').Text("epoch").Number(3).Text("model").Op('}').Op('(');
            pickle.Text("whole").Tensor("7", 6, 0, [2, 3], [3, 1], legacy);
            pickle.Text("transposed").Tensor("7", 6, 0, [3, 2], [1, 3], legacy);
            pickle.Text("column").Tensor("7", 6, 2, [2], [3], legacy);
            pickle.Text("scalar").Tensor("7", 6, 5, [], [], legacy);
            pickle.Text("empty").Tensor("7", 6, 6, [0, 9], [9, 1], legacy);
            pickle.Text("one row").Tensor("7", 6, 3, [1, 3], [99, 1], legacy);
            pickle.Text("repeated").Tensor("7", 6, 4, [4], [0], legacy);
            pickle.Text("parameter").Global("torch._utils", "_rebuild_parameter").Op('(')
                .Tensor("7", 6, 0, [6], [1], legacy).Op('\x88').Op('N').Op('t').Op('R');
            pickle.Op('u').Op('u');
            var bytes = legacy ? Legacy(pickle.Stop(), ("7", 6, SixFloats)) : pickle.Zip(("7", SixFloats));

            using var scope = NewDisposeScope();
            using var file = TorchPickleFile.Open(folder.Write("w.bin", bytes));
            float[] Values(string name) => file.Read(name).data<float>().ToArray();
            Assert.Equal(8, file.Entries.Count);
            Assert.Equal([0, 1, 2, 3, 4, 5], Values("whole"));
            Assert.Equal([0, 3, 1, 4, 2, 5], Values("transposed"));
            Assert.Equal([2, 5], Values("column"));
            Assert.Equal([5], Values("scalar"));
            Assert.Equal([0, 9], file.Read("empty").shape);
            Assert.Equal([3, 4, 5], Values("one row"));
            Assert.Equal([4, 4, 4, 4], Values("repeated"));
            Assert.Equal([0, 1, 2, 3, 4, 5], Values("parameter"));

            file.Read("whole").add_(Number(10)); // shared memory stays shared
            Assert.Equal([12, 15], Values("column"));
        }
    }

    public static TheoryData<string, byte[]> Attacks()
    {
        PickleBuilder New() => new();
        return new()
        {
            { "GLOBAL posix.system at byte 2", New().Global("posix", "system").Text("id").Op('\x85').Op('R').Stop() },
            { "GLOBAL builtins.eval at byte 3", New().Op('}').Global("builtins", "eval").Stop() },
            { "STACK_GLOBAL os.system at byte", New().Text("os").Text("system").Op('\x93').Stop() },
            { "STACK_GLOBAL collections.? at byte", New().Text("collections").Op('N').Op('\x93').Stop() },
            { "GLOBAL torch.storage._load_from_bytes", New().Global("torch.storage", "_load_from_bytes").Stop() },
            { "GLOBAL torch.storage.UntypedStorage", New().Global("torch.storage", "UntypedStorage").Stop() },
            { "GLOBAL argparse.Namespace", New().Global("argparse", "Namespace").Stop() },
            { "GLOBAL collections.OrderedDict.update", New().Global("collections", "OrderedDict.update").Stop() },
            { "INST os.system at byte 3", New().Op('(').Op('i', "os\nsystem\n"u8.ToArray()).Stop() },
            { "OBJ at byte", New().Op('(').Global("torch", "Size").Op('o').Stop() },
            { "NEWOBJ at byte", New().Global("torch", "Size").Op(')').Op('\x81').Stop() },
            { "NEWOBJ_EX at byte", New().Global("torch", "Size").Op(')').Op('}').Op('\x92').Stop() },
            { "EXT1 5 at byte 2", New().Op('\x82', 5).Stop() },
            { "EXT4 1 at byte 2", New().Op('\x84', 1, 0, 0, 0).Stop() },
            { "REDUCE of something that is not a function", New().Text("x").Op(')').Op('R').Stop() },
            { "REDUCE of something that is not a function", New().Global("torch", "FloatStorage").Op(')').Op('R').Stop() },
            { "REDUCE torch.float32", New().Global("torch", "float32").Op(')').Op('R').Stop() },
            { "BUILD of something that is not an OrderedDict", New().Global("torch", "Size").Op('}').Op('b').Stop() },
        };
    }

    [Theory, MemberData(nameof(Attacks))]
    public void Whatever_could_execute_is_refused_with_its_opcode(string refused, byte[] pickle)
    {
        using var folder = new TemporaryFolder();
        byte[][] forms = [Zip64.Store([("archive/data.pkl", pickle)]), pickle, Legacy(pickle)];
        foreach (var form in forms)
        {
            var path = folder.Write("pytorch_model.bin", form);
            var error = Assert.Throws<InputException>(() => TorchPickleFile.Open(path));
            Assert.Contains($"rejected: {refused.Split(" at byte")[0]}", error.Message);
            Assert.Contains("this file tries to execute code", error.Message);
            if (form == forms[0]) Assert.Contains($"rejected: {refused}", error.Message);
            if (form == forms[0]) Assert.Contains("of archive/data.pkl", error.Message);
        }
    }

    public static TheoryData<string, byte[]> Damages()
    {
        PickleBuilder Tensor(long count, long offset, long[] shape, long[] strides) =>
            new PickleBuilder().Op('}').Text("a").Tensor("7", count, offset, shape, strides).Op('s');
        var (data, good) = (("7", SixFloats), Tensor(6, 0, [2, 3], [3, 1]));
        return new()
        {
            { "a reaches to element 7", Tensor(6, 1, [2, 3], [3, 1]).Zip(data) },
            { "a reaches to element 10", Tensor(6, 0, [2], [9]).Zip(data) },
            { "a has an impossible layout", Tensor(6, 0, [2, 3], [3]).Zip(data) },
            { "a has an impossible layout", Tensor(6, -1, [2, 3], [3, 1]).Zip(data) },
            { "a has an impossible layout", Tensor(6, 5, [2], [-1]).Zip(data) },
            { "a has an impossible layout", Tensor(6, 0, [long.MaxValue, 3], [3, 1]).Zip(data) },
            { "the data of a are truncated: 7 elements", Tensor(7, 0, [7], [1]).Zip(data) },
            { "the data of a are truncated", Tensor(long.MaxValue, 0, [7], [1]).Zip(data) },
            { "the data of a (archive/data/7) are missing", good.Zip(("8", SixFloats)) },
            { "does not name a storage", Tensor(-1, 0, [7], [1]).Zip(data) },
            { "contains no state dict", new PickleBuilder().Op('N').Zip() },
            { "contains no tensors", new PickleBuilder().Op('}').Zip() },
            { "a tensor's name is not a string", new PickleBuilder().Op('}').Number(1).Tensor("7", 6, 0, [6], [1])
                .Op('s').Zip(data) },
            { "is not an opcode of torch.save", new PickleBuilder().Op('\x01').Zip() },
            { "a value is missing", new PickleBuilder().Op('}').Op('(').Op('s').Zip() },
            { "memo 4 was never set", new PickleBuilder().Op('h', 4).Zip() },
            { "the file is truncated or damaged", new PickleBuilder().Op('X', 255, 255, 255, 255).Zip() },
            { "the file is truncated or damaged", new PickleBuilder().Op('\x8d', 255, 255, 255, 255, 255, 255, 255, 255).Zip() },
            { "is compressed", Zip64.Store([("archive/data.pkl", good.Stop())], method: 8) },
            { "it has no data.pkl", Zip64.Store([("archive/model.json", [1])]) },
            { "TorchScript", Zip64.Store([("archive/data.pkl", [1]), ("archive/constants.pkl", [1])]) },
            {
                "big-endian",
                Zip64.Store([("archive/data.pkl", good.Stop()), ("archive/byteorder", "big"u8.ToArray())])
            },
            { "occurs twice", Zip64.Store([("archive/data.pkl", good.Stop()), ("archive/data.pkl", good.Stop())]) },
            { "the file is truncated at", good.Zip(data)[..^1] },
            { "git lfs pull", "version https://git-lfs.github.com/spec/v1\n"u8.ToArray() },
            { "a web page", "<!DOCTYPE html><html>"u8.ToArray() },
            { "not a usable file of torch.save", "GGUF and so on"u8.ToArray() },
            { "32 bytes of storage 7 are missing", Legacy(good.Stop(), ("7", 6, []))[..^8] },
            { "does not have the length of its tensors", Legacy(good.Stop(), ("7", 5, SixFloats)) },
            { "storage 9 belongs to no tensor", Legacy(good.Stop(), ("9", 6, SixFloats)) },
            { "the data of a are missing", Legacy(good.Stop()) },
        };
    }

    [Theory, MemberData(nameof(Damages))]
    public void A_damaged_file_is_refused_with_its_fault(string fault, byte[] bytes)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("w.bin", bytes);
        var error = Assert.Throws<InputException>(() => TorchPickleFile.Open(path));
        Assert.StartsWith(path, error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Fact]
    public void A_small_file_cannot_ask_for_much_memory()
    {
        using var folder = new TemporaryFolder();
        var repeated = new PickleBuilder().Op('}').Text("a").Tensor("7", 6, 0, [1 << 20, 1 << 20], [0, 0]).Op('s')
            .Zip(("7", SixFloats));
        using (var file = TorchPickleFile.Open(folder.Write("w.bin", repeated)))
            Assert.Contains("expands by stride 0", Assert.Throws<InputException>(() => file.Read("a")).Message);

        // A list of 30,000 pairs, kept in the memo, made into 30,000 dicts of 5 bytes each: 900 million pairs.
        var pairs = new PickleBuilder().Op(']').Op('(');
        for (var i = 0; i < 30_000; i++) pairs.Op('N').Op('N').Op('\x86');
        pairs.Op('e').Op('q', 1).Op(']').Op('(').Global("collections", "OrderedDict").Op('q', 2);
        for (var i = 0; i < 30_000; i++) pairs.Op('h', 2).Op('h', 1).Op('\x85').Op('R');
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<InputException>(() => TorchPickleFile.Open(folder.Write("w.bin", pairs.Zip())));
        Assert.Contains("4000000 objects", error.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 << 20);
    }

    /// <summary>The sequence of pickles and storages that torch.save wrote before 1.6.</summary>
    private static byte[] Legacy(byte[] pickle, params (string Key, long Count, byte[] Data)[] storages)
    {
        byte[] magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];
        var version = new PickleBuilder().Op('M', 0xe9, 3).Stop();
        var system = new PickleBuilder().Op('}').Text("little_endian").Op('\x88').Op('s').Stop();
        var keys = new PickleBuilder().Op(']').Op('(');
        foreach (var (key, _, _) in storages) keys.Text(key);
        return [.. magic, .. version, .. system, .. pickle, .. keys.Op('e').Stop(),
            .. storages.SelectMany(s => BitConverter.GetBytes(s.Count).Concat(s.Data))];
    }
}
