using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>The sizes of a LLaMA with LoRA on all linear layers.</summary>
internal sealed record TrainShape(
    int Hidden, int Layers, int Heads, int KeyValueHeads, int Inner, int Vocabulary, int Rank, int Cutoff)
{
    public int HeadWidth => Hidden / Heads;

    public const double LoraScale = 2;

    /// <summary>The linear layers of the blocks: name, outputs, inputs.</summary>
    public IEnumerable<(string Name, long Outputs, long Inputs)> Linears => Enumerable.Range(0, Layers).SelectMany(layer =>
    {
        var (at, narrow) = ($"model.layers.{layer}.", (long)KeyValueHeads * HeadWidth);
        return ((string, long, long)[])[(at + "self_attn.q_proj", Hidden, Hidden), (at + "self_attn.k_proj", narrow, Hidden),
            (at + "self_attn.v_proj", narrow, Hidden), (at + "self_attn.o_proj", Hidden, Hidden),
            (at + "mlp.gate_proj", Inner, Hidden), (at + "mlp.up_proj", Inner, Hidden), (at + "mlp.down_proj", Hidden, Inner)];
    });

    /// <summary>Every weight of the base: name and shape.</summary>
    public IEnumerable<(string Name, long[] Size)> Weights =>
    [
        ("model.embed_tokens.weight", [Vocabulary, Hidden]), ("lm_head.weight", [Vocabulary, Hidden]),
            ("model.norm.weight", [Hidden]),
        .. Linears.Select(l => (l.Name + ".weight", (long[])[l.Outputs, l.Inputs])),
        .. Enumerable.Range(0, Layers).SelectMany(layer => ((string, long[])[])[
            ($"model.layers.{layer}.input_layernorm.weight", [Hidden]),
                ($"model.layers.{layer}.post_attention_layernorm.weight", [Hidden])]),
    ];

    /// <summary>The operations that a step needs: each frozen product forward and backward, the head at supervised positions,
    /// causal attention within each example, the low-rank products.</summary>
    public double NecessaryFlop(IEnumerable<TokenizedExample> examples)
    {
        var (tokens, supervised, pairs) = (0.0, 0.0, 0.0);
        foreach (var example in examples)
        {
            tokens += example.Ids.Length;
            supervised += example.Labels.Skip(1).Count(label => label != TokenizedExample.Ignored);
            pairs += example.Ids.Length * (example.Ids.Length + 1) / 2.0;
        }
        var linear = Linears.Sum(l => 4.0 * l.Outputs * l.Inputs + 6.0 * Rank * (l.Outputs + l.Inputs))
            - Linears.Take(3).Sum(l => 2.0 * l.Outputs * l.Inputs); // the embeddings need no gradient
        return tokens * linear + supervised * 4.0 * Vocabulary * Hidden + pairs * Layers * Hidden * (4 + 8);
    }
}

/// <summary>
/// Training speed and memory: the plain way and this project's, alternating step by step in one run. Each is a process of its own
/// for its peak memory; only one works at a time.
/// </summary>
internal static class TrainBench
{
    public const string Usage = """
        train [--rows plain,fp32,bf16,int8,nf4] [--steps 6] [--examples 4] [--length N] [--cutoff 512] [--threads N] [--json]
              [--hidden 2048] [--layers 8] [--heads 16] [--kv-heads 8] [--ffn 5632] [--vocab 32000] [--rank 8]
        """;

