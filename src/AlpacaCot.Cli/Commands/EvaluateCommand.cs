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
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>evaluate</c>: a model on a benchmark, or answers of an earlier run scored again.</summary>
internal sealed class EvaluateCommand
{
    private readonly Terminal _terminal;
    private readonly Option<string> _model = Options.Model(), _adapter = Options.Adapter(), _tokenizer = Options.Tokenizer(),
        _template = Options.Template();

    private readonly Option<string> _benchmark = new("--benchmark")
    {
        Description = "What to ask (--list shows all)", HelpName = "NAME",
    };


    private readonly Option<string> _data = new("--data")
    {
        Description = "The benchmark's published file or folder, or a name that data is known by (the benchmark's own "
            + $"otherwise): looked for in {DataFolder.Variable} or data/ and among downloads",
        HelpName = "PATH|NAME",
    };

    private readonly Option<string> _generations = new("--generations")
    {
        Description = "Score the answers of an earlier run again; no model is needed", HelpName = "FILE",
    };

    private readonly Option<bool> _list = new("--list") { Description = "Show every benchmark and how it asks and scores" };
    private readonly Option<bool> _show = new("--show-prompts")
    {
        Description = "Show exactly what a model would read, and ask nothing",
    };

    private readonly Option<int?> _limit = Options.Limit("Ask only this many questions: the first of each category in turn");
    private readonly Option<int?> _shots = Options.Number<int?>("--shots",
        "Solved examples before a question, where the benchmark has any", "N", null, v => v >= 0, "a whole number from 0");

    private readonly Option<string> _trigger = Options.Text("--trigger",
        "Put behind every instruction, as \"Let's think step by step.\"");

    private readonly Option<bool> _generate = new("--generate")
    {
        Description = "Let choices be answered in words, not by log-likelihood",
    };

    private readonly Option<int?> _most = Options.Positive<int?>("--max-new-tokens",
        "The most tokens to generate; else the benchmark's", "N");

    private readonly Option<int> _batch = Options.Positive<int>("--batch-size", "Questions answered together", "N", 32);
    private readonly Option<string> _runner = new("--runner")
    {
        Description = "Runs programs that a model wrote, shut in, as \"bwrap ... python3 {file}\"", HelpName = "COMMAND",
    };

    private readonly Option<string> _out = Options.Out("Write every answer with its score, a line of JSON each");
    private readonly Option<string> _cache = new("--cache")
    {
        Description = "Where answers are kept as they come: a stopped run goes on from there", HelpName = "DIR",
        DefaultValueFactory = _ => Path.Combine("runs", "evaluations"),
    };

    private readonly Option<string> _device = Options.Device(), _dtype = Options.Dtype(), _quantization = Options.Quantization();
    private readonly Option<bool> _json = Options.Json();
    private readonly JudgeOptions _judge = new();

    private EvaluateCommand(Terminal terminal) => _terminal = terminal;

    public static DocumentedCommand Create(Terminal terminal)
    {
        var it = new EvaluateCommand(terminal);
        var verb = new DocumentedCommand("evaluate", CommandGroup.Use, "Measure a model on benchmarks: scores by category, with intervals",
            "evaluate --list",
            "evaluate --model path/to/model --adapter runs/my-run --benchmark gsm8k --data gsm8k/test.jsonl --limit 200",
            "evaluate --model path/to/model --benchmark mmlu --data mmlu --show-prompts --limit 1",
            "evaluate --model path/to/model --benchmark belle-eval --judge http://localhost:8000/v1 --judge-model NAME",
            "evaluate --generations answers.jsonl --json")
        {
            it._benchmark, it._data, it._model, it._adapter, it._tokenizer, it._template, it._limit, it._shots, it._trigger,
            it._generate, it._show, it._generations, it._list, it._out, it._cache, it._most, it._batch, it._runner,
        };
        it._judge.AddTo(verb);
        foreach (var option in new Option[] { it._device, it._dtype, it._quantization, it._json }) verb.Add(option);
        verb.SetAction(it.RunAsync);
        return verb;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        var screen = new EvaluationScreen(_terminal, parsed.GetValue(_json));
        if (parsed.GetValue(_list))
        {
            screen.List(BenchmarkSuite.All);
            return ExitCode.Done;
        }
        var clock = Stopwatch.StartNew();
        var earlier = parsed.GetValue(_generations);
        if (earlier is not null && parsed.GetValue(_model) is not null)
            throw new InputException("--generations scores answers that are there; leave out --model");
        using var owned = new Owned();
        BenchmarkRun run;
        IBenchmark benchmark;
        var reused = 0;
        if (earlier is not null)
        {
            var (name, model, questions, responses) = GenerationsFile.Read(earlier);
            if (parsed.GetValue(_benchmark) is { } wanted && wanted != name)
                throw new InputException($"{earlier} holds answers to {name}, not to {wanted}");
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
            if (parsed.GetValue(_show))
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
                throw new InputException($"{benchmark.About.Name} is scored without a judge; leave out --judge");
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
                _terminal.WriteError(e.Message);
                return ExitCode.Failed;
            }
            cost = judge.Cost;
        }
        if (parsed.GetValue(_out) is { } file) GenerationsFile.Write(file, run);
        screen.Show(run, reused, cost, _judge.Agreement(parsed, run), parsed.GetValue(_out), clock.Elapsed);
        return ExitCode.Done;
    }

    private (BenchmarkRun Run, int Reused) Ask(IBenchmark benchmark, IReadOnlyList<BenchmarkQuestion> questions,
        ParseResult parsed,
        EvaluationScreen screen, CancellationToken cancel)
    {
        var (path, adapter) = (parsed.GetValue(_model), parsed.GetValue(_adapter));
        var quantization = parsed.GetValue(_quantization)!;
        using var model = ModelLoading.Load(path, adapter, parsed.GetValue(_template), parsed.GetValue(_tokenizer), _terminal,
            quantization: quantization);
        if (parsed.GetValue(_template) is null) ModelLoading.SayTemplate(model.TemplateChoice, _terminal);
        var name = ContentFingerprint.Of(path!) + (quantization == "none" ? "" : "+" + quantization)
            + (adapter is null ? "" : "+" + ContentFingerprint.Of(LanguageModel.AdapterIn(adapter)));
        var answerer = new ModelAnswerer(model, name)
        {
            MaxNewTokens = parsed.GetValue(_most) ?? benchmark.About.MaxNewTokens, BatchSize = parsed.GetValue(_batch),
        };
        using var store = ResponseStore.Open(Path.Combine(parsed.GetValue(_cache)!,
            $"{benchmark.About.Name}-{ResponseStore.Key(answerer.Identity)[..12]}.jsonl"));
        var runner = new BenchmarkRunner(answerer, store) { ChunkSize = Math.Max(128, 4 * parsed.GetValue(_batch)) };
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

    private ChatFormatChoice TemplateOf(ParseResult parsed) => ChatFormats.Resolve(parsed.GetValue(_template),
        parsed.GetValue(_adapter) is { } adapter ? LanguageModel.AdapterIn(adapter) : null, parsed.GetValue(_model),
        parsed.GetValue(_tokenizer));
}
