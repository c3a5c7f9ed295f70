using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

// What the whitelist unpickler can build, besides null, bool, long, double, string and byte[].

/// <summary>A Python tuple or <c>torch.Size</c>.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A Python list.</summary>
internal sealed record PickleList(List<object?> Items);

/// <summary>
/// A Python dict or <c>OrderedDict</c>, kept as pairs: nothing is hashed, and a later pair overrules an earlier one.
/// </summary>
internal sealed record PickleDict(List<KeyValuePair<object?, object?>> Items);

/// <summary>An integer of more than 64 bits, as little-endian bytes.</summary>
internal sealed record PickleInteger(byte[] Bytes);

/// <summary>One of the few names a pickle may use; <paramref name="Storage"/> is set for the storage types.</summary>
internal sealed record PickleGlobal(string Name, ScalarType? Storage);

/// <summary>A run of elements in the file that tensors look into.</summary>
internal sealed record TorchStorage(string Key, ScalarType DType, long Count);

/// <summary>A tensor: a view of a storage. Offset and strides are in elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);
