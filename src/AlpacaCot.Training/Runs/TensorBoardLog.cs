using AlpacaCot.Training.Objectives;
using TorchSharp;

namespace AlpacaCot.Training.Runs;

/// <summary>Scalars for TensorBoard; a resumed run writes a new file.</summary>
internal sealed class TensorBoardLog
{
    private readonly TorchSharp.Modules.SummaryWriter _writer;

    public TensorBoardLog(string folder, int fromStep)
    {
        Directory.CreateDirectory(folder);
        _writer = torch.utils.tensorboard.SummaryWriter(folder, filename_suffix: $".step{fromStep}");
    }

    public void Add(int step, string group, IEnumerable<NamedValue> values)
    {
        foreach (var (name, value) in values) _writer.add_scalar($"{group}/{name}", (float)value, step);
    }
}
