using System.Buffers.Binary;
using System.Text;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Reads the parts of a 64-bit little-endian ELF shared object that loading libtorch needs: undefined symbols and required
/// symbol versions. Source: the System V ABI and the Linux Standard Base, "Symbol Versioning".
/// </summary>
internal sealed class ElfFile
{
    private const uint DynamicSymbols = 11, VersionNeeds = 0x6ffffffe, VersionSymbols = 0x6fffffff;
    private const ushort WeakVersion = 2;

    private readonly byte[] _bytes;

    public ElfFile(byte[] bytes)
    {
        if (bytes.Length < 64 || BinaryPrimitives.ReadUInt32BigEndian(bytes) != 0x7f454c46 || bytes[4] != 2 || bytes[5] != 1)
            throw new InvalidDataException("not a 64-bit little-endian ELF file");
        this._bytes = bytes;
    }

    /// <summary>The content of the file, with the changes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>A symbol that another library must define.</summary>
    /// <param name="Name">The mangled name.</param>
    /// <param name="Weak">Whether the symbol is optional.</param>
    /// <param name="Version">The index of the required version.</param>
    public readonly record struct Undefined(string Name, bool Weak, int Version);

    /// <summary>Every symbol that this file uses and does not define.</summary>
    public IEnumerable<Undefined> UndefinedSymbols()
    {
        var (symbols, size, link) = Section(DynamicSymbols);
        var (versions, _, _) = Section(VersionSymbols);
        var names = SectionOffset(link);
        for (var i = 1; i * 24 < size; i++)
        {
            var at = symbols + i * 24;
            if (U16(at + 6) != 0) continue; // defined here
            yield return new Undefined(Text(names + (int)U32(at)), _bytes[at + 4] >> 4 == 2, U16(versions + i * 2) & 0x7fff);
        }
    }

    /// <summary>
    /// Makes a required version optional for the loader, if the only symbols bound to it are in
    /// <paramref name="nominal"/>, so that no function is missing at run time.
    /// </summary>
    /// <returns>True if the version was found and is now optional.</returns>
    public bool MakeVersionOptional(string version, IReadOnlySet<string> nominal)
    {
        var (need, size, link) = Section(VersionNeeds);
        if (size == 0) return false;
        var names = SectionOffset(link);
        while (true)
        {
            var count = U16(need + 2);
            var aux = need + (int)U32(need + 8);
            for (var i = 0; i < count; i++, aux += (int)U32(aux + 12))
            {
                if (Text(names + (int)U32(aux + 8)) != version) continue;
                var index = U16(aux + 6);
                if (UndefinedSymbols().Any(s => s.Version == index && !nominal.Contains(s.Name))) return false;
                BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(aux + 4), (ushort)(U16(aux + 4) | WeakVersion));
                return true;
            }
            var next = (int)U32(need + 12);
            if (next == 0) return false;
            need += next;
        }
    }

    private (int Offset, int Size, int Link) Section(uint type)
    {
        for (var i = 0; i < U16(60); i++)
        {
            var at = SectionHeader(i);
            if (U32(at + 4) == type) return ((int)U64(at + 24), (int)U64(at + 32), (int)U32(at + 40));
        }
        return default;
    }

    private int SectionHeader(int index) => (int)U64(40) + index * U16(58);

    private int SectionOffset(int index) => (int)U64(SectionHeader(index) + 24);

    private string Text(int at) => Encoding.ASCII.GetString(_bytes.AsSpan(at, _bytes.AsSpan(at).IndexOf((byte)0)));

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
}
