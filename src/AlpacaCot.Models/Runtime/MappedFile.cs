using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// A memory-mapped file, and tensors that view it without a copy. Pages are loaded on first access; a write goes to a private
/// copy of its page, so an in-place operation changes memory of this process only, never the file.
/// <para>
/// The mapping lives until the object and every tensor made from it are disposed, in any order. The pages of a tensor that is
/// disposed are released at once, so that a weight that is only read for conversion takes no memory afterwards. Replacing the
/// file by a rename or deleting it is harmless; shortening it in place while it is mapped ends the process, as with any mapped
/// file.
/// </para>
/// <para>Thread-safe, except that <see cref="Dispose"/> must not race with <see cref="Tensor"/> or the use of
/// <see cref="Pointer"/>.</para>
/// </summary>
public sealed unsafe partial class MappedFile : IDisposable
{
    /// <summary>
    /// Mappings by the address of each tensor's first byte, with the number of tensors there and the bytes of the longest.
    /// libtorch hands that address to the deleter, and the table roots the mapping while a tensor lives.
    /// </summary>
    private static readonly Dictionary<nint, (MappedFile Map, int Tensors, long Bytes)> Live = [];

    private readonly MemoryMappedViewAccessor? _view;
    private int _owners = 1; // this object and each tensor
    private bool _disposed;

    private MappedFile(string path, MemoryMappedViewAccessor? view, long length)
    {
        (Path, this._view, Length) = (path, view, length);
        if (view is null) return;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        Pointer = start + view.PointerOffset;
    }

    /// <summary>The path of the file, as it was opened.</summary>
    public string Path { get; }

    /// <summary>The file's length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>The address of the first byte; null for an empty file. Valid while this object or a tensor of it lives.</summary>
    public byte* Pointer { get; }

    /// <summary>Maps a file. No page is read yet.</summary>
    /// <exception cref="InputException">The file is absent or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            using var stream = new FileStream(
                path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var length = stream.Length;
            if (length == 0) return new MappedFile(path, null, 0);
            using var file = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(path, file.CreateViewAccessor(0, length, MemoryMappedFileAccess.CopyOnWrite), length);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: the file does not exist.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ReadProblem.Explain(e, path);
        }
    }

    /// <summary>The bytes from <paramref name="offset"/> on, for parsing a header. Valid as long as
    /// <see cref="Pointer"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the file.</exception>
    public ReadOnlySpan<byte> Bytes(long offset, int count)
    {
        CheckRange(offset, count);
        return new ReadOnlySpan<byte>(Pointer + offset, count);
    }

    /// <summary>
    /// A contiguous tensor that views the file's bytes, without a copy. Two tensors over the same bytes see each other's writes;
    /// when the last is disposed, the writes are lost.
    /// </summary>
    /// <param name="offset">The offset of the first element in bytes; need not be aligned.</param>
    /// <param name="dtype">The type of the elements, little-endian in the file.</param>
    /// <param name="shape">The size of each dimension; empty for a scalar.</param>
    /// <exception cref="ArgumentOutOfRangeException">The elements are not inside the file.</exception>
    public Tensor Tensor(long offset, ScalarType dtype, ReadOnlySpan<long> shape)
    {
        var bytes = TensorLayout.ByteCount(dtype, shape)
            ?? throw new ArgumentOutOfRangeException(nameof(shape), "the shape overflows");
        CheckRange(offset, bytes);
        if (bytes == 0) return Tensors.Empty(shape, dtype, torch.CPU); // no memory to share, and no address to find it by

        var address = (nint)(Pointer + offset);
        AddOwner(address, bytes);
        fixed (long* sizes = shape)
        {
            long none = 0;
            try
            {
                return TensorMemory.Over((void*)address, &Release, shape.IsEmpty ? &none : sizes, shape.Length, dtype);
            }
            catch
            {
                RemoveOwner(address);
                throw;
            }
        }
    }

    /// <summary>
    /// Releases the memory of bytes that were read through <see cref="Pointer"/>; the file is read again when
    /// they are accessed again. Writes to them are lost.
    /// </summary>
    internal void Forget(long offset, long count)
    {
        CheckRange(offset, count);
        lock (Live) ForgetUnlessLive((nint)(Pointer + offset), count);
    }

    /// <summary>
    /// Drops the pages of a tensor that views a file; they are read again, mostly from the system's cache, when they are used
    /// again. Only for tensors that nobody has written to: a written page would return to what the file says. No effect on other
    /// tensors.
    /// </summary>
    internal static void DropPages(Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU) return;
        var (address, bytes) = ((nint)TensorMemory.Bytes(tensor), tensor.numel() * tensor.element_size());
        lock (Live)
        {
            if (!Live.TryGetValue(address, out var entry) || entry.Bytes < bytes) return;
        }
        Platform.ForgetPages(address, (nint)bytes);
    }

    /// <summary>Releases this object's reference to the mapping; it is unmapped when its last tensor is disposed.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        lock (Live) DropOwner();
    }

    private void CheckRange(long offset, long count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (offset < 0 || count < 0 || offset > Length - count)
            throw new ArgumentOutOfRangeException(nameof(offset), $"{count} bytes at {offset} are not inside {Path} " +
                $"({Length} bytes)");
    }

    private void AddOwner(nint address, long bytes)
    {
        lock (Live)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(Live, address, out _);
            entry = (this, entry.Tensors + 1, Math.Max(entry.Bytes, bytes));
            _owners++;
        }
    }

    private static void RemoveOwner(nint address)
    {
        lock (Live)
        {
            var (map, tensors, bytes) = Live[address];
            if (tensors > 1) Live[address] = (map, tensors - 1, bytes);
            else
            {
                Live.Remove(address);
                if (map._owners > 1) ForgetUnlessLive(address, bytes);
            }
            map.DropOwner();
        }
    }

    // A live tensor may have modified an overlapping page.
    private static void ForgetUnlessLive(nint address, long bytes)
    {
        if (!Live.Any(live => live.Key < address + bytes && address < live.Key + live.Value.Bytes))
            Platform.ForgetPages(address, (nint)bytes);
    }

    private void DropOwner()
    {
        if (--_owners > 0 || _view is null) return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
    }

    // Called by libtorch, on whichever thread drops the last reference to the tensor's storage.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Release(void* address) => RemoveOwner((nint)address);
}
