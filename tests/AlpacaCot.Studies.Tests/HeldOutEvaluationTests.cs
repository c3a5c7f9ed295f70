using System.Text.Json;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Studies.Tests;

public sealed class HeldOutEvaluationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_read_in_order_and_a_limit_leaves_out_no_category()
    {
        var path = Write("""
            [ {"instruction":"a1","input":"x","output":"r1","category":"a"}, {"instruction":"a2","output":"r2","category":"a"},
              {"instruction":"a3","output":"r3","category":"a"}, {"instruction":"b1","output":"r4","category":"b"},
              {"instruction":"c1","output":"r5","category":"c"}, {"instruction":"b2","output":"r6","category":"b"} ]
            """);
        Assert.Equal(new HeldOutQuestion("a", "a1", "x", "r1"), HeldOutQuestion.Read(path)[0]);
        Assert.Equal(["a1", "a2", "a3", "b1", "c1", "b2"], HeldOutQuestion.Read(path).Select(q => q.Instruction));
        Assert.Equal(["a1", "b1", "c1"], HeldOutQuestion.Read(path, 3).Select(q => q.Instruction));
        Assert.Equal(["a1", "a2", "b1", "c1", "b2"], HeldOutQuestion.Read(path, 5).Select(q => q.Instruction));
        Assert.Equal(6, HeldOutQuestion.Read(path, 100).Count);
    }

    [Theory]
    [InlineData("""[ {"instruction":"a","output":"b","category":"c"}, {"instruction":"a","output":"b"} ]""",
        "record 2", "category")]
    [InlineData("""[ {"instruction":"a","output":7,"category":"c"} ]""", "record 1", "output")]
    [InlineData("""[ "a" ]""", "record 1", "an object")]
    [InlineData("""[ {"instruction":"a" """, "heldout.json", "not valid JSON")]
    [InlineData("{}", "heldout.json", "JSON array")]
    [InlineData("[]", "heldout.json", "no records")]
    public void A_file_that_cannot_be_used_is_refused_with_its_place(string json, string place, string what)
    {
        var path = Write(json);
        var message = Assert.Throws<InputException>(() => HeldOutQuestion.Read(path)).Message;
        Assert.Contains(place, message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Percentages_are_counted_by_category_and_over_all()
    {
        HeldOutQuestion[] questions =
        [
            new("english", "q1", "", "Yes."), new("english", "q2", "", "No."), new("english", "q3", "", "Blue."),
            new("english", "q4", "", "Red."), new("chinese", "q5", "", "对。"),
            new("reasoning", "q6", "", "1 + 1 = 2. The answer is 2."),
        ];
        var evaluation = HeldOutEvaluation.Judge(questions, ["yes", "yes", "blue", "green", "对", "The answer is 3."]);
        Assert.Equal([true, false, true, false, true, false], evaluation.Answers.Select(a => a.Right));
        Assert.Equal(50, evaluation.Percent("english"));
        Assert.Equal(100, evaluation.Percent("chinese"));
        Assert.Equal(0, evaluation.Percent("reasoning"));
        Assert.Equal(50, evaluation.Percent());
        Assert.Null(evaluation.Percent("unheard of"));

        var path = _folder.File("answers.jsonl");
        evaluation.Write(path);
        var lines = File.ReadAllLines(path);
        Assert.Equal(6, lines.Length);
        Assert.Equal("""{"category":"chinese","question":"q5","input":"","reference":"对。","answer":"对","right":true}""",
            lines[4]);
        Assert.All(lines, line => JsonDocument.Parse(line).Dispose());
    }

    [Fact]
    public void A_model_answers_every_question_and_only_its_own_words_are_right()
    {
        using var model = RandomModel();
        HeldOutQuestion[] questions = [.. Enumerable.Range(1, 5).Select(i => new HeldOutQuestion(
            i % 2 == 0 ? "even" : "odd", $"What is {new string('1', i)} times {i}?", i == 3 ? "a list" : "", "Never said."))];
        var told = new Steps();
        var first = HeldOutEvaluation.Run(model, questions, told, batchSize: 2, maxNewTokens: 6);
        Assert.Equal([2, 4, 5], told.Values);
        Assert.Equal(questions, first.Answers.Select(a => a.Question));
        Assert.Equal(0, first.Percent());
        Assert.Contains(first.Answers, a => a.Answer.Length > 0);

        HeldOutQuestion[] repeated = [.. first.Answers.Select(a => a.Question with { Reference = a.Answer })];
        var second = HeldOutEvaluation.Run(model, repeated, batchSize: 5, maxNewTokens: 6);
        Assert.Equal(first.Answers.Select(a => a.Answer), second.Answers.Select(a => a.Answer));
        Assert.Equal(100, second.Percent("even"));
        Assert.Equal(100, second.Percent());
    }

    private string Write(string json)
    {
        File.WriteAllText(_folder.File("heldout.json"), json);
        return _folder.File("heldout.json");
    }

    private LanguageModel RandomModel()
    {
        var trainer = new BpeTrainer(300, ["<pad>", "<s>", "</s>"]);
        trainer.Add("Below is an instruction that describes a task. Write a response that appropriately completes the request.");
        var bpe = trainer.Train();
        bpe.Save(_folder.Path, bos: "<s>", eos: "</s>", pad: "<pad>", 256);
        var config = JsonSerializer.SerializeToElement(new
        {
            architectures = new[] { "LlamaForCausalLM" }, model_type = "llama", vocab_size = bpe.Vocabulary.Count,
            hidden_size = 32, intermediate_size = 64, num_hidden_layers = 2, num_attention_heads = 2, num_key_value_heads = 2,
            hidden_act = "silu", max_position_embeddings = 256, rms_norm_eps = 1e-5, rope_theta = 10000.0,
            tie_word_embeddings = false,
        });
        return new LanguageModel(ModelFamilies.Build(config, new RandomWeights(1, 0.3)), Tokenizer.Load(_folder.Path),
            PromptTemplates.Find("alpaca-short"));
    }

    private sealed class Steps : IProgress<int>
    {
        public List<int> Values { get; } = [];

        public void Report(int value) => Values.Add(value);
    }
}
