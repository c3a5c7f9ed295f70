using System.Text.Json;
using AlpacaCot.Bench;
using AlpacaCot.Bench.Fuzz;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

// usage: dotnet run --project bench/AlpacaCot.Bench -c Release -- read FILE [MEGABYTES]   MB/s of reading Alpaca records
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- fuzz [MINUTES [READER [NUMBER]]]   damaged files
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- preparation RECORDS FILE...   duplicates, mixing, cleaning
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- load [MEGABYTES]   loading a sharded checkpoint
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- generation [MODEL QUESTIONS PROMPTS SEQUENCES ALONE]
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- decode [FOLDER [THREADS [RUNS [fp32|int8|int4]]]]   llama.cpp
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- decode products [THREADS]   GMAC/s of int8 and int4 products
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- tokenize SHARED [SECONDS [MB]]   vs tokenizers.js
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- bigmodel SHAPE FOLDER [TOKENS [FORM]]   1b, 7b, 13b, 30b: twice
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- quantization   GB/s of the forms, ms of products
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- train [--rows plain,fp32,int8] [--json]   see TrainBench
//        dotnet run --project bench/AlpacaCot.Bench -c Release -- qlora-quality [SHARED]   loss on quantized and full bases
if (args is ["train", .. var train])
{
    TrainBench.Run(train);
    return 0;
}
if (args is ["tokenize", var shared, .. var tokenize])
{
    TokenizeBench.Run(shared, tokenize.Length > 0 ? int.Parse(tokenize[0]) : 10,
        tokenize.Length > 1 ? int.Parse(tokenize[1]) : 100);
    return 0;
}
if (args is ["plan", .. var plan])
{
    PlanBench.Run(plan);
    return 0;
}
if (args is ["decode", "products", ..])
{
    DecodeBench.Products(args.Length > 2 ? int.Parse(args[2]) : Environment.ProcessorCount);
    return 0;
}
if (args is ["decode", .. var decode])
{
    DecodeBench.Run(decode.Length > 1 ? int.Parse(decode[1]) : Environment.ProcessorCount,
        decode.Length > 2 ? int.Parse(decode[2]) : 6, decode.Length > 0 ? decode[0] : Path.GetTempPath(),
        decode[Math.Min(3, decode.Length)..]);
    return 0;
}
if (args is ["read", var file, ..])
{
    ReadBench.Run(file, args.Length > 2 ? int.Parse(args[2]) : 500);
    return 0;
}
if (args is ["fuzz", .. var fuzz])
{
    return FuzzBench.Run(fuzz);
}
if (args is ["load", ..])
{
    LoadBench.Run(args.Length > 1 ? int.Parse(args[1]) : 2000);
    return 0;
}
if (args is ["load-once", var label, var folder, var storage])
{
    LoadBench.LoadOnce(label, folder, Enum.TryParse<ScalarType>(storage, out var type) ? type : null);
    return 0;
}
if (args is ["preparation", .. var preparation])
{
    PreparationBench.Run(preparation);
    return 0;
}
if (args is ["bigmodel", var shape, var at, ..])
{
    BigModel.Run(shape, at, args.Length > 3 ? int.Parse(args[3]) : 512, args.Length > 4 ? args[4] : "nf4");
    return 0;
}
if (args is ["quantization", ..])
{
    QuantizationBench.Run();
    return 0;
}
if (args is ["qlora-quality", ..])
{
    QloraQualityBench.Run(args.ElementAtOrDefault(1));
    return 0;
}

if (args is ["generation", ..])
{
    GenerationBench.Run(args.ElementAtOrDefault(1) ?? "samples/base", args.ElementAtOrDefault(2) ?? "samples/data/heldout.json",
        int.Parse(args.ElementAtOrDefault(3) ?? "1000"), int.Parse(args.ElementAtOrDefault(4) ?? "64"),
        int.Parse(args.ElementAtOrDefault(5) ?? args.ElementAtOrDefault(3) ?? "1000"));
    return 0;
}

