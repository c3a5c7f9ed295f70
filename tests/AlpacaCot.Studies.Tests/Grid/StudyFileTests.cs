using AlpacaCot.Models.Adapters;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Tests.Grid;

public sealed class StudyFileTests : IDisposable
{
    private const string Recipe = """
        recipe:
          model: model-7b
          data:
            - { name: EN, path: en.json }
            - { name: CN, path: cn.json }
            - { source: flan-cot-gsm8k }
          adapter: { rank: 8 }

        """;

    private const string Rest = "benchmarks: [{ name: gsm8k, path: test.jsonl }]\noutput: runs/x\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Leave_one_out_is_one_line()
    {
        var study = Load(Recipe + "factors: { data: leave-one-out }\nseeds: [1, 2]\n" + Rest);
        Assert.Equal(["full", "w/o EN", "w/o CN", "w/o flan-cot-gsm8k"], study.Arms.Select(a => a.Name));
        Assert.Equal("full", study.Reference.Name);
        Assert.Equal(["EN", "flan-cot-gsm8k"], study.Arms[2].Recipe.Data.Select(d => d.Name ?? d.Source));
        Assert.Equal(8, study.Cells.Count);
        Assert.Equal([1, 1, 1, 1, 2, 2, 2, 2], study.Cells.Select(c => c.Recipe.Training.Seed));
    }

    [Fact]
    public void Factors_multiply_or_are_changed_one_at_a_time()
    {
        const string Factors = """
            factors:
              adapter.rank: [4, 16]
              data: [{ name: all }, { only: [EN, CN] }, { without: CN, add: [{ name: Mine, path: mine.json }], name: mine }]
              training.learning_rate: [1e-4, 3e-4]

            """;
        var grid = Load(Recipe + Factors + Rest);
        Assert.Equal(12, grid.Arms.Count);
        Assert.Equal("rank 16 · EN + CN · learning_rate 3e-4", grid.Arms[9].Name);
        var arm = grid.Arms[9].Recipe;
        Assert.Equal((16, 2, 3e-4), (((LoraConfig)arm.Adapter.Config!).Rank, arm.Data.Count, arm.Training.LearningRate));

        var single = Load(Recipe + Factors + "design: one-at-a-time\nbase: true\nreference: base\n" + Rest);
        Assert.Equal(["rank 4 · all · learning_rate 1e-4", "rank 16", "EN + CN", "mine", "learning_rate 3e-4", "base"],
            single.Arms.Select(a => a.Name));
        Assert.Equal(["EN", "flan-cot-gsm8k", "Mine"], single.Arms[3].Recipe.Data.Select(d => d.Name ?? d.Source));
        Assert.False(single.Reference.Trains);
    }

