using AlpacaCot.Cli.CommandLine;

namespace AlpacaCot.Cli.Tests;

/// <summary><c>adapters</c> on the adapters of the reference data, which other programs made.</summary>
public sealed class AdaptersCommandTests
{
    [Fact]
    public async Task Adapters_are_listed_tried_and_verified()
    {
        var (stories, folder) =
            (ReferenceData.Path("data/derived/stories260K-hf"), ReferenceData.Path("data/derived/stories260K-lora-golden"));
        var listed = (await CommandLine.Run("adapters", "list", folder, "--model", stories, "--json")).Json()
            .GetProperty("adapters");
        Assert.True(listed.GetArrayLength() > 0);
        Assert.All(listed.EnumerateArray(), a => Assert.Equal(("lora", "by shape"),
            (a.GetProperty("method").GetString(), a.GetProperty("fit").GetString())));
        var sound = await CommandLine.Run("adapters", "verify", folder);
        Assert.Equal(ExitCode.Done, sound.Code);
        Assert.Contains("sound", sound.Out, StringComparison.Ordinal);
        var wrong = await CommandLine.Run("adapters", "verify", folder, "--model", ReferenceData.Path("golden/bloom/model"));
        Assert.Equal(ExitCode.Failed, wrong.Code);
        Assert.Contains("no fit", wrong.Out, StringComparison.Ordinal);
        (await CommandLine.Run("adapters", "show", folder)).Refused("adapter");
    }
}
