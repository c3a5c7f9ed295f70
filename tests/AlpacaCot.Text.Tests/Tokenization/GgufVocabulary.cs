using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>The vocabulary inside a GGUF file, and a <c>tokenizer.json</c> made of it.</summary>
internal sealed class GgufVocabulary
{
    private readonly byte[] _file;
    private int _at = 4;

    public Dictionary<string, object> Values { get; } = [];

    public GgufVocabulary(byte[] file)
    {
        _file = file;
        Assert.Equal("GGUF"u8, file.AsSpan(0, 4));
        Assert.InRange(Number<uint>(4), 2u, 3u);
        Number<long>(8);
        for (var left = Number<long>(8); left > 0; left--)
        {
            var key = Text();
            Values[key] = Value(Number<uint>(4));
        }
    }

    public string[] Tokens => [.. ((object[])Values["tokenizer.ggml.tokens"]).Cast<string>()];
    public string[] Merges => [.. ((object[])Values["tokenizer.ggml.merges"]).Cast<string>()];
    public float[] Scores => [.. ((object[])Values["tokenizer.ggml.scores"]).Cast<float>()];
    public long[] Kinds => [.. ((object[])Values["tokenizer.ggml.token_type"]).Cast<long>()];

    /// <summary>The same tokenizer as Hugging Face would publish it.</summary>
    public string ToTokenizerJson(JsonNode preTokenizer)
    {
        var vocabulary = new JsonObject();
        var added = new JsonArray();
        var (tokens, kinds) = (Tokens, Kinds);
        for (var id = 0; id < tokens.Length; id++)
        {
            vocabulary[tokens[id]] = id;
            if (kinds[id] is 3 or 4)
                added.Add(new JsonObject { ["id"] = id, ["content"] = tokens[id], ["special"] = kinds[id] == 3 });
        }
        return new JsonObject
        {
            ["added_tokens"] = added,
            ["pre_tokenizer"] = preTokenizer,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. Merges.Select(m => JsonValue.Create(m))]),
            },
        }.ToJsonString();
    }

    private object Value(uint kind)
    {
        switch (kind)
        {
            case 0: return (long)Number<byte>(1);
            case 1: return (long)(sbyte)Number<byte>(1);
            case 2 or 3: return (long)Number<ushort>(2);
            case 4: return (long)Number<uint>(4);
            case 5: return (long)(int)Number<uint>(4);
            case 6: return BitConverter.UInt32BitsToSingle(Number<uint>(4));
            case 7: return Number<byte>(1) != 0;
            case 8: return Text();
            case 9:
                var element = Number<uint>(4);
                var items = new object[Number<long>(8)];
                for (var i = 0; i < items.Length; i++) items[i] = Value(element);
                return items;
            default: return Number<long>(8);
        }
    }

    private T Number<T>(int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        _file.AsSpan(_at, size).CopyTo(bytes);
        _at += size;
        return (T)Convert.ChangeType(BinaryPrimitives.ReadInt64LittleEndian(bytes), typeof(T));
    }

    private string Text()
    {
        var length = (int)Number<long>(8);
        _at += length;
        return Encoding.UTF8.GetString(_file, _at - length, length);
    }
}
