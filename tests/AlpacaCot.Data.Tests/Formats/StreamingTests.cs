using System.Text;
using AlpacaCot.Data.Formats;

namespace AlpacaCot.Data.Tests.Formats;

[Collection(nameof(Alone))]
public sealed class StreamingTests
{
    /// <summary>40 MB are read while the live heap grows by less than 20 MB and the reader is never far ahead.</summary>
    [Fact]
    public void A_large_file_is_streamed()
    {
        var (instruction, output) = (new string('i', 500), new string('o', 500));
        var record = Encoding.UTF8.GetBytes($$"""{"instruction": "{{instruction}}", "output": "{{output}}"},""");
        using var stream = new RepeatingStream(record, 40_000);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (count, peak) = (0, 0L);
        foreach (var conversation in InstructionFile.Read(stream, "stream"))
        {
            if (++count % 5000 == 0) peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true) - before);
            Assert.Equal(500, conversation.Turns[1].Text.Length);
            Assert.InRange(stream.Given - (long)count * record.Length, -record.Length, 1 << 20);
        }
        Assert.Equal(40_000, count);
        Assert.True(stream.Given > 40_000_000);
        Assert.InRange(peak, long.MinValue, 20_000_000);
    }

    /// <summary>An array of the same record many times, made as it is read.</summary>
    private sealed class RepeatingStream(byte[] record, int times) : Stream
    {
        public long Given { get; private set; }
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var total = (long)times * record.Length;
            var given = 0;
            for (; given < count && Given <= total; given++, Given++)
            {
                var inside = record[(Given + record.Length - 1) % record.Length];
                buffer[offset + given] = Given == 0 ? (byte)'[' : Given == total ? (byte)']' : inside;
            }
            return given;
        }

        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
