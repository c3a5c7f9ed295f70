using System.Runtime.InteropServices;
using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Models.Tests.Runtime;

public sealed class ThreadWaitingTests
{
    private const string Stat = """
        cpu  1110 0 220 9000 10 0 5 1 0 0
        cpu0 1000 7 200 4000 99 3 5 1 50 0
        cpu1 110 0 20 5000 10 0 0 0 0 0
        cpu12 1 1 1 1 1 1 1 1 1 1
        intr 12345 0 0
        ctxt 99
        """;

    [Fact]
    public void Busy_time_is_that_of_the_allowed_processors_without_idle_iowait_and_guests()
    {
        var stat = System.Text.Encoding.ASCII.GetBytes(Stat.ReplaceLineEndings("\n"));
        Assert.Equal(1000 + 7 + 200 + 3 + 5 + 1, OtherWork.BusyTicks(stat, new HashSet<int> { 0 }));
        Assert.Equal(1216 + 130, OtherWork.BusyTicks(stat, new HashSet<int> { 0, 1, 5 }));
        Assert.Equal(6, OtherWork.BusyTicks(stat, new HashSet<int> { 12 }));
        Assert.Equal(0, OtherWork.BusyTicks("ctxt 99"u8, new HashSet<int> { 0 }));
        Assert.Equal([0, 1, 2, 3, 8], OtherWork.Numbers("\t0-3,8\n").Order());
    }

    [Fact]
    public void Other_work_is_the_busy_time_that_is_not_our_own()
    {
        var (ticks, own, now) = (500, 1.0, 10.0);
        var work = new OtherWork(new HashSet<int> { 0, 1 },
            () => System.Text.Encoding.ASCII.GetBytes($"cpu0 {ticks} 0 0 7\ncpu1 0 0 0 7\n"),
                () => (TimeSpan.FromSeconds(own), TimeSpan.FromSeconds(now)));
        (ticks, own, now) = (600, 1.25, 10.5); // both processors busy for half a second, half of it by us
        Assert.Equal(1.5, work.Cores(), 1e-9);
        (ticks, own, now) = (650, 1.80, 11); // counters of the system are coarser than ours
        Assert.Equal(0, work.Cores());
        Assert.Equal(0, work.Cores()); // no time has passed
    }

    [Fact]
    public void Waits_become_short_at_once_and_long_after_quiet_samples_in_a_row()
    {
        var decision = new ThreadWaiting(ThreadWaits.Adaptive, null);
        bool[] Of(params double[] others) => [.. others.Select(cores => decision.MakesShort(cores, spare: 0))];
        Assert.Equal([true, true, false, false, false], Of(0, 0.05, 0, 0.1, 0)); // short until it is known to be quiet
        Assert.Equal([true, true, true, false, false], Of(0.5, 0, 0, 0, 0));
        Assert.Equal([true, true, true, true, true, true, false, false], Of(2, 0, 0, 0.3, 0, 0, 0, 0));
        // Processors that libtorch leaves free may be used by others.
        Assert.False(decision.MakesShort(others: 3.5, spare: 4));
        Assert.True(decision.MakesShort(others: 4.5, spare: 4));
    }

    [Fact]
    public void A_parked_thread_holds_helpers_of_libgomp_until_it_ends()
    {
        var library = Path.Combine(AppContext.BaseDirectory, "libtorch_cpu.so");
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(library), "needs Linux with the packaged libtorch");
        _ = Libtorch.Report;
        Assert.Null(ShortWaits.Of(NativeLibrary.Load("libc.so.6")));
        var waits = ShortWaits.Of(NativeLibrary.Load(library), "parked test")!;
        Assert.Equal(0, Threads());
        for (var again = 0; again < 2; again++)
        {
            waits.Begin();
            waits.Begin();
            Assert.True(SpinWait.SpinUntil(() => Threads() >= 2, TimeSpan.FromSeconds(10)), $"{Threads()} threads");
            waits.End();
            Assert.True(SpinWait.SpinUntil(() => Threads() == 0, TimeSpan.FromSeconds(10)), $"{Threads()} threads");
        }
        waits.End();
    }

    // Helpers have the name of the thread that made them.
    private static int Threads() => Directory.GetDirectories("/proc/self/task").Count(task =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).Trim() == "parked test";
        }
        catch (IOException)
        {
            return false; // it has just ended
        }
    });
}
