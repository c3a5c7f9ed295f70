using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Kernels.Decode;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;
using static TorchSharp.torch;

namespace AlpacaCot.Bench;

/// <summary>
/// Decoding speed of a LLaMA with 1.1 billion random weights in fp32, int8 and 4 bits, compared with llama.cpp on the same
/// weights. Both sides alternate, and the best of several short runs counts, because other load only slows runs down.
/// </summary>
internal static unsafe class DecodeBench
{
    private const int Tokens = 64, Prompt = 512;

    private const string Config = """
        {"model_type":"llama","hidden_act":"silu","vocab_size":32000,"hidden_size":2048,"intermediate_size":5632,
         "num_hidden_layers":22,"num_attention_heads":32,"num_key_value_heads":4,"max_position_embeddings":2048,
         "rms_norm_eps":1e-5,"rope_theta":10000.0,"tie_word_embeddings":false}
        """;

    /// <summary>Prints the tables.</summary>
    /// <param name="threads">Threads of each side.</param>
    /// <param name="runs">Number of runs, of which the best counts.</param>
    /// <param name="folder">Folder for the GGUF files.</param>
    /// <param name="only">Weight types to run; empty: all.</param>
    public static void Run(int threads, int runs, string folder, string[] only)
    {
        Libtorch.EnsureLoaded();
        set_num_threads(threads);
        Directory.CreateDirectory(folder);
        var bandwidth = Enumerable.Range(0, 5).Max(_ => StreamBandwidth(threads));
        Console.WriteLine($"{Environment.ProcessorCount} cores, {threads} threads, memory read at {bandwidth / 1e9:F1} GB/s");
        Console.WriteLine($"{"weights",-8} {"MB/token",9} | {"tokens/s",9} {"bandwidth",10} {"llama.cpp",10} {"ratio",6} | " +
            $"{"cpu ms/token",13} {"llama.cpp",10} {"ratio",6} | {"prompt t/s",10} {"llama.cpp",10} {"ratio",6} | " +
            $"{"cpu ms/token",13} {"llama.cpp",10} {"ratio",6} | {"same tokens",12}");
        using var llama = LlamaCpp.Start(threads);
        foreach (var (form, bits, type) in new[] { ("fp32", 0, GgufType.F32), ("int8", 8, GgufType.Q8), ("int4", 4,
            GgufType.Q4) })
        {
            if (only.Length > 0 && !only.Contains(form)) continue;
            using var config = JsonDocument.Parse(Config);
            using var model = ModelFamilies.Build(config.RootElement, new QuickWeights());
            var file = Path.Combine(folder, $"random-1.1b-{form}.gguf");
            if (bits != 0 && llama is not null && !File.Exists(file)) Export(model, file, type);
            if (bits != 0) model.RoundWeights(bits);
            Platform.TrimMemory();
            var theirs = bits == 0 ? null : llama;
            var bytes = model.Linears.Values.Sum(l => l.Matrix.Bytes);

            int[] start = [1], prompt = [.. Enumerable.Range(0, Prompt).Select(i => 300 + i * 37 % 30000)];
            var (best, bestTheirs) = (Nothing, Nothing);
            int[] tokens = [];
            for (var run = 0; run < runs; run++)
            {
                best = Best(best, Decode(model, start, out tokens));
                if (theirs?.Ask(file, start, Tokens) is { } decoded)
                    bestTheirs = Best(bestTheirs, decoded with { Prompt = 1e9, PromptCpu = 1e9 });
                if (run >= (runs + 1) / 2) continue;
                best = Best(best, Read(model, prompt));
                if (theirs?.Ask(file, prompt, 0) is { } read)
                    bestTheirs = Best(bestTheirs, read with { Decode = 1e9, DecodeCpu = 1e9 });
            }
            var same = tokens.Zip(bestTheirs.Ids).TakeWhile(p => p.First == p.Second).Count();
            var rate = bytes * Tokens / best.Decode / bandwidth;
            Console.WriteLine($"{form,-8} {bytes / 1e6,9:F0} | {Tokens / best.Decode,9:F2} {rate,10:P0} " +
                $"{Rate(Tokens / bestTheirs.Decode)} {Ratio(bestTheirs.Decode / best.Decode)} | " +
                $"{best.DecodeCpu / Tokens * 1e3,13:F1} {Rate(bestTheirs.DecodeCpu / Tokens * 1e3)} " +
                $"{Ratio(bestTheirs.DecodeCpu / best.DecodeCpu)} | " +
                $"{Prompt / best.Prompt,10:F1} {Rate(Prompt / bestTheirs.Prompt)} {Ratio(bestTheirs.Prompt / best.Prompt)} | " +
                $"{best.PromptCpu / Prompt * 1e3,13:F2} {Rate(bestTheirs.PromptCpu / Prompt * 1e3)} " +
                $"{Ratio(bestTheirs.PromptCpu / best.PromptCpu)} | " +
                $"{(theirs is null ? "" : $"{same} of {Tokens + 1}"),12}");

            string Rate(double value) => theirs is null ? $"{"",10}" : $"{value,10:F2}";
            string Ratio(double value) => theirs is null ? $"{"",6}" : $"{value,5:F2}x";
        }
    }