    [Theory]
    [InlineData("facotrs: { data: each }\n", "study.yaml:8", "facotrs", "did you mean factors?")]
    [InlineData("factors: { data: [{ without: CM }] }\n", "study.yaml:8", "no data set 'CM'", "\"CN\"")]
    [InlineData("factors: { adapter.rnak: [4, 8] }\n", "study.yaml:8", "adapter has no key 'rnak'", "did you mean rank?")]
    [InlineData("factors: { adapter.rank: [4, many] }\n", "study.yaml:8", "found many", "a whole number")]
    [InlineData("factors: { data: each }\nseeds: [1, x]\n", "study.yaml:9", "seeds", "each once")]
    [InlineData("factors: { data: each }\nreference: CM\n", "unknown arm 'CM'", "\"CN\"")]
    [InlineData("factors: { data: each }\ndesign: gird\n", "study.yaml:9", "found gird", "did you mean grid?")]
    public void What_is_wrong_is_named_with_its_line(string lines, params string[] parts)
    {
        var message = Assert.Throws<InputException>(() => Load(Recipe + lines + Rest)).Message;
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("model: m\ndata: [d.json]\noutput: o\n", "study.yaml:1", "this is a recipe (it has the key model), not a study",
        "alpaca-cot train")]
    [InlineData("training: { epochs: 1 }\n", "this is a recipe", "")]
    public void A_recipe_given_as_a_study_says_so(string yaml, params string[] parts)
    {
        var message = Assert.Throws<InputException>(() => Load(yaml)).Message;
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("model: m", "model is a key of recipes: write it under recipe:")]
    [InlineData("epochs: 3", "training.epochs is a key of recipes")]
    public void A_key_of_recipes_in_a_study_is_led_to_the_recipe(string line, string remedy)
    {
        var message = Assert.Throws<InputException>(() => Load(Recipe + "factors: { data: each }\n" + line + "\n" + Rest))
            .Message;
        Assert.Contains(remedy, message, StringComparison.Ordinal);
        Assert.DoesNotContain("did you mean model?", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_of_study_and_recipe_are_reported_in_one_go()
    {
        var message = Assert.Throws<InputException>(() => Load("""
            recipe: { model: m, data: [d.json], adapter: { rnak: 8 }, training: { epochs: 0 } }
            factors: { adapter.rank: [4, 8] }
            desing: grid
            benchmarks: [{ name: gsm8, path: x }]
            output: o
            """)).Message;
        foreach (var part in (string[])["study.yaml:3", "did you mean design?", "gsm8k", "has no key 'rnak'",
            "training.epochs: found 0"])
            Assert.Contains(part, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_benchmark_that_is_not_known_is_named_with_the_nearest() =>
        Assert.Contains("gsm8k", Assert.Throws<InputException>(() =>
        Load(Recipe + "factors: { data: each }\nbenchmarks: [{ name: gsm8, path: x }]\noutput: x\n")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_combination_that_cannot_be_trained_is_refused_and_a_mistake_is_still_one()
    {
        const string Factors =
            "factors:\n  adapter: [{ name: lora, set: { adapter: lora } }, { name: full, set: { adapter: none } }]\n"
            + "  quantization: [none, nf4]\n";
        var study = Load(Recipe.Replace("{ rank: 8 }", "lora", StringComparison.Ordinal) + Factors + Rest);
        Assert.Equal(["lora · none", "lora · nf4", "full · none"], study.Cells.Select(c => c.Arm.Name));
        Assert.StartsWith("nf4 weights have no gradient", study.Arms[3].Refusal, StringComparison.Ordinal);
        Assert.Equal(3, StudyPlan.Of(study).Cells.Count);
        Assert.Contains("'full · nf4'",
            Assert.Throws<InputException>(() => Load(Recipe + Factors + "reference: full · nf4\n" + Rest))
            .Message, StringComparison.Ordinal);
        // Refused as it is, this one also has a rank, which full tuning has not.
        Assert.Contains("adapter.rank has no effect", Assert.Throws<InputException>(() =>
            Load(Recipe + "set: { quantization: nf4 }\nfactors: { adapter.method: [lora, none] }\n" + Rest)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_without_training_is_asked_on_every_base()
    {
        var marks = StudyRunner.CellFolders(Here("factors: { method: [{ train: false }], quantization: [none, int8, nf4] }\n"))
            .Select(p => p.Folder.Fingerprint).ToList();
        Assert.Equal(3, marks.Distinct().Count());
    }

    public static TheoryData<string> Studies => [.. Directory.GetFiles(StudiesFolder, "*.yaml").Select(f => Path.GetFileName(f))];

    [Theory]
    [MemberData(nameof(Studies))]
    public void Every_study_that_comes_along_parses_and_plans_without_its_models(string file)
    {
        var (study, plan) = StudyPlan.Read(Path.Combine(StudiesFolder, file));
        Assert.Equal(study.Cells.Count, plan.Cells.Count);
        Assert.All(plan.Cells, cell => Assert.True(cell.Estimate.Parameters > 1e6 && cell.Estimate.MemoryBytes > 1e8,
            cell.Cell.Name));
        Assert.Equal(study.Arms.Count, study.Arms.Select(a => a.Name).Distinct().Count());
    }

    [Fact]
    public void Cells_are_known_by_what_they_depend_on_and_not_by_their_names()
    {
        var study = Here("factors: { training.learning_rate: [1e-3, 2e-3] }\n");
        var first = Marks(study);
        Assert.Equal(2, first.Distinct().Count());
        Assert.Equal(first, Marks(Here("factors: { training.learning_rate: [{ name: slow, set: { training.learning_rate: 1e-3 "
            + "} }, 2e-3] }\n")));
        File.AppendAllText(_folder.File("en.json"), " ");
        Assert.NotEqual(first[0], Marks(study)[0]);
        var again = Marks(study);
        File.AppendAllText(_folder.File("model-7b/config.json"), " ");
        Assert.NotEqual(again[0], Marks(study)[0]);

        static string[] Marks(Study study) => [.. StudyRunner.CellFolders(study).Select(p => p.Folder.Fingerprint)];
    }

    // With a model and data that are there.
    private Study Here(string lines)
    {
        Directory.CreateDirectory(_folder.File("model-7b"));
        if (!File.Exists(_folder.File("en.json")))
            foreach (var file in (string[])["model-7b/config.json", "en.json",
                "test.jsonl"]) File.WriteAllText(_folder.File(file), "{}");
        File.WriteAllText(_folder.File("here.yaml"), "recipe: { model: model-7b, data: [en.json] }\n" + lines + Rest);
        return StudyFile.Load(_folder.File("here.yaml"));
    }

    private Study Load(string yaml)
    {
        File.WriteAllText(_folder.File("study.yaml"), yaml);
        return StudyFile.Load(_folder.File("study.yaml"), files: false);
    }

    private static string StudiesFolder
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(at!.FullName, "AlpacaCot.slnx"))) at = at.Parent;
            return Path.Combine(at.FullName, "studies");
        }
    }
}