// Speed of the kernels compared with the same mathematics in plain torch operations, forward and backward.
// usage: dotnet run --project bench/AlpacaCot.Bench -c Release [THREADS]
Libtorch.EnsureLoaded();
if (args.Length > 0) set_num_threads(int.Parse(args[0]));
Console.WriteLine($"{Environment.ProcessorCount} cores, {get_num_threads()} threads");
Duel.Header();

foreach (var (rows, width) in new[] { (2048L, 192L), (512L, 2048L) })
{
    using var x = randn([rows, width]);
    using var w = ones(width);
    x.requires_grad = true;
    var norm = Norm(w, 1e-6);
    var pass = new ForwardPass(Compute.Cpu, PassMode.Training);
    Duel.Run($"RMS norm [{rows}, {width}]",
        () => Backward(() => x * (x.pow(Number(2)).mean([-1L], keepdim: true) + Number(1e-6)).rsqrt() * w, x),
        () => Backward(() => norm.Forward(x, pass), x));
}
foreach (var count in new[] { 2048L * 512, 512L * 5632 })
{
    using var gate = randn(count);
    using var up = randn(count);
    gate.requires_grad = true;
    Duel.Run($"SwiGLU [{count}]",
        () => Backward(() => nn.functional.silu(gate) * up, gate),
        () => Backward(() => Activations.SwiGlu(gate, up), gate));
}
FrozenBench.Run();
foreach (var (batch, length) in new[] { (32, 64), (4, 512) })
{
    var step = Step(batch, length);
    Console.WriteLine(
        $"LoRA step, 3 M parameters, {batch} x {length}: {step.Tokens / step.Seconds,0:F0} tokens/s, loss {step.Loss:F4}, " +
        $"gradient norm {step.Norm:F4}, peak {Platform.PeakResidentBytes >> 20} MB");
}
return 0;

static RmsNorm Norm(Tensor weight, double epsilon)
{
    var builder = new ModelBuilder(new OneWeight(weight));
    return builder.RmsNorm("norm", weight.numel(), epsilon);
}

static double Backward(Func<Tensor> forward, Tensor input)
{
    using var scope = NewDisposeScope();
    input.grad?.zero_();
    var y = forward();
    (y * y).sum().backward();
    return input.grad!.abs().sum().item<float>();
}

static (double Tokens, double Seconds, double Loss, double Norm) Step(int batch, int length)
{
    using var config = JsonDocument.Parse("""
        {"model_type":"llama","hidden_act":"silu","vocab_size":2048,"hidden_size":192,"intermediate_size":512,"num_hidden_layers":6,
         "num_attention_heads":6,"num_key_value_heads":2,"max_position_embeddings":512,"tie_word_embeddings":true}
        """);
    using var model = ModelFamilies.Build(config.RootElement, new RandomWeights(1, 0.02));
    using var adapter = Lora.Attach(model, new LoraConfig { TargetPattern = Lora.AllLinear, Alpha = 16 }, seed: 1);
    using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
    var random = new AlpacaCot.Text.DeterministicRandom(1);
    var examples = MicroBatch.Of([.. Enumerable.Range(0, batch).Select(_ =>
    {
        var ids = Enumerable.Range(0, length).Select(_ => random.NextInt(2048)).ToArray();
        return new TokenizedExample(ids, ids);
    })]);
    var (best, loss, norm) = (double.MaxValue, 0.0, 0.0);
    for (var i = 0; i < 10; i++)
    {
        using var scope = NewDisposeScope();
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        var sum = new SupervisedTuning().Loss(new TrainedModel(model, adapter), examples).Sum;
        sum.backward();
        loss = sum.item<float>() / examples.Supervised;
        norm = optimizer.GradientNorm(1.0 / examples.Supervised);
        optimizer.Step(1e-3, 1.0 / examples.Supervised);
        best = Math.Min(best, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
    return (batch * length, best, loss, norm);
}

internal sealed class OneWeight(Tensor weight) : IWeightSource
{
    public IEnumerable<string> Names => ["norm.weight"];

    public bool Contains(string name) => true;

    public Tensor Read(string name, ReadOnlySpan<long> shape) => weight.alias();
}
