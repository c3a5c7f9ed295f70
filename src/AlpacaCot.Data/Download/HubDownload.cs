using AlpacaCot.Text;

namespace AlpacaCot.Data.Download;

/// <summary>Downloads files of a hub or GitHub repository into the cache.</summary>
public static class HubDownload
{
    /// <summary>
    /// Downloads the files that the cache lacks; with <see cref="HubOptions.Offline"/> it only reads the cache. After an
    /// interruption the next call continues.
    /// </summary>
    /// <param name="part">The repository, or the part of it.</param>
    /// <param name="options">Endpoint, cache and file selection.</param>
    /// <param name="observer">Receives progress.</param>
    /// <param name="cancel">Cancels the download; received data is kept.</param>
    /// <exception cref="InputException">No file of the repository matches the patterns.</exception>
    /// <exception cref="DownloadException">The download failed; the message names the cause and the remedy.</exception>
    public static async Task<DownloadResult> RunAsync(RepositoryPart part, HubOptions options, IDownloadObserver observer,
        CancellationToken cancel)
    {
        if (options.Revision is { } revision) part = part with { Revision = revision };
        var cache = new HubCache(options.Cache, part.Repository);
        if (options.Offline) return FromCache(part, options, cache);
        try
        {
            return await RunAsync(cache, part, options, observer, cancel).ConfigureAwait(false);
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

    private static async Task<DownloadResult> RunAsync(HubCache cache, RepositoryPart part, HubOptions options,
        IDownloadObserver observer, CancellationToken cancel)
    {
        var host = Host(part.Repository, options);
        using var transport = new HubTransport(options, host, observer);
        var listing = new HubListing(transport, host, part.Repository, part.At);
        var commit = await CommitAsync(listing, transport, part, options, cancel).ConfigureAwait(false);
        var files = Select(await listing.FilesAsync(commit, cancel).ConfigureAwait(false), part, options);

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
        // Files with identical content are downloaded once.
        await Parallel.ForEachAsync(missing.GroupBy(file => file.Digest), parallel, async (same, stop) =>
        {
            var file = same.First();
            using var mine = await cache.LockAsync(file, observer, stop).ConfigureAwait(false);
            var download = new FileDownload(transport, options, host, commit, file, connections, observer);
            var origin = FileOrigin.Cached;   // another process may have downloaded it meanwhile
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
        cache.SetReference(part.At, commit);
        return new(part.Repository, part.At, commit, cache.Snapshot(commit),
            [.. files.Select(file => (file, origins[file.Path]))], received);
    }

    private static IRepositoryHost Host(HubRepository repository, HubOptions options) =>
        repository.Type == RepositoryType.GitHub ? new GitHubHost(options.GitHub, repository) : new HubHost(options, repository);

    private static async Task<string> CommitAsync(HubListing listing, HubTransport transport, RepositoryPart part,
        HubOptions options, CancellationToken cancel)
    {
        try
        {
            return await listing.CommitAsync(cancel).ConfigureAwait(false);
        }
        catch (RepositoryNotFoundException notFound) when (part.Repository.Type != RepositoryType.GitHub)
        {
            var (other, word) = part.Repository.Type == RepositoryType.Dataset ? (RepositoryType.Model, "model")
                : (RepositoryType.Dataset, "dataset");
            try
            {
                var repository = new HubRepository(part.Repository.Id, other);
                await new HubListing(transport, Host(repository, options), repository, part.At)
                    .CommitAsync(cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is RepositoryNotFoundException or DownloadException)
            {
                throw new DownloadException(notFound.Message, notFound);
            }
            throw new DownloadException($"{notFound.Message} It has a {word} of this name: add --type {word}.", notFound);
        }
    }

    private static DownloadResult FromCache(RepositoryPart part, HubOptions options, HubCache cache)
    {
        var commit = cache.Commit(part.At)
            ?? throw new DownloadException($"{part.Repository.Id} at {part.At} is not in the "
            + $"cache {options.Cache}. Omit --offline to download it.");
        var files = Select(cache.Files(commit), part, options);
        return new(part.Repository, part.At, commit, cache.Snapshot(commit),
            [.. files.Select(file => (file, FileOrigin.Cached))], 0);
    }

    private static List<HubFile> Select(IReadOnlyList<HubFile> files, RepositoryPart part, HubOptions options)
    {
        var ofPart = files.Where(file => part.Has(file.Path)).ToList();
        var selected = ofPart.Where(file => RepositoryPart.Matches(options.Include, file.Path)).ToList();
        if (selected.Count > 0) return selected;
        var (wanted, there) = ofPart.Count > 0 ? (options.Include, ofPart) : (part.Files, files);
        throw new InputException(there.Count == 0 ? $"{part.Repository.Id} contains no files"
            : $"no file of {part.Repository.Id} matches {string.Join(" or ", wanted)}. It has "
                + string.Join(", ", there.Take(8).Select(file => file.Path))
                    + (there.Count > 8 ? $" and {there.Count - 8} more" : ""));
    }

    private static long PartSize(HubCache cache, HubFile file) =>
        new FileInfo(cache.Incomplete(file)) is { Exists: true } part ? Math.Min(part.Length, file.Size) : 0;
}
