using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Cli.Tests;

/// <summary><c>plan</c> counts from a <c>config.json</c> alone.</summary>
[Collection(nameof(AlpacaCot.Tests.Alone))] // one reads the resident memory of the process
public sealed class PlanCommandTests
{
    private const string Bloom7B1 = """
        { "model_type": "bloom", "vocab_size": 250880, "hidden_size": 4096, "n_layer": 30, "num_attention_heads": 32 }
        """;

    private const string Llama7B = """
        { "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "hidden_act": "silu",
          "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
          "torch_dtype": "float16" }
        """;

    private const string Record = """[{ "instruction": "a", "output": "b" }]""";

    // The paper's table 4 for BLOOM-7B1, and the original's LoRA on LLaMA-7B.
    [Theory]
    [InlineData("bloom", "{ method: lora, rank: 32 }", 15_728_640)]
    [InlineData("bloom", "{ method: adalora, rank: 12 }", 5_898_600)]
    [InlineData("bloom", "{ method: prompt_tuning, virtual_tokens: 20 }", 81_920)]
    [InlineData("bloom", "{ method: p_tuning, virtual_tokens: 20, encoder_size: 128 }", 1_151_232)]
    [InlineData("bloom", "{ method: prefix_tuning, virtual_tokens: 20, encoder_size: 128 }", 32_309_376)]
    [InlineData("bloom", "{ method: pfeiffer, size: 32 }", 7_864_320)]
    [InlineData("bloom", "{ method: houlsby, size: 32 }", 15_728_640)]
    [InlineData("bloom", "{ method: parallel, size: 32 }", 15_728_640)]
    [InlineData("bloom", "{ method: pfeiffer, size: 256 }", 62_914_560)]
    [InlineData("bloom", "{ method: houlsby, size: 256 }", 125_829_120)]
    [InlineData("bloom", "{ method: parallel, size: 256 }", 125_829_120)]
    [InlineData("llama", "{ method: lora, rank: 8 }", 4_194_304)]
    public async Task Parameter_counts_of_the_paper_come_out_without_the_model(string family, string adapter, long count)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", family == "bloom" ? Bloom7B1 : Llama7B);
        var recipe = folder.Write("r.yaml",
            $"model: {folder.Path}\ndata: [{folder.Write("data.json", "[]")}]\noutput: {folder.File("run")}\n" +
            $"adapter: {adapter}\ntraining: {{ max_steps: 10 }}\n");
        var before = Platform.ResidentBytes;
        var plan = (await CommandLine.Run("plan", recipe, "--json")).Json();
        Assert.InRange(Platform.ResidentBytes - before, long.MinValue, 200L << 20); // nothing was allocated
        var parameters = plan.GetProperty("parameters");
        Assert.Equal(count, parameters.GetProperty("trainable").GetInt64());
        var whole = family == "bloom" ? 7_069_016_064 : 6_738_415_616;
        Assert.Equal(whole, parameters.GetProperty("base").GetInt64());
        Assert.Equal(100.0 * count / (whole + count), parameters.GetProperty("percent").GetDouble(), 1e-4);
        Assert.Equal(10, plan.GetProperty("steps").GetInt32());
    }

    [Fact]
    public async Task Memory_is_near_what_seven_billion_weights_were_measured_to_take()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", Llama7B);
        var recipe = folder.Write("r.yaml",
            $"model: {folder.Path}\ndata: [{folder.Write("data.json", "[]")}]\noutput: {folder.File("run")}\n" +
            "quantization: nf4\nadapter: { method: lora, targets: all-linear }\n" +
            "training: { max_steps: 1, batch_size: 1, micro_batch_size: 1, cutoff_length: 512, gradient_checkpointing: true }\n");
        var bytes = (await CommandLine.Run("plan", recipe, "--json")).Json().GetProperty("bytes");
        Assert.InRange(bytes.GetProperty("total").GetDouble(), 0.85 * 5.22e9, 5.22e9); // docs/quantization.md; less the program
        var without = (await CommandLine.Run("plan", recipe, "--json", "--set", "training.gradient_checkpointing=false")).Json()
            .GetProperty("bytes");
        Assert.InRange(without.GetProperty("activations").GetDouble() / bytes.GetProperty("activations").GetDouble(), 5, 20);
    }

    // Sizes of LLaMA; a weight in nf4 takes half a byte, and its block of 64 one byte of scale, which share 4 bytes by 256.
    [Theory]
    [InlineData("7B", 4096, 11008, 32, 32, "24GB", true), InlineData("13B", 5120, 13824, 40, 40, "24GB", true)]
    [InlineData("30B", 6656, 17920, 60, 52, "40GB", true), InlineData("65B", 8192, 22016, 80, 64, "80GB", true)]
    [InlineData("30B", 6656, 17920, 60, 52, "16GB", false), InlineData("65B", 8192, 22016, 80, 64, "32GB", false)]
    public async Task A_gpu_of_any_size_is_planned_for_without_one(
        string name, long hidden, long inner, int layers, int heads, string memory, bool fits)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", $$"""
            { "model_type": "llama", "vocab_size": 32000, "hidden_size": {{hidden}}, "intermediate_size": {{inner}},
              "hidden_act": "silu", "num_hidden_layers": {{layers}}, "num_attention_heads": {{heads}},
              "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "torch_dtype": "float16" }
            """);
        var recipe = folder.Write("r.yaml",
            $"model: {folder.Path}\ndata: [{folder.Write("data.json", "[]")}]\noutput: {folder.File("run")}\n" +
            "quantization: nf4\nadapter: { method: lora, rank: 16, targets: all-linear }\n" +
            "training: { max_steps: 1, batch_size: 8, micro_batch_size: 1, cutoff_length: 512, gradient_checkpointing: true }\n");
        var plan = (await CommandLine.Run(
            "plan", recipe, "--device-memory", memory, "--dtype", "bfloat16", "--json")).Json();
        long Nf4(long weights) => weights / 2 + weights / 64 + (weights / 64 + 255) / 256 * 4;
        var weights = layers * (4 * Nf4(hidden * hidden) + 3 * Nf4(hidden * inner)) + 2 * 2 * 32000 * hidden
            + 4 * (2 * layers + 1) * hidden; // embedding and head in fp16, norms in fp32
        var bytes = plan.GetProperty("bytes");
        Assert.Equal(weights, bytes.GetProperty("weights").GetInt64());
        var adapter = layers * 16L * (4 * 2 * hidden + 3 * (hidden + inner)) * 4;
        Assert.Equal(2 * adapter, bytes.GetProperty("adapter").GetInt64());
        Assert.Equal(2 * adapter, bytes.GetProperty("optimizer").GetInt64());
        Assert.Equal(plan.GetProperty("memory_bytes").GetInt64(), bytes.GetProperty("total").GetInt64() + (1536L << 20));
        Assert.Equal((fits, "cuda"), (plan.GetProperty("fits").GetBoolean(), plan.GetProperty("device").GetString()));
        Assert.Equal(long.Parse(memory[..2], System.Globalization.CultureInfo.InvariantCulture) << 30,
            plan.GetProperty("usable_bytes").GetInt64());
        TestContext.Current.TestOutputHelper?.WriteLine($"{name} {plan.GetProperty("peak_bytes")} {bytes}");
    }

    [Theory]
    [InlineData("24"), InlineData("24MB"), InlineData("GB"), InlineData("-1GB")]
    public async Task A_memory_that_is_no_size_is_refused(string size) =>
        (await CommandLine.Run("plan", AlpacaCot.Tests.Checkout.Path("recipes/quickstart.yaml"), "--device-memory", size))
            .Refused("--device-memory: found " + size, "a size such as 24GB");

    [Fact]
    public async Task A_run_that_no_machine_holds_does_not_fit_and_the_changes_come_with_their_peaks()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", Llama7B.Replace("\"hidden_size\": 4096", "\"hidden_size\": 131072",
            StringComparison.Ordinal));
        var recipe = folder.Write("r.yaml",
            $"model: {folder.Path}\ndata: [{folder.Write("data.json", "[]")}]\noutput: {folder.File("run")}\n" +
            "training: { max_steps: 1, batch_size: 64, micro_batch_size: 64, cutoff_length: 512 }\n");
        var plan = (await CommandLine.Run("plan", recipe, "--json")).Json();
        Assert.False(plan.GetProperty("fits").GetBoolean());
        Assert.Equal(1, plan.GetProperty("largest_micro_batch_size").GetInt32());
        Assert.False(plan.TryGetProperty("seconds", out _)); // the data cannot be read
        var peak = plan.GetProperty("peak_bytes").GetInt64();
        Assert.Equal(plan.GetProperty("memory_bytes").GetInt64(), peak); // every example has the length of the cutoff
        var remedies = plan.GetProperty("remedies").EnumerateArray().ToDictionary(r => r.GetProperty("set").GetString()!,
            r => r.GetProperty("peak_bytes").GetInt64());
        foreach (var setting in (string[])["training.micro_batch_size=1", "training.gradient_checkpointing=true",
            "quantization=nf4",
            "training.cutoff_length=256"])
        {
            Assert.InRange(remedies[setting], 0, peak - 1);
            var changed = (await CommandLine.Run("plan", recipe, "--json", "--set", setting)).Json();
            Assert.Equal(remedies[setting], changed.GetProperty("peak_bytes").GetInt64());
        }
        var shown = (await CommandLine.Run("plan", recipe)).Out;
        Assert.Contains("--set quantization=nf4: ", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_data_the_plan_has_a_time_and_the_peak_of_its_lengths()
    {
        var plan = (await CommandLine.Run("plan", AlpacaCot.Tests.Checkout.Path("recipes/quickstart.yaml"), "--json")).Json();
        Assert.True(plan.GetProperty("fits").GetBoolean());
        Assert.Equal(489, plan.GetProperty("steps").GetInt32());
        Assert.InRange(plan.GetProperty("peak_bytes").GetInt64(), 300_000_000, plan.GetProperty("memory_bytes").GetInt64() - 1);
        Assert.InRange(plan.GetProperty("seconds").GetDouble(), 489 * plan.GetProperty("step_seconds").GetDouble(), 10_000);
        Assert.Equal("fp32", plan.GetProperty("compute").GetString());
        Assert.Equal(16, plan.GetProperty("largest_micro_batch_size").GetInt32());
    }

    /// <summary>The plan of a recipe and of a study's cell with the same recipe are one estimate (review, D2 and D3).</summary>
    [Theory]
    [InlineData("bloom"), InlineData("llama"), InlineData("base")]
    public async Task A_study_plans_what_plan_plans(string model)
    {
        using var folder = new TemporaryFolder();
        var at = model == "base" ? AlpacaCot.Tests.Checkout.Path("samples/base") : folder.Path;
        if (model != "base") folder.Write("config.json", model == "bloom" ? Bloom7B1 : Llama7B);
        var recipe = $"{{ model: {at}, data: [{folder.Write("data.json", Record)}], adapter: {{ method: lora, rank: 8 }}, " +
            "training: { max_steps: 10 }";
        var study = folder.Write("study.yaml", $"recipe: {recipe} }}\nfactors:\n  quantization: [none, int8, nf4, fp4]\n" +
            "  training.optimizer: [adamw, adamw8bit, sgd, lion]\n" +
            $"benchmarks: [{{ name: gsm8k, path: {folder.File("test.jsonl")}, limit: 10 }}]\noutput: {folder.File("out")}\n");
        var single = folder.Write("r.yaml", recipe.TrimStart('{').Replace(", data:", "\ndata:", StringComparison.Ordinal)
            .Replace(", adapter:", "\nadapter:", StringComparison.Ordinal)
            .Replace(", training:", "\ntraining:", StringComparison.Ordinal).Replace(" model:", "model:",
                StringComparison.Ordinal)
            + $"\noutput: {folder.File("run")}\n");
        var cells = (await CommandLine.Run("study", study, "--plan", "--json")).Json().GetProperty("cells");
        Assert.Equal(16, cells.GetArrayLength());
        var (weights, states) = (new HashSet<long>(), new HashSet<long>());
        foreach (var (i, cell) in cells.EnumerateArray().Index())
        {
            var (form, optimizer) = (((string[])["none", "int8", "nf4", "fp4"])[i / 4],
                ((string[])["adamw", "adamw8bit", "sgd", "lion"])[i % 4]);
            Assert.Contains($"{form} · {optimizer}", cell.GetProperty("name").GetString(), StringComparison.Ordinal);
            var plan = (await CommandLine.Run("plan", single, "--json", "--set", $"quantization={form}", "--set",
                $"training.optimizer={optimizer}")).Json();
            Assert.Equal(plan.GetProperty("parameters").GetProperty("base").GetInt64(),
                cell.GetProperty("parameters").GetInt64());
            Assert.Equal(plan.GetProperty("parameters").GetProperty("trainable").GetInt64(),
                cell.GetProperty("trainable").GetInt64());
            Assert.Equal(plan.GetProperty("bytes").GetRawText(), cell.GetProperty("bytes").GetRawText());
            Assert.Equal(plan.GetProperty("memory_bytes").GetInt64(), cell.GetProperty("memory_bytes").GetInt64());
            weights.Add(plan.GetProperty("bytes").GetProperty("weights").GetInt64());
            states.Add(plan.GetProperty("bytes").GetProperty("optimizer").GetInt64());
        }
        Assert.Equal(3, weights.Count); // nf4 and fp4 have codes of the same size
        Assert.Equal(model == "base" ? 3 : 4, states.Count); // its tensors are too small for 8-bit moments
    }
}
