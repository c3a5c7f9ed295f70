using System.Buffers;
using System.Net;

namespace AlpacaCot.Data.Download;

/// <summary>
/// Downloads one file in several parallel segments that are written in order, so the partial file is always a gapless
/// prefix that the next attempt can continue. The hash is computed while writing.
/// </summary>
internal sealed class FileDownload(HubTransport transport, HubOptions options, IRepositoryHost host, string commit,
    HubFile file, SemaphoreSlim connections, IDownloadObserver observer)
{
    private readonly Uri _address = host.FileAddress(commit, file.Path);
    private Uri? _storage;     // target of the hub's last redirect; used directly to save one request per segment
    private long _counted;     // bytes reported to the observer
    private long _received;

    /// <summary>Bytes received over the network.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Downloads and verifies the content.</summary>
    /// <returns>Whether a partial download was continued.</returns>
    public async Task<bool> RunAsync(string path, CancellationToken cancel)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            var resumed = stream.Length > 0 && stream.Length <= file.Size;
            for (var again = false; ; again = true)
            {
                var (found, kind) = await FillAsync(stream, cancel).ConfigureAwait(false);
                if (found == file.Digest)
                {
                    if (ForeignContent.Name(Head(stream), file.Path, -1) is { } foreign
                        && foreign.Contains("LFS", StringComparison.Ordinal))
                        throw Foreign(foreign, stream);
                    stream.Flush(flushToDisk: true);
                    return resumed;
                }
                if (ForeignContent.Name(Head(stream), file.Path, -1) is { } page) throw Foreign(page, stream);
                Restart(stream);
                resumed = false;
                if (again)
                    throw new DownloadException($"{file.Path}: the download is corrupt, twice: its {kind} is {found}, "
                        + $"expected {file.Digest}. The file was removed. Try another endpoint or network.");
                observer.Note($"{file.Path}: the download is corrupt (its {kind} differs from the listing); trying again");
            }
        }
        catch (IOException e)
        {
            throw DiskProblem.Explain(e, path);
        }
    }

    private async Task<(string Hash, string Kind)> FillAsync(FileStream stream, CancellationToken cancel)
    {
        if (stream.Length > file.Size) Restart(stream);
        var hash = new ContentHash(file);
        try
        {
            HashExisting(stream, hash);
            Count(stream.Length);
            try
            {
                await SegmentsAsync(stream, hash, cancel).ConfigureAwait(false);
            }
            catch (RangesIgnoredException)
            {
                observer.Note($"{file.Path}: the server does not support range requests; the file is downloaded in one request");
                await transport.RetryAsync(file.Path, async () =>
                {
                    Restart(stream);
                    hash.Dispose();
                    hash = new ContentHash(file);
                    await WholeAsync(stream, hash, cancel).ConfigureAwait(false);
                }, () => 0, cancel).ConfigureAwait(false);
            }
            return (hash.Hexadecimal(), hash.Name);
        }
        finally
        {
            hash.Dispose();
        }
    }

    private static void HashExisting(FileStream stream, ContentHash hash)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        stream.Position = 0;
        while (stream.Position < stream.Length && stream.Read(buffer) is > 0 and var count) hash.Append(buffer.AsSpan(0, count));
        ArrayPool<byte>.Shared.Return(buffer);
    }

    // Segments in flight or waiting to be written hold a connection each, so memory is bounded over all files together. They
    // start in order, so the segment that the file's other segments wait for always has a connection.
    private async Task SegmentsAsync(FileStream stream, ContentHash hash, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = new Queue<Task<ArraySegment<byte>>>();
        try
        {
            for (var next = stream.Length; next < file.Size || running.Count > 0;)
            {
                while (next < file.Size
                    && (running.Count > 0 ? connections.Wait(0, cancel) : await Connection().ConfigureAwait(false)))
                {
                    var length = (int)Math.Min(options.SegmentBytes, file.Size - next);
                    running.Enqueue(SegmentAsync(next, length, stop.Token));
                    next += length;
                }
                var bytes = await running.Peek().ConfigureAwait(false);
                Write(stream, bytes, hash);
                ArrayPool<byte>.Shared.Return(bytes.Array!);
                _ = running.Dequeue();
                connections.Release();
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            foreach (var task in running)
            {
                await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                connections.Release();
            }
        }

        async Task<bool> Connection()
        {
            await connections.WaitAsync(cancel).ConfigureAwait(false);
            return true;
        }
    }

    private async Task<ArraySegment<byte>> SegmentAsync(long from, int length, CancellationToken cancel)
    {
        var (buffer, filled) = (ArrayPool<byte>.Shared.Rent(length), 0);
        await transport.RetryAsync(file.Path, async () =>
        {
            using var response = await OpenAsync(from + filled, from + length - 1, cancel).ConfigureAwait(false);
            using var body = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
            await CheckSizeAsync(response, body, cancel).ConfigureAwait(false);
            while (filled < length)
            {
                var rest = buffer.AsMemory(filled, length - filled);
                var count = await transport.ReadAsync(body, rest, cancel).ConfigureAwait(false);
                if (count == 0) throw Ended(from == 0 ? buffer.AsSpan(0, filled) : default);
                filled += count;
                Arrived(count);
            }
        }, () => filled, cancel).ConfigureAwait(false);
        return new(buffer, 0, length);
    }

    private async Task WholeAsync(FileStream stream, ContentHash hash, CancellationToken cancel)
    {
        using var response = await OpenAsync(null, null, cancel).ConfigureAwait(false);
        using var body = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        await CheckSizeAsync(response, body, cancel).ConfigureAwait(false);
        var buffer = new byte[81920];
        while (stream.Position < file.Size)
        {
            var count = await transport.ReadAsync(body, buffer, cancel).ConfigureAwait(false);
            if (count == 0) throw Ended(Head(stream));
            Arrived(count);
            try
            {
                Write(stream, new(buffer, 0, count), hash);
            }
            catch (IOException e)   // a disk error, not a network error
            {
                throw DiskProblem.Explain(e, stream.Name);
            }
        }
    }

    private async Task<HttpResponseMessage> OpenAsync(long? from, long? to, CancellationToken cancel)
    {
        var storage = _storage;
        if (from == 0 && to == file.Size - 1) (from, to) = (null, null);
        var response = await transport.SendAsync(storage ?? _address, from, to, cancel).ConfigureAwait(false);
        if (storage is not null && (int)response.StatusCode is >= 400 and < 500 and not (408 or 429))   // the signed URL expired
        {
            response.Dispose();
            _storage = null;
            response = await transport.SendAsync(_address, from, to, cancel).ConfigureAwait(false);
        }
        try
        {
            transport.Check(response, file.Path, commit);
            if (from is not null && response.StatusCode == HttpStatusCode.OK) throw new RangesIgnoredException();
            if (from is not null && response.Content.Headers.ContentRange?.From != from)
                throw new DownloadException($"{file.Path}: the server returned a different byte range than requested");
            if (response.RequestMessage?.RequestUri is { } at && !host.Owns(at)) _storage = at;
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private async Task CheckSizeAsync(HttpResponseMessage response, Stream body, CancellationToken cancel)
    {
        var size = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange?.Length
            : response.Content.Headers.ContentLength;
        if (size is null || size == file.Size) return;
        var head = new byte[ForeignContent.HeadBytes];
        var filled = 0;
        while (filled < head.Length
            && await transport.ReadAsync(body, head.AsMemory(filled), cancel).ConfigureAwait(false) is > 0 and var n)
            filled += n;
        throw ForeignContent.Name(head.AsSpan(0, filled), file.Path, file.Size) is { } foreign ? Foreign(foreign, null)
            : new DownloadException($"{file.Path}: the server reports {size:N0} bytes, the listing {file.Size:N0}");
    }

    private Exception Ended(ReadOnlySpan<byte> head) => ForeignContent.Name(head, file.Path, file.Size) is { } foreign
        ? Foreign(foreign, null) : new HttpIOException(HttpRequestError.ResponseEnded, "the connection was lost");

    private DownloadException Foreign(string kind, FileStream? stream)
    {
        if (stream is not null) Restart(stream);
        return new($"{file.Path}: the server sent {kind} instead of the {file.Size:N0} bytes of data. "
            + (kind.Contains("LFS", StringComparison.Ordinal)
                ? $"{host.Endpoint.Host} does not serve the data itself; try another source."
                : "Check whether the network requires a login, and the endpoint."));
    }

    private static void Write(FileStream stream, ArraySegment<byte> bytes, ContentHash hash)
    {
        stream.Write(bytes);
        hash.Append(bytes);
    }

    private void Restart(FileStream stream)
    {
        if (stream.Length > 0) stream.SetLength(0);
        stream.Position = 0;
        Count(-Interlocked.Read(ref _counted));
    }

    private static byte[] Head(FileStream stream)
    {
        var (head, position) = (new byte[(int)Math.Min(ForeignContent.HeadBytes, stream.Length)], stream.Position);
        stream.Position = 0;
        stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        stream.Position = position;
        return head;
    }

    private void Arrived(int count)
    {
        Interlocked.Add(ref _received, count);
        Count(count);
    }

    private void Count(long bytes)
    {
        if (bytes == 0) return;
        Interlocked.Add(ref _counted, bytes);
        observer.Advanced(bytes);
    }

    private sealed class RangesIgnoredException : Exception;
}
