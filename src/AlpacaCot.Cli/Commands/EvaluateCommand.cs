using System.CommandLine;
using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Evaluation.Metrics;
using AlpacaCot.Models;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>evaluate</c>: runs a benchmark on a model, or scores saved answers again.</summary>
internal sealed class EvaluateCommand(Terminal terminal)
{
    private readonly Option<string> _benchmark = new("--benchmark")
    {
        Description = "Benchmark to run (--list shows all)", HelpName = "NAME",
    };

    private readonly Option<string> _data = new("--data")
    {
        Description = "The benchmark's published file or folder, or a name of its data, which is searched in "
            + $"{DataFolder.Variable} or data/ and among downloads. Default: the benchmark's name",
        HelpName = "PATH|NAME",
    };

    private readonly Option<string> _model = Options.Model(), _adapter = Options.Adapter(), _tokenizer = Options.Tokenizer(),
        _template = Options.Template();

    private readonly Option<int?> _limit = Options.Limit("Maximum number of questions, taken from the categories in turn");
    private readonly Option<int?> _shots = Options.Whole<int?>("--shots",
        "Number of solved examples before a question, if the benchmark has any", "N", null, 0);

    private readonly Option<string> _trigger = Options.Text("--trigger",
        "Text to append to every instruction, for example \"Let's think step by step.\"");

    private readonly Option<bool> _generate = new("--generate")
    {
        Description = "Generate answers to multiple-choice questions instead of comparing log-likelihoods",
    };

    private readonly Option<bool> _showPrompts = new("--show-prompts") { Description = "Print the exact prompts, and exit" };
    private readonly Option<string> _generations = Options.File("--generations",
        "Score the saved answers of an earlier run; no model is needed");

    private readonly Option<bool> _list = new("--list")
    {
        Description = "List the benchmarks with their prompts and scoring, and exit",
    };

    private readonly Option<string> _out = Options.Out("Write every answer with its score, one JSON object per line");
    private readonly Option<string> _cache = new("--cache")
    {
        Description = "Folder that keeps answers; a stopped run continues from it", HelpName = "DIR",
        DefaultValueFactory = _ => Path.Combine("runs", "evaluations"),
    };

    private readonly Option<int?> _maxNewTokens = Options.Positive<int?>("--max-new-tokens",
        "Maximum number of tokens to generate. Default: that of the benchmark", "N");

    private readonly Option<int> _batchSize = Options.Positive<int>("--batch-size", "Maximum number of sequences at a time", "N",
        32);

    private readonly Option<string> _runner = new("--runner")
    {
        Description = "Sandbox command that runs generated programs, for example \"bwrap ... python3 {file}\"",
        HelpName = "COMMAND",
    };

    private readonly JudgeOptions _judge = new();
    private readonly ComputeOptions _compute = new(withWeights: false);
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new EvaluateCommand(terminal);
        return new DocumentedCommand("evaluate", CommandGroup.Use,
            "Run benchmarks on a model: scores by category, with confidence intervals",
            "evaluate --list",
            "evaluate --model path/to/model --adapter runs/my-run --benchmark gsm8k --data gsm8k/test.jsonl --limit 200",
            "evaluate --model path/to/model --benchmark mmlu --data mmlu --show-prompts --limit 1",
            "evaluate --model path/to/model --benchmark mmlu --data mmlu --device cuda --dtype bfloat16",
            "evaluate --model path/to/model --benchmark belle-eval --judge http://localhost:8000/v1 --judge-model NAME",
            "evaluate --generations answers.jsonl --json")
        {
            command._benchmark, command._data, command._model, command._adapter, command._tokenizer, command._template,
            command._limit, command._shots, command._trigger, command._generate, command._showPrompts, command._generations,
            command._list, command._out, command._cache, command._maxNewTokens, command._batchSize, command._runner,
            command._judge.All, command._compute.All, command._json,
        }.RunsAsync(command.RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        var screen = new EvaluationScreen(terminal, parsed.GetValue(_json));
        if (parsed.GetValue(_list))
        {
            screen.List(BenchmarkSuite.All);
            return ExitCode.Done;
        }
        var clock = Stopwatch.StartNew();
        var earlier = parsed.GetValue(_generations);
        if (earlier is not null && parsed.GetValue(_model) is not null)
            throw new InputException("--generations scores saved answers and loads no model; leave out --model");
        using var owned = new Owned();
        BenchmarkRun run;
        IBenchmark benchmark;
        var reused = 0;
        if (earlier is not null)
        {
            var (name, model, questions, responses) = GenerationsFile.Read(earlier);
            if (parsed.GetValue(_benchmark) is { } asked && asked != name)
                throw new InputException($"{earlier} contains answers to {name}, not to {asked}");
            benchmark = Find(name, parsed);
            run = BenchmarkRunner.Score(benchmark, model, questions, responses);
        }
        else
        {
            benchmark = Find(parsed.GetValue(_benchmark) ?? throw new InputException(
                "evaluate needs --benchmark NAME (--list shows them) or --generations FILE"), parsed);
            var data = DataOf(benchmark, parsed);
            var questions = BenchmarkSuite.Read(benchmark, data.Path, new BenchmarkOptions
            {
                Shots = parsed.GetValue(_shots), Trigger = parsed.GetValue(_trigger), Limit = parsed.GetValue(_limit),
                Set = data.Set,
                ByLikelihood = parsed.GetValue(_generate) ? false : null,
            });
            if (parsed.GetValue(_showPrompts))
            {
                screen.ShowPrompts(questions, TemplateOf(parsed).Format);
                return ExitCode.Done;
            }
            (run, reused) = Ask(benchmark, questions, parsed, screen, cancel);
        }
        JudgeCost? cost = null;
        if (_judge.Given(parsed))
        {
            if (benchmark is not IJudgedBenchmark judged)
                throw new InputException($"{benchmark.About.Name} does not use a judge; leave out --judge");
            using var store = ResponseStore.Open(Path.Combine(parsed.GetValue(_cache)!, "verdicts.jsonl"));
            var spec = _judge.Spec(parsed);
            var judge = spec.Open(store, owned.All);
            try
            {
                run = await screen.Follow("verdicts", run.Answers.Count, progress =>
                    judge.GradeAsync(judged, run, spec.Texts, progress, cancel)).ConfigureAwait(false);
            }
            catch (JudgeUnavailableException e)
            {
                terminal.WriteError(e.Message);
                return ExitCode.Failed;
            }
            cost = judge.Cost;
        }
        if (parsed.GetValue(_out) is { } file) GenerationsFile.Write(file, run);
        screen.Show(run, reused, cost, _judge.Agreement(parsed, run), parsed.GetValue(_out), clock.Elapsed);
        return ExitCode.Done;
    }