    // (prompt, whole) lengths in tokens of examples drawn at even distances from Stanford-Alpaca ordered by length, LLaMA's
    // tokenizer, Alpaca's template.
    public static readonly (int Prompt, int Whole)[] AlpacaLengths =
    [
        (46, 50), (44, 54), (44, 56), (45, 58), (46, 59), (45, 61), (46, 62), (56, 63), (52, 64), (52, 65), (45, 66),
        (51, 67), (54, 68), (48, 69), (53, 70), (50, 71), (54, 72), (47, 73), (47, 74), (67, 74), (58, 75), (67, 76),
        (48, 77), (57, 78), (63, 78), (58, 79), (48, 80), (47, 80), (78, 81), (73, 82), (72, 82), (76, 83), (73, 84),
        (72, 84), (68, 85), (69, 86), (83, 86), (77, 87), (79, 88), (74, 88), (74, 89), (80, 90), (79, 91), (48, 91),
        (47, 92), (80, 93), (47, 94), (73, 95), (52, 96), (45, 96), (49, 97), (66, 98), (49, 99), (62, 100), (53, 101),
        (49, 102), (47, 103), (89, 104), (50, 105), (45, 106), (47, 107), (44, 109), (49, 110), (82, 111), (43, 112),
        (48, 113), (74, 115), (76, 116), (51, 117), (49, 119), (47, 120), (48, 121), (49, 122), (58, 124), (69, 125),
        (47, 126), (55, 128), (52, 129), (51, 130), (57, 132), (59, 133), (48, 135), (52, 136), (49, 137), (43, 139),
        (81, 140), (49, 142), (51, 143), (45, 145), (46, 146), (53, 148), (46, 149), (50, 151), (46, 152), (152, 154),
        (47, 155), (79, 157), (45, 159), (44, 161), (52, 162), (49, 164), (55, 166), (48, 168), (44, 170), (52, 172),
        (45, 175), (116, 177), (47, 179), (49, 182), (77, 184), (49, 187), (50, 190), (100, 193), (52, 197), (55, 200),
        (49, 205), (65, 209), (58, 214), (73, 220), (145, 226), (47, 232), (83, 241), (127, 252), (51, 267), (76, 286),
        (61, 313), (55, 350), (70, 442),
    ];

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private sealed record StepResult(double Loss, double Norm, double Seconds, double CpuSeconds, int Tokens, int Supervised);

    private sealed record Row(string Name, double TokensPerSecond, double SupervisedTokensPerSecond, double Ratio, double Gflops,
        double CpuSeconds, long PeakBytes, double FirstLoss, double FinalLoss, double GradNorm);

