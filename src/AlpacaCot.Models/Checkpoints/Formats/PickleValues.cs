using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

// The values that the restricted unpickler creates, besides null, bool, long, double, string and byte[].

/// <summary>A Python tuple or <c>torch.Size</c>.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A Python list.</summary>
internal sealed record PickleList(List<object?> Items);

/// <summary>
/// A Python dict or <c>OrderedDict</c>, stored as pairs without hashing; a later pair overrides an earlier one with the same key.
/// </summary>
internal sealed record PickleDict(List<KeyValuePair<object?, object?>> Items);

/// <summary>An integer of more than 64 bits, as little-endian bytes.</summary>
internal sealed record PickleInteger(byte[] Bytes);

/// <summary>One of the names that a pickle may reference; <paramref name="Storage"/> is set for the storage types.</summary>
internal sealed record PickleGlobal(string Name, ScalarType? Storage);

/// <summary>A storage: consecutive elements in the file, viewed by tensors.</summary>
internal sealed record TorchStorage(string Key, ScalarType DType, long Count);

/// <summary>A tensor: a view of a storage. Offset and strides are in elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);
