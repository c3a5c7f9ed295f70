using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Bench;

/// <summary>
/// Fuzz test with randomly damaged files. Each must quickly yield records or a user-level message, and every record must be
/// delivered or reported as bad: their numbers together have no gap.
/// </summary>
internal static partial class ReaderFuzz
{
    private const int Records = 8;

    /// <summary>Seed files by name: containers and formats with <see cref="Records"/> records each.</summary>
    public static IReadOnlyDictionary<string, byte[]> Seeds { get; } = MakeSeeds();

    [GeneratedRegex(@"record (\d+)")]
    private static partial Regex RecordNumber();

    /// <summary>Damages a seed file <paramref name="count"/> times and reads each variant.</summary>
    /// <returns>Counts of the outcomes.</returns>
    /// <exception cref="InvalidOperationException">A file violated the contract; the message contains its number.</exception>
    public static Outcome Run(string name, int count, int first = 0)
    {
        var (clean, partly, refused, slowest) = (0, 0, 0, TimeSpan.Zero);
        for (var i = first; i < first + count; i++)
        {
            var random = new DeterministicRandom((long)i * 7919 + name.Length);
            var (bytes, onlyReplaced) = Mutate(Seeds[name], random);
            var clock = Stopwatch.GetTimestamp();
            var reading = Task.Run(() => Read(bytes, name, i));
            if (!reading.Wait(TimeSpan.FromSeconds(20)))
                throw new InvalidOperationException($"{name}, file {i}: reading takes more than 20 s");
            var (delivered, bad, error) = reading.GetAwaiter().GetResult();
            var took = Stopwatch.GetElapsedTime(clock);
            if (took > slowest) slowest = took;
            if (error is not null) refused++;
            else if (bad > 0) partly++;
            else clean++;
            // Replaced bytes remove no record, so all records not reported as bad must be delivered. (Except in text and
            // tables: a line break that is replaced, or is now inside quotes, merges two valid records.)
            if (onlyReplaced && Path.GetExtension(name) is not (".txt" or ".csv" or ".tsv")
                && error is null && bad == 0 && delivered < Records)
                throw new InvalidOperationException($"{name}, file {i}: {Records - delivered} records were lost unreported");
        }
        return new Outcome(clean, partly, refused, slowest);
    }

    private static (int Delivered, int Bad, string? Error) Read(byte[] bytes, string name, int number)
    {
        var (delivered, bad, expected) = (0, 0, 1L);
        void Count(string origin)
        {
            var found = long.Parse(RecordNumber().Match(origin).Groups[1].Value);
            if (found != expected++)
                throw new InvalidOperationException($"{name}, file {number}: record {expected - 1} is missing, {origin}");
        }
        var options = new ReadOptions
        {
            SkipBad = true, LargestRecord = 1 << 20, OnBadRecord = message =>
            {
                bad++;
                Count(message);
            },
        };
        try
        {
            foreach (var conversation in InstructionFile.Read(new MemoryStream(bytes), name, options))
            {
                delivered++;
                Count(conversation.Origin);
            }
            return (delivered, bad, null);
        }
        catch (InputException refused)
        {
            return (delivered, bad, refused.Message);
        }
        catch (Exception crash) when (crash is not InvalidOperationException { Source: "AlpacaCot.Bench" })
        {
            throw new InvalidOperationException($"{name}, file {number}: {crash}", crash);
        }
    }

    private static (byte[] Bytes, bool OnlyReplaced) Mutate(byte[] seed, DeterministicRandom random)
    {
        var bytes = seed.ToList();
        var onlyReplaced = true;
        for (var times = 1 + random.NextInt(4); times > 0 && bytes.Count > 0; times--)
        {
            var at = random.NextInt(bytes.Count);
            var length = Math.Min(bytes.Count - at, 1 + random.NextInt(random.NextInt(4) == 0 ? 200 : 4));
            switch (random.NextInt(7))
            {
                case 0: bytes[at] ^= (byte)(1 << random.NextInt(8)); break;
                case 1: bytes[at] = (byte)random.NextInt(256); break;
                case 2:
                    var token = Tokens[random.NextInt(Tokens.Length)];
                    for (var i = 0; i < token.Length && at + i < bytes.Count; i++) bytes[at + i] = token[i];
                    break;
                case 3:
                    bytes.RemoveRange(at, length);
                    onlyReplaced = false;
                    break;
                case 4: bytes.InsertRange(at, Tokens[random.NextInt(Tokens.Length)]); break;
                case 5: bytes.InsertRange(random.NextInt(bytes.Count), bytes.GetRange(at, length)); break;
                default:
                    if (random.NextInt(3) > 0) break;
                    bytes.RemoveRange(at, bytes.Count - at);
                    onlyReplaced = false;
                    break;
            }
        }
        return ([.. bytes], onlyReplaced);
    }

    private static readonly byte[][] Tokens =
    [
        .. new[] { "[", "]", "{", "}", "\"", "\\", "\n", "\r\n", ",", ":", "\t", "null", "[[[[", "}{", "\\ud800", "\\u0000",
            "1e999", "\"\"" }
            .Select(Encoding.UTF8.GetBytes),
        [0xFF], [0x00], [0xC3], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0],
    ];

    private static Dictionary<string, byte[]> MakeSeeds()
    {
        var conversations = Enumerable.Range(1, Records).Select(i => new Conversation(
        [
            new Turn(Role.System, $"Rule {i}"), new Turn(Role.User, $"Ask \"{i}\",\n第{i}问", i % 2 == 0 ? $"input {i}" : ""),
            new Turn(Role.Assistant, $"Answer {i}\tand more"), new Turn(Role.User, $"Again {i}"),
            new Turn(Role.Assistant, $"Last {i}"),
        ]) { Rejected = i % 3 == 0 ? null : $"Worse {i}" }).ToList();
        var simple = Enumerable.Range(1, Records).Select(i =>
            Conversation.Instruction($"Say {i}, \"please\"", i % 2 == 0 ? "è\n" : "", $"{i}"));
        var pairs = conversations.Select(c => c with { Rejected = c.Rejected ?? "Bad" });
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-fuzz-").FullName;
        try
        {
            var seeds = new Dictionary<string, byte[]>();
            Add("alpaca.json", simple, "alpaca");
            Add("alpaca.jsonl", simple, "alpaca");
            Add("alpaca-history.jsonl", conversations, "alpaca");
            Add("alpaca.csv", simple, "alpaca");
            Add("alpaca.tsv", simple, "alpaca");
            Add("alpaca.parquet", simple, "alpaca");
            Add("sharegpt.json", conversations, "sharegpt");
            Add("sharegpt.parquet", conversations, "sharegpt");
            Add("openai.jsonl", conversations, "openai");
            Add("preference.jsonl", pairs, "preference");
            Add("alpaca.jsonl.gz", simple, "alpaca");
            Add("openai.jsonl.zst", conversations, "openai");
            seeds["lines.txt"] = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(1, Records)
                .Select(i => $"Line {i} of the text.\n")));
            return seeds;

            void Add(string name, IEnumerable<Conversation> records, string format)
            {
                var path = Path.Combine(folder, name);
                ConversationWriter.Write(path, records, format);
                seeds[name] = File.ReadAllBytes(path);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Counts of damaged files: read completely, read partly with reported bad records, rejected.</summary>
    internal sealed record Outcome(int Clean, int Partly, int Refused, TimeSpan Slowest);
}
