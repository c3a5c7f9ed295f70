using System.Globalization;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>Who grades, and how: a chat model behind an endpoint, or a model of this machine.</summary>
public sealed record JudgeSpec
{
    /// <summary>The environment variable that holds an endpoint's key.</summary>
    public const string KeyVariable = "ALPACACOT_JUDGE_KEY";

    /// <summary>The base of an endpoint that speaks the OpenAI protocol; null where a folder is given.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The model's name at the endpoint.</summary>
    public string? Model { get; init; }

    /// <summary>The folder of a model of this machine; null where an endpoint is given.</summary>
    public string? Folder { get; init; }

    /// <summary>Prompt files that stand in place of those that ship; null for none.</summary>
    public string? Prompts { get; init; }

    /// <summary>The price of a million tokens read and written, in any currency.</summary>
    public (double Input, double Output) Price { get; init; }

    /// <summary>Seconds that one verdict may take.</summary>
    public double Timeout { get; init; } = 120;

    /// <summary>Verdicts asked for at once.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>Names the judge: verdicts are kept under it.</summary>
    public string Name =>
        Folder is not null ? ContentFingerprint.Of(Folder) : $"{Model} at {Endpoint!.GetLeftPart(UriPartial.Path)}";

    /// <summary>The texts it is asked with.</summary>
    public JudgePrompts Texts => new(Prompts);

    /// <summary>The judge.</summary>
    /// <param name="store">Where verdicts are kept.</param>
    /// <param name="owned">Gets what is to be disposed when the judge is needed no more.</param>
    public Judge Open(ResponseStore store, ICollection<IDisposable> owned)
    {
        ArgumentNullException.ThrowIfNull(owned);
        IChatClient client;
        if (Folder is not null)
        {
            var model = LanguageModel.Load(Folder);
            owned.Add(model);
            client = new ModelChatClient(model);
        }
        else
            client = new OpenAiChatClient(Endpoint!, Model!, Environment.GetEnvironmentVariable(KeyVariable),
                TimeSpan.FromSeconds(Timeout));
        owned.Add(client);
        return new Judge(client, Name, store) { ShownName = Folder, Parallel = Folder is null ? Parallel : 1, Price = Price };
    }

    /// <summary>Reads two prices, as <c>0.15,0.6</c>.</summary>
    public static bool TryPrice(string text, out (double Input, double Output) price)
    {
        ArgumentNullException.ThrowIfNull(text);
        price = default;
        if (text.Split(',') is not [var input, var output]
            || !double.TryParse(input, NumberStyles.Float, CultureInfo.InvariantCulture, out var read) || read < 0
            || !double.TryParse(output, NumberStyles.Float, CultureInfo.InvariantCulture, out var written) || written < 0)
            return false;
        price = (read, written);
        return true;
    }
}
