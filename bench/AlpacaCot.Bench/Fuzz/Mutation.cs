using System.Text;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Bench.Fuzz;

/// <summary>Damages a file: bytes as a bad disk does, values and lines as a person or another program does.</summary>
internal static class Mutation
{
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e999", "1e9", "99999999999999999999", "2147483648", "0.5", "\"\"", "\"x\"", "\"\\ud800\"",
        "\"\\u0000\"", "[]", "{}", "[[]]", "[null]", "{\"a\":null}", "[1,\"a\"]", "\"1\"", "NaN", "\"\\u001b[31m\"",
            "[[[[[[[[[]]]]]]]]]",
    ];

    private static readonly byte[][] Pieces =
    [
        .. new[] { "[", "]", "{", "}", "\"", "\\", "\n", "\r\n", ",", ":", "\t", "null", "[[[[", "}{", "\\ud800", "\\u0000",
            "1e999",
            "\"\"", ": ", "- ", "#", "{{", "}}", "{%", "%}", "&a", "*a", "!!x", "|", "(", ")*", "+", "：", "“", "　", "\u202e",
                "-" }
            .Select(Encoding.UTF8.GetBytes),
        [0xFF], [0x00], [0xC3], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0, 1, 0, 0, 0],
    ];

    /// <summary>A damaged copy.</summary>
    /// <param name="seed">The file.</param>
    /// <param name="random">Chooses the damage.</param>
    public static byte[] Of(byte[] seed, DeterministicRandom random)
    {
        var bytes = seed;
        for (var times = 1 + random.NextInt(3); times > 0 && bytes.Length > 0; times--)
            bytes = random.NextInt(3) switch
            {
                0 when JsonValue(bytes, random) is { } value => value,
                1 when bytes.Length < 100_000 && Array.IndexOf(bytes, (byte)'\n') >= 0 => Line(bytes, random),
                _ => Bytes(bytes, random),
            };
        return bytes;
    }

    // Replaces one value of a JSON text by a value of another kind.
    private static byte[]? JsonValue(byte[] bytes, DeterministicRandom random)
    {
        if (bytes.Length > 200_000) return null;
        var at = 0;
        while (at < bytes.Length && bytes[at] <= ' ') at++;
        if (at == bytes.Length || bytes[at] is not ((byte)'{' or (byte)'[')) return null;
        // In JSON lines, one of the lines.
        var (start, end) = (0, bytes.Length);
        if (bytes[at] == '{' && bytes.AsSpan(at).IndexOf("}\n"u8) is > 0 and var first && at + first + 2 < bytes.Length)
        {
            var pick = random.NextInt(bytes.Length);
            start = bytes.AsSpan(0, pick).LastIndexOf((byte)'\n') + 1;
            end = bytes.AsSpan(pick).IndexOf((byte)'\n') is >= 0 and var length ? pick + length : bytes.Length;
        }
        var spans = new List<(int Start, int End)>();
        try
        {
            var reader = new Utf8JsonReader(bytes.AsSpan(start, end - start));
            var open = new Stack<int>();
            while (reader.Read())
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartArray or JsonTokenType.StartObject: open.Push((int)reader.TokenStartIndex); break;
                    case JsonTokenType.EndArray or JsonTokenType.EndObject:
                        spans.Add((open.Pop(), (int)reader.BytesConsumed));
                        break;
                    case JsonTokenType.PropertyName: break;
                    default: spans.Add(((int)reader.TokenStartIndex, (int)reader.BytesConsumed)); break;
                }
        }
        catch (JsonException)
        {
            return null;
        }
        if (spans.Count == 0) return null;
        var (from, to) = spans[random.NextInt(spans.Count)];
        return
        [
            .. bytes.AsSpan(0, start + from), .. Encoding.UTF8.GetBytes(Values[random.NextInt(Values.Length)]),
            .. bytes.AsSpan(start + to),
        ];
    }

    // Removes, repeats, swaps or moves a line, or changes its indentation or value.
    private static byte[] Line(byte[] bytes, DeterministicRandom random)
    {
        var lines = Encoding.Latin1.GetString(bytes).Split('\n').ToList();
        var at = random.NextInt(lines.Count);
        switch (random.NextInt(6))
        {
            case 0: lines.RemoveAt(at); break;
            case 1: lines.Insert(at, lines[random.NextInt(lines.Count)]); break;
            case 2: lines[at] = " " + lines[at]; break;
            case 3: lines[at] = lines[at].TrimStart(); break;
            case 4: lines[at] = "\t" + lines[at]; break;
            default:
                var colon = lines[at].IndexOf(": ", StringComparison.Ordinal);
                lines[at] = (colon < 0 ? lines[at] : lines[at][..(colon + 2)]) + Values[random.NextInt(Values.Length)];
                break;
        }
        return Encoding.Latin1.GetBytes(string.Join('\n', lines));
    }

    private static byte[] Bytes(byte[] seed, DeterministicRandom random)
    {
        var bytes = seed.ToList();
        // In binary files the header is short and matters most.
        var at = random.NextInt(random.NextInt(2) == 0 ? Math.Min(bytes.Count, 400) : bytes.Count);
        var length = Math.Min(bytes.Count - at, 1 + random.NextInt(random.NextInt(4) == 0 ? 200 : 4));
        var piece = Pieces[random.NextInt(Pieces.Length)];
        switch (random.NextInt(7))
        {
            case 0: bytes[at] ^= (byte)(1 << random.NextInt(8)); break;
            case 1: bytes[at] = (byte)random.NextInt(256); break;
            case 2:
                for (var i = 0; i < piece.Length && at + i < bytes.Count; i++) bytes[at + i] = piece[i];
                break;
            case 3: bytes.RemoveRange(at, length); break;
            case 4: bytes.InsertRange(at, piece); break;
            case 5: bytes.InsertRange(random.NextInt(bytes.Count), bytes.GetRange(at, length)); break;
            default:
                if (random.NextInt(3) == 0) bytes.RemoveRange(at, bytes.Count - at);
                break;
        }
        return [.. bytes];
    }
}
