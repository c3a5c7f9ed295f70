// Uses each example of CONTRIBUTING.md through its registry. ContributingTests builds this against a copy of the source into
// which the examples were written. Prints "ok NAME" or "failed NAME: why" for each; the exit code is the number of failures.
using System.Text.Json;
using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Examples;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Settings;
using static TorchSharp.torch;

const int Vocabulary = 32;
Libtorch.EnsureLoaded();
set_num_threads(1);
using var scope = NewDisposeScope();
var folder = Directory.CreateTempSubdirectory("walkthrough-").FullName;
var failures = 0;

Check("family", () =>
{
    using var pebble = Model("pebble");
    using var llama = Model("llama"); // the same weights
    var input = new ModelInput(Tensors.Of([1L, 2, 3, 4, 5, 6], [2, 3], CPU));
    var (own, other) = (pebble.Logits(input), llama.Logits(input));
    Require(own.shape is [2, 3, Vocabulary], $"logits of shape [{string.Join(", ", own.shape)}]");
    Require(own.isfinite().all().item<bool>(), "logits are not finite");
    Require((own - other).abs().max().item<float>() > 1e-3, "the model computes the same as LLaMA");
    using var adapter = Attach(pebble, "lora"); // targets are found
});

Check("method", () =>
{
    using var model = Model("llama");
    using var adapter = Attach(model, "scaled");
    Require(adapter.Parameters.Count == 4, $"{adapter.Parameters.Count} trained tensors, not one for each of 4 layers");
    var objective = new SupervisedTuning();
    var before = Loss(objective, model, adapter);
    Train(objective, model, adapter, "adamw", 0.05);
    var after = Loss(objective, model, adapter);
    Require(after < before, $"the loss went from {before} to {after}");
    adapter.Save(folder);
    adapter.Dispose();
    using var loaded = AdapterMethods.Load(model, folder);
    Require(Loss(objective, model, loaded) == after, "the saved adapter computes something else");
});

Check("data set", () =>
{
    var path = Path.Combine(folder, "riddles.jsonl");
    File.WriteAllText(path, """{"riddle": "What has keys but opens no door? ", "hints": ["music"], "solution": "A piano."}""");
    var conversation = Catalogue.Find("riddles").Convert(path, new ConvertOptions()).Single();
    Require((conversation.Turns[0].Text, conversation.Turns[0].Input, conversation.Turns[1].Text)
        == ("What has keys but opens no door?", "- music", "A piano."), $"converted to {string.Join(", ", conversation.Turns)}");
});

Check("benchmark", () =>
{
    var path = Path.Combine(folder, "trivia.jsonl");
    File.WriteAllText(path,
        """{"question": "Which city is the capital of France?", "answers": ["Paris", "City of Paris"], "category": "places"}""");
    var benchmark = BenchmarkSuite.Find("trivia");
    var question = BenchmarkSuite.Read(benchmark, path, new BenchmarkOptions()).Single();
    Require(benchmark.Score(question, new BenchmarkResponse("city of Paris.")).Value == 1, "a right answer is not scored 1");
    Require(benchmark.Score(question, new BenchmarkResponse("Lyon")).Value == 0, "a wrong answer is not scored 0");
});

Check("optimizer", () =>
{
    using var model = Model("llama");
    using var adapter = Attach(model, "lora");
    var objective = new SupervisedTuning();
    var before = Loss(objective, model, adapter);
    Train(objective, model, adapter, "signsgd", 0.01);
    var after = Loss(objective, model, adapter);
    Require(after < before, $"the loss went from {before} to {after}");
});

Check("objective", () =>
{
    using var model = Model("llama");
    using var adapter = Attach(model, "ia3");
    var objective = ObjectiveRegistry.Create(new TrainingOptions { Objective = "focal" });
    var trained = new TrainedModel(model, adapter);
    var loss = objective.Loss(trained, Batch());
    var expected = trained.LogProbabilities(Batch()).data<double>().Sum(log => -Math.Pow(1 - Math.Exp(log), 2) * log);
    Require(Math.Abs(loss.Sum.item<float>() - expected) < 1e-5, $"the loss is {loss.Sum.item<float>()}, not {expected}");
    loss.Sum.backward();
    Require(adapter.Parameters.Values.Any(p => p.grad is { } g && g.abs().max().item<float>() > 0), "there is no gradient");
});

Directory.Delete(folder, recursive: true);
return failures;

void Check(string name, Action check)
{
    try
    {
        check();
        Console.WriteLine($"ok {name}");
    }
    catch (Exception fault)
    {
        failures++;
        Console.WriteLine($"failed {name}: {fault.Message}");
    }
}

static void Require(bool condition, string otherwise)
{
    if (!condition) throw new InvalidOperationException(otherwise);
}

static CausalModel Model(string type) => ModelFamilies.Build(JsonDocument.Parse($$"""
    {
      "model_type": "{{type}}", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
      "vocab_size": {{Vocabulary}}, "max_position_embeddings": 64
    }
    """).RootElement, new RandomWeights(seed: 1, deviation: 0.2));

static Adapter Attach(CausalModel model, string name)
{
    var method = AdapterMethods.Named(name) ?? throw new InvalidOperationException($"no method {name} is registered");
    var config = method.Complete(name, method.Start(name), new AdapterSetup(model, Seed: 1, _ => []));
    return AdapterMethods.Attach(model, config, seed: 1);
}

static MicroBatch Batch() => MicroBatch.Of(
[
    new TokenizedExample([1, 5, 9, 13, 2], [TokenizedExample.Ignored, TokenizedExample.Ignored, 9, 13, 2]),
    new TokenizedExample([1, 7, 11, 2], [TokenizedExample.Ignored, TokenizedExample.Ignored, 11, 2]),
]);

static double Loss(IObjective objective, CausalModel model, Adapter adapter)
{
    using var quiet = no_grad();
    return objective.Loss(new TrainedModel(model, adapter), Batch()).Sum.item<float>();
}

static void Train(IObjective objective, CausalModel model, Adapter adapter, string name, double rate)
{
    var options = new TrainingOptions { Optimizer = name };
    using var optimizer = OptimizerRegistry.Create(options, model, adapter.Parameters);
    for (var step = 0; step < 10; step++)
    {
        objective.Loss(new TrainedModel(model, adapter), Batch()).Sum.backward();
        optimizer.Step(rate, 1.0 / objective.Weight(Batch()));
    }
    var bytes = optimizer.State.Sum(s => s.Tensor.numel() * s.Tensor.element_size());
    var counted = OptimizerRegistry.StateBytes(options, model, adapter.Parameters);
    Require(bytes == counted, $"the state has {bytes} bytes, the registry says {counted}");
}