    public static void Run(string[] args)
    {
        Libtorch.EnsureLoaded();
        if (args is ["one", var name, ..])
        {
            set_num_threads(Int(args, "--threads", Environment.ProcessorCount));
            One(name, args, Console.In, Console.Out);
            return;
        }
        var (steps, names) = (Int(args, "--steps", 6), (Text(args, "--rows") ?? "plain,fp32,bf16,int8,nf4").Split(','));
        var rates = MatrixRates(Int(args, "--threads", Environment.ProcessorCount));
        var runs = names.Select(name => (Name: name, Process: Start(name, args), Steps: new List<StepResult>())).ToArray();
        for (var step = 0; step < steps; step++)
            foreach (var run in runs)
            {
                run.Process.StandardInput.WriteLine(step);
                run.Process.StandardInput.Flush();
                run.Steps.Add(JsonSerializer.Deserialize<StepResult>(run.Process.StandardOutput.ReadLine()
                    ?? throw new InvalidOperationException($"{run.Name} ended"))!);
            }
        var rows = new List<Row>();
        foreach (var run in runs)
        {
            run.Process.StandardInput.Close();
            var peak = long.Parse(run.Process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
            run.Process.WaitForExit();
            var timed = run.Steps.Skip(1).ToArray(); // the first step warms up
            var (seconds, tokens) = (timed.Sum(s => s.Seconds), timed.Sum(s => s.Tokens));
            var flop = Enumerable.Range(1, steps - 1).Sum(step => Shape(args).NecessaryFlop(Examples(args, step)));
            rows.Add(new Row(run.Name, tokens / seconds, timed.Sum(s => s.Supervised) / seconds, 0, flop / seconds / 1e9,
                timed.Sum(s => s.CpuSeconds), peak, run.Steps[0].Loss, run.Steps[^1].Loss, run.Steps[^1].Norm));
        }
        for (var i = 0; i < rows.Count; i++) rows[i] = rows[i] with { Ratio = rows[i].TokensPerSecond / rows[0].TokensPerSecond };
        if (args.Contains("--json")) PrintJson(rates, rows);
        else Print(rates, rows);
    }

    /// <summary>The initial A matrices, the same for all.</summary>
    public static RandomWeights LoraWeights(TrainShape shape) => new(7, 1 / Math.Sqrt(shape.Hidden));

    private static Process Start(string name, string[] args) => Process.Start(
        new ProcessStartInfo(Environment.ProcessPath!, ["train", "one", name, .. args])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;

    // Works on a line with the number of a step; ends with the input and prints its peak memory.
    private static void One(string name, string[] args, TextReader input, TextWriter output)
    {
        var shape = Shape(args);
        using IStep step = name == "plain" ? new PlainStep(shape) : new OurStep(name, shape);
        while (input.ReadLine() is { } line)
        {
            var examples = Examples(args, int.Parse(line, CultureInfo.InvariantCulture));
            var (clock, cpu) = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
            var (loss, norm) = step.Run(examples);
            output.WriteLine(JsonSerializer.Serialize(new StepResult(loss, norm, Stopwatch.GetElapsedTime(clock).TotalSeconds,
                (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds, examples.Sum(e => e.Ids.Length),
                examples.Sum(e => e.Labels.Skip(1).Count(l => l != TokenizedExample.Ignored)))));
            output.Flush();
        }
        output.WriteLine(Platform.PeakResidentBytes);
    }

    private interface IStep : IDisposable
    {
        (double Loss, double Norm) Run(TokenizedExample[] examples);
    }

    private sealed class PlainStep(TrainShape shape) : IStep
    {
        private readonly PlainLlama _model = new(shape);
        private optim.Optimizer? _optimizer;

        public (double Loss, double Norm) Run(TokenizedExample[] examples)
        {
            using var scope = NewDisposeScope();
            _optimizer ??= optim.AdamW(_model.Adapter.Values, lr: 1e-3, weight_decay: 0.01);
            var length = examples.Max(e => e.Ids.Length);
            var ids = tensor([.. examples.SelectMany(e => Padded(e.Ids, length, 0))], [examples.Length, length]);
            var labels = tensor([.. examples.SelectMany(e => Padded(e.Labels, length, -100))], [examples.Length, length]);
            var loss = _model.Loss(ids, labels);
            loss.backward();
            var norm = Math.Sqrt(_model.Adapter.Values.Sum(w => Math.Pow(w.grad!.norm().item<float>(), 2)));
            _optimizer.step();
            _optimizer.zero_grad();
            return (loss.item<float>(), norm);
        }

        private static IEnumerable<long> Padded(int[] values, int length, long padding) =>
            values.Select(v => v == TokenizedExample.Ignored ? -100L : v)
                .Concat(Enumerable.Repeat(padding, length - values.Length));

        public void Dispose() => _optimizer?.Dispose();
    }

    private sealed class OurStep : IStep
    {
        private readonly CausalModel _model;
        private readonly IAdapter _adapter;
        private readonly AdamW _optimizer;

        public OurStep(string name, TrainShape shape)
        {
            var config = JsonSerializer.SerializeToElement(new
            {
                model_type = "llama", hidden_act = "silu", vocab_size = shape.Vocabulary, hidden_size = shape.Hidden,
                intermediate_size = shape.Inner, num_hidden_layers = shape.Layers, num_attention_heads = shape.Heads,
                num_key_value_heads = shape.KeyValueHeads, max_position_embeddings = shape.Cutoff, rms_norm_eps = 1e-5,
                tie_word_embeddings = false,
            });
            ScalarType? storage = name is "bf16" or "int8" ? ScalarType.BFloat16 : null;
            _model = ModelFamilies.Build(config, new RandomWeights(1), storage,
                name == "nf4" ? new QuantizationOptions(QuantizationType.Nf4) : null);
            _adapter = Lora.Attach(_model, new LoraConfig
            {
                Rank = shape.Rank, Alpha = (int)(shape.Rank * TrainShape.LoraScale), TargetPattern = Lora.AllLinear,
            }, seed: 1);
            _model.Arithmetic = name switch
            {
                "bf16" => Arithmetic.BFloat16,
                "int8" or "nf4" => Arithmetic.Int8,
                _ => Arithmetic.Float32,
            };
            var random = LoraWeights(shape);
            using var quiet = no_grad();
            using var scope = NewDisposeScope();
            foreach (var (weight, values) in _adapter.Parameters)
                if (weight.Contains("lora_A", StringComparison.Ordinal))
                    values.copy_(random.Read(weight[..weight.IndexOf(".lora_A", StringComparison.Ordinal)], values.shape));
            _optimizer = new AdamW(_adapter.Parameters, new AdamWOptions(WeightDecay: 0.01));
        }

        public (double Loss, double Norm) Run(TokenizedExample[] examples)
        {
            using var scope = NewDisposeScope();
            var batch = MicroBatch.Of(examples);
            var loss = new SupervisedTuning().Loss(new TrainedModel(_model, _adapter) { Packs = true }, batch).Sum;
            loss.backward();
            var scale = 1.0 / batch.Supervised;
            var norm = _optimizer.GradientNorm(scale);
            _optimizer.Step(1e-3, scale);
            return (loss.item<float>() * scale, norm);
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            _adapter.Dispose();
            _model.Dispose();
        }
    }

    // The examples of a step, the same for all: random tokens with real lengths, or all of one length and wholly supervised.
    private static TokenizedExample[] Examples(string[] args, int step)
    {
        var (shape, random) = (Shape(args), new DeterministicRandom(step + 1));
        var (count, length) = (Int(args, "--examples", 4), Int(args, "--length", 0));
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var (prompt, whole) = length > 0 ? (1, length) : AlpacaLengths[random.NextInt(AlpacaLengths.Length)];
            whole = Math.Min(whole, shape.Cutoff);
            int[] ids = [.. Enumerable.Range(0, whole).Select(_ => 3 + random.NextInt(shape.Vocabulary - 3))];
            return new TokenizedExample(ids, [.. ids.Select((id, t) => t < prompt ? TokenizedExample.Ignored : id)]);
        })];
    }

