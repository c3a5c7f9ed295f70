namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>
/// The golden values hold on a device that is not the CPU, within the same tolerances: every architecture, every method, bases in
/// int8 and in 4 bits; logits, losses, gradients, steps, greedy tokens. Two processes run at once.
/// </summary>
[Trait("level", "full")]
public sealed class SecondDeviceTests
{
    private static readonly string[] Golden =
    [
        "FamilyGoldenTests.Lora", "PeftGoldenTests.A_method_computes_what_PEFT_does", "FamilyGoldenTests.Greedy_ids",
        "FamilyGoldenTests.Gradients_of_every_parameter FamilyGoldenTests.Logits_and_losses " +
            "FamilyGoldenTests.Twenty_steps_of_lora FamilyGoldenTests.Beyond_the_trained_length",
        "PeftGoldenTests.A_prompt_learns_through_its_network_and_is_saved_without " +
            "PeftGoldenTests.P_tuning_v2_as_ChatGLM_has_it " +
            "PeftGoldenTests.Prompts_are_generated_from_as_alone_and_as_PEFT_does_it_in_a_padded_batch",
        "LlamaGoldenTests QloraGoldenTests OwnGoldenTests GenerationGoldenTests.Greedy_ids_of_base_and_lora",
        "NarrowGoldenTests LogProbabilityPartsTests DeviceExpansionTests SelfTestTests " +
            "PackingTests.Logits_and_gradients_are_those_of_the_reference",
    ];

    private static readonly Lazy<Dictionary<string, Task<(int, string)>>> Runs =
        new(() => Golden.ToDictionary(tests => tests, tests => TestDevice.Run(tests)));

    public static TheoryData<string> Groups => [.. Golden];

    [Theory]
    [MemberData(nameof(Groups))]
    public Task Golden_tests_pass_there(string tests) => TestDevice.AllPass(Runs.Value[tests]);

    [Theory]
    [InlineData("tensor", "lazy tensor"), InlineData("memory", "only CPU memory can be read")]
    public async Task Control_a_tensor_without_a_device_and_a_read_of_host_memory_are_noticed(string fault, string message)
    {
        var (code, text) = await TestDevice.Run("GenerationGoldenTests.Greedy_ids_of_base_and_lora", fault);
        Assert.NotEqual(0, code);
        Assert.Contains(message, text);
    }
}
