namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>The golden values hold on the CPU with the kernels of libtorch, within the same tolerances.</summary>
[Trait("level", "full")]
public sealed class TorchKernelTests
{
    [Theory]
    [InlineData("FamilyGoldenTests LlamaGoldenTests PeftGoldenTests QloraGoldenTests BitsAndBytesGoldenTests " +
        "GenerationGoldenTests StoriesGoldenTests OwnGoldenTests FamilyCacheTests PassModeTests LoftqTests " +
        "BeamSearchTests.A_plain_search_without_caches_finds_the_same " +
        "QuantizedFolderTests PromptCacheTests RaggedBatchTests SpeculativeDecodingTests TextGeneratorTests")]
    public Task Golden_tests_pass_with_them(string tests) => TestDevice.AllPass(TestDevice.RunWithTorchKernels(tests));
}
