using TorchSharp;

namespace AlpacaCot.Training.Runs;

/// <summary>Scalars for TensorBoard; a resumed run continues in a file of its own.</summary>
internal sealed class TensorBoardLog
{
    private readonly TorchSharp.Modules.SummaryWriter writer;

    public TensorBoardLog(string folder, int fromStep)
    {
        Directory.CreateDirectory(folder);
        writer = torch.utils.tensorboard.SummaryWriter(folder, filename_suffix: $".step{fromStep}");
    }

    public void Add(int step, params ReadOnlySpan<(string Tag, double Value)> values)
    {
        foreach (var (tag, value) in values) writer.add_scalar(tag, (float)value, step);
    }
}