    private static (double Fp32, double BFloat16, double Int8) MatrixRates(int threads)
    {
        set_num_threads(threads);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var (a, b) = (randn(512, 2048), randn(5632, 2048).t());
        var (a16, b16) = (a.to(ScalarType.BFloat16), b.to(ScalarType.BFloat16));
        var (a8, b8) = (randint(-127, 127, [512, 2048], ScalarType.Int8), randint(-127, 127, [5632, 2048], ScalarType.Int8).t());
        return (Rate(() => a.mm(b)), Rate(() => a16.mm(b16)), Rate(() => TorchScriptOps.Int8Product(a8, b8)));

        static double Rate(Func<Tensor> product)
        {
            var best = double.MaxValue;
            for (var i = 0; i < 12; i++)
            {
                var clock = Stopwatch.GetTimestamp();
                product().Dispose();
                best = Math.Min(best, Stopwatch.GetElapsedTime(clock).TotalSeconds);
            }
            return 2.0 * 512 * 2048 * 5632 / best / 1e9;
        }
    }

    private static void Print((double Fp32, double BFloat16, double Int8) rates, List<Row> rows)
    {
        Console.WriteLine($"{Environment.ProcessorCount} cores; matrix products: fp32 {rates.Fp32:F0}, bf16 "
            + $"{rates.BFloat16:F0} GFLOP/s, " +
            $"int8 {rates.Int8:F0} GOP/s");
        Console.WriteLine("way     tokens/s  supervised/s   ratio  GFLOP/s     CPU s  peak MB  first loss  final loss  "
            + "gradient norm");
        foreach (var row in rows)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.Name,-6} {row.TokensPerSecond,9:F1} {row.SupervisedTokensPerSecond,13:F1} {row.Ratio,6:F2}x "
                    + $"{row.Gflops,8:F1} " +
                $"{row.CpuSeconds,9:F1} {row.PeakBytes >> 20,8} {row.FirstLoss,11:F5} {row.FinalLoss,11:F5} "
                    + $"{row.GradNorm,14:F5}"));
    }

    private static void PrintJson((double Fp32, double BFloat16, double Int8) rates, List<Row> rows) => Console.WriteLine(
        JsonSerializer.Serialize(new
        {
            machine = new { cores = Environment.ProcessorCount, threads = get_num_threads(),
                libtorch = LibtorchReport.BuiltAgainst },
            matrix_gflops = new { fp32 = rates.Fp32, bf16 = rates.BFloat16, int8 = rates.Int8 },
            rows,
        }, Json));

    private static TrainShape Shape(string[] args) => new(Int(args, "--hidden", 2048), Int(args, "--layers", 8),
        Int(args, "--heads", 16), Int(args, "--kv-heads", 8), Int(args, "--ffn", 5632), Int(args, "--vocab", 32000),
        Int(args, "--rank", 8), Int(args, "--cutoff", 512));

    private static string? Text(string[] args, string name) =>
        Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

    private static int Int(string[] args, string name, int otherwise) =>
        Text(args, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