    /// <summary>Prints billions of multiplications a second of the products with few and many rows, by time and by processor
    /// time.</summary>
    /// <param name="threads">Threads.</param>
    public static void Products(int threads)
    {
        Libtorch.EnsureLoaded();
        set_num_threads(threads);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Console.WriteLine($"{threads} threads; billions of multiplications a second (and per processor second)");
        Console.WriteLine(
            $"{"weights",-8} {"[outputs, inputs]",-18} {"1 row",16} {"4",16} {"8",16} {"16",16} {"64",16} {"512",16}");
        foreach (var (outputs, inputs) in new[] { (2048, 2048), (5632, 2048), (2048, 5632) })
        {
            var weight = randn(outputs, inputs);
            foreach (var bits in new[] { 8, 4 })
            {
                using var matrix = BlockMatrix.Quantize(weight, bits);
                Console.Write($"int{bits,-5} {$"[{outputs}, {inputs}]",-18}");
                foreach (var rows in new[] { 1, 4, 8, 16, 64, 512 })
                {
                    var x = randn(rows, inputs);
                    var (time, cpu) = Time(() => matrix.Product(x).Dispose(), Math.Max(1, 256 / rows));
                    var work = (double)rows * outputs * inputs / 1e9;
                    Console.Write($" {$"{work / time:F1} ({work / cpu:F1})",16}");
                }
                Console.WriteLine();
            }
        }

        static (double Time, double Cpu) Time(Action work, int times)
        {
            var (time, cpu) = (double.MaxValue, double.MaxValue);
            for (var run = 0; run < 8; run++)
            {
                var (start, startCpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
                for (var i = 0; i < times; i++) work();
                time = Math.Min(time, Stopwatch.GetElapsedTime(start).TotalSeconds / times);
                cpu = Math.Min(cpu, (Environment.CpuUsage.TotalTime - startCpu).TotalSeconds / times);
            }
            return (time, cpu);
        }
    }

    private static LlamaCpp.Run Nothing => new(1e9, 1e9, 1e9, 1e9, []);

    private static LlamaCpp.Run Best(LlamaCpp.Run a, LlamaCpp.Run b) =>
        new(Math.Min(a.Prompt, b.Prompt), Math.Min(a.Decode, b.Decode),
        Math.Min(a.PromptCpu, b.PromptCpu), Math.Min(a.DecodeCpu, b.DecodeCpu), b.Ids.Length > 0 ? b.Ids : a.Ids);

    private static LlamaCpp.Run Decode(CausalModel model, int[] prompt, out int[] tokens)
    {
        var (found, start, cpu) = (new List<int>(), 0L, TimeSpan.Zero);
        foreach (var token in new TextGenerator(model, null).Stream(prompt, new GenerationOptions { MaxNewTokens = Tokens + 1 }))
        {
            if (found.Count == 0) (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            found.Add(token);
        }
        tokens = [.. found];
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return Nothing with { Decode = seconds, DecodeCpu = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds };
    }

    private static LlamaCpp.Run Read(CausalModel model, int[] prompt)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var ids = tensor(prompt.Select(id => (long)id).ToArray(), [1, prompt.Length]);
        model.Hidden(new ModelInput(ids) { Mode = PassMode.Generation });
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return Nothing with { Prompt = seconds, PromptCpu = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds };
    }

    // Memory bandwidth in bytes per second: one read of 1 GiB on all threads.
    private static double StreamBandwidth(int threads)
    {
        const long Size = 1L << 30, Piece = 1 << 20;
        using var block = zeros(Size, ScalarType.Byte);
        var from = (nint)TensorMemory.Bytes(block);
        var sums = new uint[(int)(Size / Piece)];
        var best = double.MaxValue;
        for (var run = 0; run < 3; run++)
        {
            var start = Stopwatch.GetTimestamp();
            SpinThreadPool.Shared.Run(sums.Length, threads, piece =>
            {
                var at = (uint*)(from + piece * (nint)Piece);
                Vector256<uint> a = default, b = default, c = default, d = default;
                for (var i = 0; i < Piece / 4; i += 32)
                {
                    a ^= Vector256.Load(at + i);
                    b ^= Vector256.Load(at + i + 8);
                    c ^= Vector256.Load(at + i + 16);
                    d ^= Vector256.Load(at + i + 24);
                }
                sums[piece] = (a ^ b ^ c ^ d)[0];
            });
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return Size / best;
    }

    // A regular export: with 4 bits the output head keeps 8 bits on both sides.
    private static void Export(CausalModel model, string file, GgufType type)
    {
        var pieces = Enumerable.Range(0, 32000).Select(i => i switch
        {
            0 => "<unk>", 1 => "<s>", 2 => "</s>", < 259 => $"<0x{i - 3:X2}>", _ => $"▁t{i}",
        }).ToArray();
        var tokenizer = new GgufTokenizer
        {
            Model = GgufTokenizer.Pieces, Tokens = pieces, Scores = [.. pieces.Select((_, i) => -(float)i)],
            Kinds = [.. pieces.Select((_, i) => i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1)], Bos = 1, Eos = 2, Unknown = 0,
        };
        var weights =
            model.Parameters.Select(p => new ExportTensor(p.Key, p.Value.dtype, p.Value.shape, () => p.Value.alias()));
        GgufExport.Write(file, JsonNode.Parse(Config)!.AsObject(), [.. weights], tokenizer, type, _ => { });
    }

    /// <summary>Uniform weights, created quickly; only their number matters.</summary>
    private sealed class QuickWeights : IWeightSource
    {
        public IEnumerable<string> Names => [];

        public bool Contains(string name) => !name.EndsWith("bias", StringComparison.Ordinal);

        public Tensor Read(string name, ReadOnlySpan<long> shape)
        {
            if (shape.Length < 2) return ones(shape.ToArray());
            var tensor = empty(shape.ToArray(), ScalarType.Float32);
            var (to, count, seed) = ((nint)TensorMemory.Floats(tensor), tensor.numel(), (uint)name.Sum(c => c * 7919));
            Parallel.For(0, (int)((count + 65535) / 65536), piece =>
            {
                var state = seed + (uint)piece * 2654435761u | 1;
                for (var i = piece * 65536L; i < Math.Min((piece + 1) * 65536L, count); i++)
                {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    ((float*)to)[i] = ((int)state >> 8) * (0.04f / (1 << 23));
                }
            });
            return tensor;
        }
    }
}
