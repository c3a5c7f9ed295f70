using System.Globalization;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models;
using AlpacaCot.Models.Runtime;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>The configuration of a judge: a chat model behind an endpoint, or a local model.</summary>
public sealed record JudgeSpec
{
    /// <summary>The environment variable that contains the endpoint's access key.</summary>
    public const string KeyVariable = "ALPACACOT_JUDGE_KEY";

    /// <summary>The base URL of an OpenAI-compatible endpoint; null where <see cref="Folder"/> is set.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The model's name at the endpoint.</summary>
    public string? Model { get; init; }

    /// <summary>The folder of a local model; null where <see cref="Endpoint"/> is set.</summary>
    public string? Folder { get; init; }

    /// <summary>A folder of prompt files that replace the built-in ones; null for none.</summary>
    public string? Prompts { get; init; }

    /// <summary>The price of a million input and output tokens, in any currency.</summary>
    public (double Input, double Output) Price { get; init; }

    /// <summary>The time limit of one request, in seconds.</summary>
    public double Timeout { get; init; } = 120;

    /// <summary>The number of concurrent requests.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>The identity of the judge, part of the cache key of its verdicts.</summary>
    public string Name =>
        Folder is not null ? ContentFingerprint.Of(Folder) : $"{Model} at {Endpoint!.GetLeftPart(UriPartial.Path)}";

    /// <summary>The prompts of the judge.</summary>
    public JudgePrompts Texts => new(Prompts);

    /// <summary>Creates the judge; a local model is loaded.</summary>
    /// <param name="store">The store of verdicts.</param>
    /// <param name="owned">Receives the objects to dispose after grading.</param>
    public Judge Open(ResponseStore store, ICollection<IDisposable> owned)
    {
        ArgumentNullException.ThrowIfNull(owned);
        IChatClient client;
        if (Folder is not null)
        {
            var model = LanguageModel.Load(Folder, compute: DeviceChoice.Of(null));
            owned.Add(model);
            client = new ModelChatClient(model);
        }
        else
            client = new OpenAiChatClient(Endpoint!, Model!, Environment.GetEnvironmentVariable(KeyVariable),
                TimeSpan.FromSeconds(Timeout));
        owned.Add(client);
        return new Judge(client, Name, store) { ShownName = Folder, Parallel = Folder is null ? Parallel : 1, Price = Price };
    }

    /// <summary>Parses the prices of input and output tokens, such as <c>0.15,0.6</c>.</summary>
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
