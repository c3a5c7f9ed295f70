using System.IO.Enumeration;

namespace AlpacaCot.Data.Download;

/// <summary>Brings the files of a hub repository into the cache.</summary>
public static class HubDownload
{
    /// <summary>
    /// Downloads what the cache lacks; with <see cref="HubOptions.Offline"/> it only looks up what is there. Interrupted, it is
    /// continued by the next call.
    /// </summary>
    /// <param name="repository">The repository.</param>
    /// <param name="options">Where, how and which files.</param>
    /// <param name="observer">Is told of the progress.</param>
    /// <param name="cancel">Ends it; what has arrived is kept.</param>
    /// <exception cref="InputException">The repository has no file that the patterns mean.</exception>
    /// <exception cref="DownloadException">It could not be done; the message says why and what to do.</exception>
    public static async Task<DownloadResult> RunAsync(HubRepository repository, HubOptions options, IDownloadObserver observer,
        CancellationToken cancel)
    {
        var cache = new HubCache(options.Cache, repository);
        if (options.Offline) return FromCache(repository, options, cache);
        try
        {
            return await RunAsync(cache, repository, options, observer, cancel).ConfigureAwait(false);
        }
        catch (RepositoryNotFoundException e)
        {
            throw new DownloadException(e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DownloadException($"the cache {options.Cache} cannot be written: {e.Message}", e);
        }
    }

    private static async Task<DownloadResult> RunAsync(HubCache cache, HubRepository repository, HubOptions options,
        IDownloadObserver observer, CancellationToken cancel)
    {
        using var transport = new HubTransport(options, observer);
        var listing = new HubListing(transport, options, repository);
        var commit = await CommitAsync(listing, transport, repository, options, cancel).ConfigureAwait(false);
        var files = Select(await listing.FilesAsync(commit, cancel).ConfigureAwait(false), repository, options);

        var origins = files.Where(file => cache.Has(commit, file)).ToDictionary(file => file.Path, _ => FileOrigin.Cached);
        var missing = files.Where(file => !origins.ContainsKey(file.Path)).ToList();
        observer.Planned(files.Count, files.Sum(file => file.Size));
        foreach (var file in files.Where(file => origins.ContainsKey(file.Path)))
        {
            observer.Advanced(file.Size);
            observer.Completed(file, FileOrigin.Cached);
        }
        if (missing.Count > 0) DiskProblem.Check(options.Cache, missing.Sum(file => file.Size - PartSize(cache, file)));
        using var connections = new SemaphoreSlim(options.Connections);
        var received = 0L;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Connections, CancellationToken = cancel };
        // Files with the same content are one download.
        await Parallel.ForEachAsync(missing.GroupBy(file => file.Digest), parallel, async (same, stop) =>
        {
            var file = same.First();
            using var mine = await cache.LockAsync(file, observer, stop).ConfigureAwait(false);
            var download = new FileDownload(transport, options, repository, commit, file, connections, observer);
            var origin = FileOrigin.Cached;   // another process may have brought it meanwhile
            if (!cache.Has(commit, file))
            {
                origin = await download.RunAsync(cache.Incomplete(file), stop).ConfigureAwait(false)
                    ? FileOrigin.Resumed : FileOrigin.Downloaded;
                cache.Complete(commit, file);
            }
            Interlocked.Add(ref received, download.Received);
            foreach (var copy in same)
            {
                cache.Has(commit, copy);   // links it
                if (copy != file || origin == FileOrigin.Cached) observer.Advanced(copy.Size);
                lock (origins) origins[copy.Path] = origin;
                observer.Completed(copy, origin);
            }
        }).ConfigureAwait(false);
        cache.SetReference(options.Revision, commit);
        return new(repository, options.Revision, commit, cache.Snapshot(commit),
            [.. files.Select(file => (file, origins[file.Path]))], received);
    }

    private static async Task<string> CommitAsync(HubListing listing, HubTransport transport, HubRepository repository,
        HubOptions options, CancellationToken cancel)
    {
        try
        {
            return await listing.CommitAsync(cancel).ConfigureAwait(false);
        }
        catch (RepositoryNotFoundException notFound)
        {
            var (other, word) = repository.Type == RepositoryType.Dataset ? (RepositoryType.Model, "model")
                : (RepositoryType.Dataset, "dataset");
            try
            {
                await new HubListing(transport, options, new(repository.Id, other)).CommitAsync(cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is RepositoryNotFoundException or DownloadException)
            {
                throw new DownloadException(notFound.Message, notFound);
            }
            throw new DownloadException($"{notFound.Message} It has a {word} of this name: add --type {word}.", notFound);
        }
    }

    private static DownloadResult FromCache(HubRepository repository, HubOptions options, HubCache cache)
    {
        var commit = cache.Commit(options.Revision)
            ?? throw new DownloadException($"{repository.Id} at {options.Revision} is not in the "
            + $"cache {options.Cache}. Without --offline it is downloaded.");
        var files = Select(cache.Files(commit), repository, options);
        return new(repository, options.Revision, commit, cache.Snapshot(commit), 
            [.. files.Select(file => (file, FileOrigin.Cached))], 0);
    }

    private static List<HubFile> Select(IReadOnlyList<HubFile> files, HubRepository repository, HubOptions options)
    {
        var selected = files.Where(file => options.Include.Count == 0
            || options.Include.Any(glob => FileSystemName.MatchesSimpleExpression(glob, file.Path, ignoreCase: false))).ToList();
        if (selected.Count > 0) return selected;
        throw new InputException(files.Count == 0 ? $"{repository.Id} holds no files"
            : $"{repository.Id} has no file like {string.Join(" or ", options.Include)}. It has "
                + string.Join(", ", files.Take(8).Select(file => file.Path))
                    + (files.Count > 8 ? $" and {files.Count - 8} more" : ""));
    }

    private static long PartSize(HubCache cache, HubFile file) =>
        new FileInfo(cache.Incomplete(file)) is { Exists: true } part ? Math.Min(part.Length, file.Size) : 0;
}
