using System.Diagnostics;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Bench;

/// <summary>
/// Compares generation in a continuous batch with generation one by one, alternating over fifths of the prompts so that other
/// load affects both equally: prompts and tokens per second of wall-clock and processor time, and how many answers differ.
/// </summary>
internal static class GenerationBench
{
    public static void Run(string model, string questions, int count, int sequences, int alone)
    {
        using var loaded = LanguageModel.Load(model);
        var held = HeldOutQuestion.Read(questions);
        int[][] prompts = [.. Enumerable.Range(0, count).Select(i => held[i % held.Count])
            .Select(q => loaded.EncodePrompt(new Conversation([new Turn(Role.User, q.Instruction, q.Input)])))];
        var options =
            new GenerationOptions { MaxNewTokens = 64, StopStrings = loaded.Template.Stop, EndTokens = loaded.EndTokens };
        var (limits, generator) = (new BatchLimits { Sequences = sequences }, loaded.Generator);
        Console.WriteLine(
            $"{count} prompts of {prompts.Average(p => p.Length):F0} tokens, answers of at most {options.MaxNewTokens}, "
            + $"{TorchSharp.torch.get_num_threads()} threads, {sequences} sequences at a time");
        generator.GenerateBatch(prompts[..Math.Min(count, 20)], options, limits); // warms up
        _ = generator.Stream(prompts[0], options).Count();

        var (batch, single, different) = (new Share(), new Share(), 0);
        foreach (var part in prompts.Chunk((count + 4) / 5))
        {
            var together = batch.Time(() => [.. generator.GenerateBatch(part, options, limits)]);
            var one = single.Time(() => [.. part.Take((alone + 4) / 5).Select(p => generator.Stream(p, options).ToArray())]);
            different += one.Zip(together).Count(pair => !pair.First.SequenceEqual(pair.Second));
        }
        single.Print("one by one");
        batch.Print("in a batch");
        Console.WriteLine($"{batch.PerSecond / single.PerSecond:F2} times as fast by the clock, "
            + $"{batch.PerProcessorSecond / single.PerProcessorSecond:F2} by processor time; {different} of {single.Prompts} "
                + "answers "
            + $"differ; peak {Platform.PeakResidentBytes >> 20} MB");
    }

    private sealed class Share
    {
        private double _seconds, _used;
        private int _tokens;

        public int Prompts { get; private set; }

        public double PerSecond => Prompts / _seconds;

        public double PerProcessorSecond => Prompts / _used;

        public int[][] Time(Func<int[][]> work)
        {
            var (start, used) = (Stopwatch.GetTimestamp(), Used);
            var answers = work();
            (_seconds, _used) = (_seconds + Stopwatch.GetElapsedTime(start).TotalSeconds, _used + Used - used);
            (Prompts, _tokens) = (Prompts + answers.Length, _tokens + answers.Sum(a => a.Length));
            return answers;
        }

        public void Print(string way) =>
            Console.WriteLine($"{way}  {Prompts,5} prompts in {_seconds,6:F1} s ({_used:F1} s of processor "
            + $"time): {PerSecond:F1} prompts/s, {_tokens / _seconds:F0} tokens/s");

        private static double Used => Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
    }
}