    private (BenchmarkRun Run, int Reused) Ask(IBenchmark benchmark, IReadOnlyList<BenchmarkQuestion> questions,
        ParseResult parsed, EvaluationScreen screen, CancellationToken cancel)
    {
        var (path, adapter) = (parsed.GetValue(_model), parsed.GetValue(_adapter));
        if (path is not null) (path, adapter) = ModelLocation.Of(path, adapter); // answers are kept by what was asked
        var storage = _compute.Read(parsed);
        using var model = ModelLoading.Load(path, adapter, parsed.GetValue(_template), parsed.GetValue(_tokenizer), storage,
            terminal);
        if (parsed.GetValue(_template) is null) ModelLoading.ShowTemplate(model.TemplateChoice, terminal);
        var name = ContentFingerprint.Of(path!) + (storage.Quantization is null or "none" ? "" : "+" + storage.Quantization)
            + (storage.Compute is { Activations: TorchSharp.torch.ScalarType.BFloat16 } ? "+bfloat16" : "")
            + (adapter is null ? "" : "+" + ContentFingerprint.Of(LanguageModel.AdapterIn(adapter)));
        var answerer = new ModelAnswerer(model, name)
        {
            MaxNewTokens = parsed.GetValue(_maxNewTokens) ?? benchmark.About.MaxNewTokens,
                BatchSize = parsed.GetValue(_batchSize),
        };
        using var store = ResponseStore.Open(Path.Combine(parsed.GetValue(_cache)!,
            $"{benchmark.About.Name}-{ResponseStore.Key(answerer.Identity)[..12]}.jsonl"));
        var runner = new BenchmarkRunner(answerer, store) { ChunkSize = Math.Max(128, 4 * parsed.GetValue(_batchSize)) };
        var run = screen.Follow("questions", questions.Count, progress =>
            Task.FromResult(runner.Run(benchmark, questions, progress, cancel))).GetAwaiter().GetResult();
        return (run, runner.Reused);
    }

    private IBenchmark Find(string name, ParseResult parsed) =>
        BenchmarkSuite.Find(name) is HumanEval && parsed.GetValue(_runner) is { } command
            ? new HumanEval(new CodeRunner(command)) : BenchmarkSuite.Find(name);

    private BenchmarkData DataOf(IBenchmark benchmark, ParseResult parsed)
    {
        var (given, own) = (parsed.GetValue(_data), DataFolder.Find(benchmark.About.Name, DataFolder.Default));
        var sample = Path.Combine(AppContext.BaseDirectory, "samples", "data", "heldout.json");
        return given is null && own is null && benchmark is { About.Name: "heldout" } && File.Exists(sample) ? new(sample)
            : BenchmarkData.Find(benchmark.About, given, [DataFolder.Default]);
    }

    private ChatFormatChoice TemplateOf(ParseResult parsed)
    {
        var (model, adapter) = (parsed.GetValue(_model), parsed.GetValue(_adapter));
        if (model is not null) (model, adapter) = ModelLocation.Of(model, adapter);
        return ChatFormats.Resolve(parsed.GetValue(_template), adapter is null ? null : LanguageModel.AdapterIn(adapter), model,
            parsed.GetValue(_tokenizer));
    }
}
