using System.Diagnostics;
using AlpacaCot.Data.Conversations;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Native;
using AlpacaCot.Studies;

namespace AlpacaCot.Bench;

/// <summary>
/// An evaluation of many prompts one by one and in a continuous batch, in turns over parts of the prompts so that other load hits
/// both alike: prompts and tokens a second, and in how many answers the two differ.
/// </summary>
internal static class GenerationBench
{
    public static void Run(string model, string questions, int count, int sequences)
    {
        using var loaded = LanguageModel.Load(model);
        var held = HeldOutQuestion.Read(questions);
        int[][] prompts = [.. Enumerable.Range(0, count).Select(i => held[i % held.Count])
            .Select(q => loaded.EncodePrompt(new Conversation([new Turn(Role.User, q.Instruction, q.Input)])))];
        var options = new GenerationOptions { MaxNewTokens = 64, StopStrings = loaded.Template.Stop, EndTokens = loaded.EndTokens };
        var limits = new BatchLimits { Sequences = sequences };
        Console.WriteLine($"{count} prompts of {prompts.Average(p => p.Length):F0} tokens, answers of at most {options.MaxNewTokens}, "
            + $"{TorchSharp.torch.get_num_threads()} threads, {sequences} sequences at a time");
        var (alone, batch, aloneUsed, batchUsed) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        var (tokens, different) = (0, 0);
        loaded.Generator.GenerateBatch(prompts[..Math.Min(count, 20)], options, limits); // warms up
        foreach (var part in prompts.Chunk(Math.Max(count / 5, 4 * sequences)))
        {
            var (start, used) = (Stopwatch.GetTimestamp(), Used());
            var one = part.Select(p => loaded.Generator.Stream(p, options).ToArray()).ToArray();
            (alone, aloneUsed) = (alone + Stopwatch.GetElapsedTime(start), aloneUsed + (Used() - used));
            (start, used) = (Stopwatch.GetTimestamp(), Used());
            var together = loaded.Generator.GenerateBatch(part, options, limits);
            (batch, batchUsed) = (batch + Stopwatch.GetElapsedTime(start), batchUsed + (Used() - used));
            tokens += together.Sum(t => t.Length);
            different += one.Zip(together).Count(pair => !pair.First.SequenceEqual(pair.Second));
        }
        Print("one by one", alone, aloneUsed);
        Print("in a batch", batch, batchUsed);
        Console.WriteLine($"{alone / batch:F2} times as fast ({aloneUsed / batchUsed:F2} by processor time), {different} of {count} answers differ, "
            + $"peak {Platform.PeakResidentBytes >> 20} MB");

        static TimeSpan Used() => Process.GetCurrentProcess().TotalProcessorTime;

        void Print(string way, TimeSpan time, TimeSpan used) => Console.WriteLine(
            $"{way,-12} {time.TotalSeconds,7:F1} s {count / time.TotalSeconds,8:F1} prompts/s {tokens / time.TotalSeconds,9:F0} tokens/s, "
            + $"{used.TotalSeconds,7:F1} s of processor time");
    }
}
