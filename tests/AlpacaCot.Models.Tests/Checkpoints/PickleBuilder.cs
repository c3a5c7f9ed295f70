using System.Text;

namespace AlpacaCot.Models.Tests.Checkpoints;

/// <summary>Writes pickles opcode by opcode, and puts them into files as torch.save does.</summary>
internal sealed class PickleBuilder
{
    private readonly List<byte> _bytes = [0x80, 2]; // PROTO 2

    public int Length => _bytes.Count;

    public PickleBuilder Op(char opcode, params byte[] arguments)
    {
        _bytes.Add((byte)opcode);
        _bytes.AddRange(arguments);
        return this;
    }

    public PickleBuilder Global(string module, string name) => Op('c', Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public PickleBuilder Text(string text) =>
        Op('X', [.. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)]);

    public PickleBuilder Number(long number) => Op('\x8a', [8, .. BitConverter.GetBytes(number)]);

    public PickleBuilder Numbers(params long[] numbers)
    {
        Op('(');
        foreach (var number in numbers) Number(number);
        return Op('t');
    }

    public PickleBuilder Storage(string type, string key, long count, string module = "torch", bool legacy = false)
    {
        Op('(').Text("storage").Global(module, type).Text(key).Text("cpu").Number(count);
        if (legacy) Op('N');
        return Op('t').Op('Q');
    }

    /// <summary>A tensor over a storage of fp32.</summary>
    public PickleBuilder Tensor(string key, long count, long offset, long[] shape, long[] strides, bool legacy = false) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage("FloatStorage", key, count, legacy: legacy).Number(offset)
            .Numbers(shape).Numbers(strides).Op('\x89').Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');

    public byte[] Stop() => [.. _bytes, (byte)'.'];

    /// <summary>The zip form, with entries stored as torch.save stores them.</summary>
    public byte[] Zip(params (string Key, byte[] Data)[] storages) =>
        Zip64.Store([("archive/data.pkl", Stop()), ("archive/version", "3\n"u8.ToArray()),
            .. storages.Select(s => ($"archive/data/{s.Key}", s.Data))]);

    public static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];
}

/// <summary>A zip file whose every size and position is in the ZIP64 form, as in files of more than 4 GB.</summary>
internal static class Zip64
{
    public static byte[] Store(IReadOnlyList<(string Name, byte[] Data)> entries, ushort method = 0)
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        var places = new List<long>();
        foreach (var (name, data) in entries)
        {
            places.Add(file.Position);
            writer.Write(0x04034b50);
            Entry(writer, name, method);
            writer.Write([.. Encoding.UTF8.GetBytes(name), 1, 0, 16, 0]);
            writer.Write((long)data.Length);
            writer.Write((long)data.Length);
            writer.Write(data);
        }
        var start = file.Position;
        foreach (var ((name, data), place) in entries.Zip(places))
        {
            writer.Write(0x02014b50);
            writer.Write((ushort)45);
            Entry(writer, name, method, extra: 28);
            writer.Write(new byte[10]); // comment, disk, attributes
            writer.Write(uint.MaxValue);
            writer.Write([.. Encoding.UTF8.GetBytes(name), 1, 0, 24, 0]);
            writer.Write((long)data.Length);
            writer.Write((long)data.Length);
            writer.Write(place);
        }
        var (end, count) = (file.Position, (long)entries.Count);
        writer.Write(0x06064b50);
        writer.Write(44L);
        writer.Write(0x002d002d);
        writer.Write(0L); // disks
        foreach (var value in (long[])[count, count, end - start, start]) writer.Write(value);
        writer.Write(0x07064b50);
        writer.Write(0);
        writer.Write(end);
        writer.Write(1);
        writer.Write(0x06054b50);
        writer.Write(0);
        writer.Write(uint.MaxValue);
        writer.Write(ulong.MaxValue);
        writer.Write((ushort)0);
        return file.ToArray();
    }

    private static void Entry(BinaryWriter writer, string name, ushort method, ushort extra = 20)
    {
        writer.Write((ushort)45);
        writer.Write((ushort)0);
        writer.Write(method);
        writer.Write(0L); // time, checksum
        writer.Write(ulong.MaxValue); // both sizes
        writer.Write((ushort)Encoding.UTF8.GetByteCount(name));
        writer.Write(extra);
    }
}
