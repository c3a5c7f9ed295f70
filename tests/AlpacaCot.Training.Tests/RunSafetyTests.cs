using System.Text.Json;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Tests;

/// <summary>Damage, kills, locks and changed recipes: nothing is lost and nothing is continued that is not the same
/// run.</summary>
[Collection(nameof(WholeRuns))]
public sealed class RunSafetyTests(RunFixture fixture)
{
    public static TheoryData<string, Action<string>> Damages => new()
    {
        { "weights cut", checkpoint => Cut(Path.Combine(checkpoint, "adapter_model.safetensors")) },
        { "optimizer cut", checkpoint => Cut(Path.Combine(checkpoint, "optimizer.safetensors")) },
        { "one bit of the weights", checkpoint => Flip(Path.Combine(checkpoint, "adapter_model.safetensors")) },
        { "zeros after a power failure", checkpoint =>
            File.WriteAllBytes(Path.Combine(checkpoint, "progress.json"), new byte[90]) },
        { "empty progress", checkpoint => File.WriteAllText(Path.Combine(checkpoint, "progress.json"), "") },
        { "no progress", checkpoint => File.Delete(Path.Combine(checkpoint, "progress.json")) },
        { "no optimizer", checkpoint => File.Delete(Path.Combine(checkpoint, "optimizer.safetensors")) },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_last_checkpoint_is_skipped_with_a_note_and_the_one_before_is_used(string kind, Action<string> damage)
    {
        var whole = Recipe();
        RunFixture.Run(whole);
        var parts = whole with { Output = whole.Output + "-parts" };
        RunFixture.RunUntil(parts, 8);
        var last = Path.Combine(parts.Output, "checkpoints", "step-000008");
        damage(last);
        var recorder = new Recorder();
        Assert.False(RunFixture.Run(parts, recorder, resume: true).Cancelled);
        Assert.Contains(recorder.Notes, n => n.Contains(last, StringComparison.Ordinal)
            && n.Contains("damaged", StringComparison.Ordinal));
        Assert.Contains(recorder.Notes, n => n.Contains("continuing after step 4", StringComparison.Ordinal));
        Assert.Equal(RunFixture.Losses(whole.Output), RunFixture.Losses(parts.Output));
        Assert.Equal(RunFixture.Files(Path.Combine(whole.Output, "adapter")),
            RunFixture.Files(Path.Combine(parts.Output, "adapter")));
        Assert.NotEmpty(kind);
    }

    [Fact]
    public void A_run_whose_checkpoints_are_all_damaged_is_refused_with_the_remedy()
    {
        var recipe = Recipe();
        RunFixture.RunUntil(recipe, 4);
        Cut(Path.Combine(recipe.Output, "checkpoints", "step-000004", "optimizer.safetensors"));
        var message = Assert.Throws<InputException>(() => RunFixture.Run(recipe, resume: true)).Message;
        Assert.Contains("every checkpoint is damaged", message, StringComparison.Ordinal);
        Assert.Contains("--overwrite", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoints_are_ordered_by_number()
    {
        using var folder = new TemporaryFolder();
        foreach (var step in (int[])[999_999, 1_000_000, 200])
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder.File($"run/checkpoints/step-{step:000000}")).FullName,
                "progress.json"), JsonSerializer.Serialize(new TrainingProgress(step)));
        var restored = new List<string>();
        var (run, progress) = RunFolder.Resume(folder.File("run"), 1, PromptTemplates.Find("alpaca"),
            (checkpoint, _) => restored.Add(Path.GetFileName(checkpoint)), _ => { });
        run.Dispose();
        Assert.Equal(1_000_000, progress.Step);
        Assert.Equal(["step-1000000"], restored);
    }

    [Fact]
    public void A_second_training_in_the_same_folder_is_told_who_holds_it()
    {
        var recipe = Recipe();
        var messages = new List<string>();
        var result = RunFixture.Run(recipe, new Recorder
        {
            OnStep = m =>
            {
                if (m.Step == 2)
                    foreach (var overwrite in (bool[])[true, false])
                        messages.Add(Assert.Throws<InputException>(() =>
                            RunFixture.Run(recipe, resume: !overwrite, overwrite: overwrite)).Message);
            },
        });
        Assert.Equal((10, 2), (result.Steps, messages.Count));
        Assert.All(messages, m => Assert.Contains($"{recipe.Output} is in use: process {Environment.ProcessId} on", m,
            StringComparison.Ordinal));
        Assert.All(messages, m => Assert.Contains("--out", m, StringComparison.Ordinal));
        Assert.False(File.Exists(Path.Combine(recipe.Output, "lock")), "the lock is gone with the run");
    }

    [Fact]
    public void The_lock_of_a_process_that_died_is_taken_over()
    {
        var recipe = Recipe();
        RunFixture.RunUntil(recipe, 4);
        File.WriteAllText(Path.Combine(recipe.Output, "lock"), "");
        File.WriteAllText(Path.Combine(recipe.Output, "lock.json"), """{"Process":1,"Machine":"gone","Since":"long ago"}""");
        Assert.Equal(10, RunFixture.Run(recipe, resume: true).Steps);
    }

    [Fact]
    public void More_steps_other_logging_and_moved_folders_do_not_prevent_resuming()
    {
        using var folder = new TemporaryFolder();
        var data = fixture.Records(40);
        var recipe = fixture.Recipe(data: data) with { Training = Recipe().Training };
        RunFixture.Run(recipe);
        var (model, moved) = (folder.File("elsewhere"), folder.File("data.json"));
        Directory.CreateDirectory(model);
        foreach (var file in Directory.GetFiles(fixture.Model)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        File.Copy(data, moved);
        var output = folder.File("run");
        Directory.Move(recipe.Output, output);
        var recorder = new Recorder();
        var longer = recipe with
        {
            Output = output, Model = new ModelSpec { Path = model }, Data = [new DataSpec { Path = moved }],
            Training = recipe.Training with { Epochs = 3, LoggingSteps = 5, SaveSteps = 5, EvalSteps = 5, SaveTotalLimit = 1,
                Threads = null },
        };
        Assert.Equal(15, RunFixture.Run(longer, recorder, resume: true).Steps);
        Assert.Contains(recorder.Notes, n =>
            n.Contains("continuing after step 10; the learning rate follows the schedule over 15 steps",
            StringComparison.Ordinal));
        // The rate of a linear schedule over 15 steps with two of warmup, at its last step.
        Assert.Equal(5e-3 * (1 - 12 / 13.0), recorder.Steps[^1].LearningRate, 1e-12);
        Assert.Contains("has done 15 steps", Refused(longer with { Training = longer.Training with { MaxSteps = 12 } }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_changes_the_computation_is_named_with_both_values()
    {
        var recipe = Recipe();
        RunFixture.RunUntil(recipe, 4);
        var message = Refused(recipe with
        {
            Training = recipe.Training with { LearningRate = 1e-3, Seed = 7 },
                Adapter = AdapterRecipe.Parse("{ rank: 8, dropout: 0.1 }"),
        });
        Assert.Contains("training.learning_rate was 0.005, now 0.001", message, StringComparison.Ordinal);
        Assert.Contains("training.seed was 42, now 7", message, StringComparison.Ordinal);
        Assert.Contains("adapter.rank was 4, now 8", message, StringComparison.Ordinal);
        Assert.Contains("The data has changed since the run in",
            Refused(recipe with { Training = recipe.Training with { ValidationSize = 5 } }), StringComparison.Ordinal);
        Assert.Contains("training.validation_size was 6, now 5",
            Refused(recipe with { Training = recipe.Training with { ValidationSize = 5 } }), StringComparison.Ordinal);
        using var folder = new TemporaryFolder();
        var other = new TinyModel().WriteFolder(folder.File("model"), seed: 9);
        Assert.Contains("other weights", Refused(recipe with { Model = new ModelSpec { Path = other } }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Early_stopping_ends_the_run_after_so_many_validations_without_improvement()
    {
        var recipe = Recipe();
        recipe = recipe with
        {
            Training = recipe.Training with
            {
                Epochs = 10, EvalSteps = 2, LoggingSteps = 3, EarlyStopping = 3, EarlyStoppingMinDelta = 10,
                    Schedule = LearningRateSchedule.Constant,
            },
        };
        var result = RunFixture.Run(recipe);
        Assert.Equal((6, true, false), (result.Steps, result.StoppedEarly, result.Cancelled));
        Assert.Contains(result.Remarks, r => r.Contains("early_stopping ended the run after step 6", StringComparison.Ordinal));
        Assert.True(Directory.Exists(Path.Combine(recipe.Output, "adapter")));
        var again = RunFixture.Run(recipe, resume: true);
        Assert.Equal((6, true), (again.Steps, again.StoppedEarly));
        // With more patience it goes on, and each improvement starts the count again.
        var patient = recipe with { Training = recipe.Training with { EarlyStopping = 3, EarlyStoppingMinDelta = 0,
            MaxSteps = 12 } };
        Assert.Equal(12, RunFixture.Run(patient, overwrite: true).Steps);
    }

    // transformers' load_best_model_at_end: without it the adapter was that of the last step, which had become worse.
    [Theory]
    [InlineData("lora", "adapter", "adapter_model.safetensors")]
    [InlineData("none", "model", "model.safetensors")]
    public void The_result_of_a_run_that_was_stopped_early_is_that_of_the_lowest_validation_loss(string adapter, string name,
        string file)
    {
        var recipe = Recipe(adapter);
        recipe = recipe with
        {
            Training = recipe.Training with
            {
                Epochs = 20, EvalSteps = 1, EarlyStopping = 3, LearningRate = adapter == "lora" ? 0.1 : 0.02,
                Schedule = LearningRateSchedule.Constant,
            },
        };
        var recorder = new Recorder();
        var result = RunFixture.Run(recipe, recorder);
        var best = recorder.Validations.MinBy(v => v.Loss)!;
        Assert.True(result.StoppedEarly);
        Assert.InRange(best.Step, 1, result.Steps - 3);
        Assert.Equal(best.Step, result.ResultStep);
        Assert.Contains($"after step {result.Steps}; the result has the weights of step {best.Step}", result.Remarks[0],
            StringComparison.Ordinal);
        Assert.DoesNotContain(result.Remarks, r => r.Contains("the result is that of step", StringComparison.Ordinal));
        byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(recipe.Output, folder, file));
        Assert.Equal(Weights("best"), Weights(name));
        Assert.NotEqual(Weights($"checkpoints/step-{result.Steps:000000}"), Weights(name));
        Assert.False(File.Exists(Path.Combine(recipe.Output, name, "validation.json")));
        if (adapter == "lora")
        {
            var card = AlpacaCot.Training.Adapters.AdapterCard.Read(Path.Combine(recipe.Output, name))!;
            Assert.Equal((best.Step, best.Loss, result.Steps),
                ((int)card.Metrics["step"], card.Metrics["validation_loss"], (int)card.Metrics["last_step"]));
            Assert.Equal(recorder.Steps.Single(s => s.Step == best.Step).Loss, card.Metrics["loss"], 1e-12);
            Assert.Equal(Fingerprint.OfFile(Path.Combine(recipe.Output, name, file)), card.Files[file]);
            Assert.Contains($"those of step {best.Step}, with the lowest validation loss; the training ended at step "
                + $"{result.Steps}.",
                File.ReadAllText(Path.Combine(recipe.Output, name, "README.md")), StringComparison.Ordinal);
        }
        // A finished run that is resumed has the same result; what best/ has of another step is not taken for it.
        var written = Weights(name);
        Assert.Equal(best.Step, RunFixture.Run(recipe, resume: true).ResultStep);
        Assert.Equal(written, Weights(name));
        File.Delete(Path.Combine(recipe.Output, "best", "validation.json"));
        Assert.Null(RunFixture.Run(recipe, resume: true).ResultStep);
        Assert.NotEqual(written, Weights(name));
        // The last step where the recipe says so, also when the run is finished.
        var last = recipe with { Training = recipe.Training with { EarlyStoppingResult = StoppedResult.Last } };
        Assert.Null(RunFixture.Run(last, overwrite: true).ResultStep);
        Assert.NotEqual(written, Weights(name));
        Assert.Equal(best.Step, RunFixture.Run(recipe, resume: true).ResultStep);
        Assert.Equal(written, Weights(name));
        if (adapter != "none") return;
        // In the type of the recipe.
        RunFixture.Run(recipe with { SaveDtype = SavedType.BFloat16 }, resume: true);
        Assert.InRange(Weights(name).Length, written.Length / 2, written.Length * 2 / 3);
    }

    // A token beyond the embedding failed at the first batch that had it, after an epoch's preparation.
    [Fact]
    public void Data_with_a_token_that_the_model_has_no_embedding_for_is_refused_before_the_run_starts()
    {
        using var folder = new TemporaryFolder();
        var model = new TinyModel().WriteFolder(folder.File("model"));
        var file = Path.Combine(model, "tokenizer.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(file))!;
        json["added_tokens"]!.AsArray().Add(new System.Text.Json.Nodes.JsonObject
        {
            ["id"] = 300, ["content"] = "<extra>", ["special"] = false, ["normalized"] = false, ["lstrip"] = false,
            ["rstrip"] = false, ["single_word"] = false,
        });
        File.WriteAllText(file, json.ToJsonString());
        var data = folder.Write("data.json", TinyModel.Records(9).Replace("The number is 5.", "The <extra> is 5.",
            StringComparison.Ordinal));
        var recipe = Recipe() with { Model = new ModelSpec { Path = model }, Data = [new DataSpec { Path = data }] };
        recipe = recipe with { Training = recipe.Training with { ValidationSize = 2, BatchSize = 2, MicroBatchSize = 2 } };
        var recorder = new Recorder();
        var message = Assert.Throws<InputException>(() => RunFixture.Run(recipe, recorder)).Message;
        foreach (var part in (string[])["data.json, record 6", "'<extra>' (id 300)", "300 tokens",
            "alpaca-cot extend --token '<extra>'"])
            Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.Empty(recorder.Steps);
        Assert.False(Directory.Exists(recipe.Output));
        // Beyond the cutoff the token is not read; skip_bad leaves the record out.
        var bad = recipe with { Training = recipe.Training with { SkipBad = true, MaxSteps = 1 } };
        RunFixture.Run(bad, recorder);
        Assert.Contains(recorder.Notes, note => note.Contains("'<extra>' (id 300)", StringComparison.Ordinal));
    }

    [Fact]
    public void A_finished_run_resumed_has_its_result_and_the_card_the_metrics_of_its_step()
    {
        var recipe = Recipe();
        var recorder = new Recorder();
        var first = RunFixture.Run(recipe, recorder);
        var again = RunFixture.Run(recipe, resume: true);
        Assert.Equal(first.FinalLoss, again.FinalLoss);
        var card = AlpacaCot.Training.Adapters.AdapterCard.Read(Path.Combine(recipe.Output, "adapter"))!;
        Assert.Equal(10, card.Metrics["step"]);
        Assert.Equal(recorder.Steps[^1].Loss, card.Metrics["loss"], 1e-12);
        Assert.Equal(recorder.Validations[^1].Loss, card.Metrics["validation_loss"], 1e-12);
    }

    [Fact]
    public void The_card_shows_the_validation_loss_of_its_own_step_and_not_the_best_of_another()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("metrics.jsonl", """
            {"step":0,"validation_loss":4.5}
            {"step":5,"epoch":1,"loss":2.5}
            {"step":5,"validation_loss":2.25}
            {"step":10,"epoch":2,"loss":1.5}
            {"step":10,"validation_loss":3.75}
            """);
        Assert.Equal(new Dictionary<string, double> { ["step"] = 10, ["loss"] = 1.5, ["validation_loss"] = 3.75 },
            RunFolder.FinalMetrics(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_run_that_diverged_or_trained_nothing_says_so()
    {
        // The loss rises from 2 to 52 and stays finite, so nothing stopped the run.
        var diverged = Loop.Outcome.Of(new TrainingResult(4, 52, null, "", TimeSpan.Zero, Cancelled: false),
            new LearningRate(0.5, LearningRateSchedule.Constant, 0, 4), [(1, 2.0), (2, 9.0), (3, 40.0), (4, 52.0)], [], "best");
        Assert.True(diverged.Failed);
        Assert.Contains("the training diverged: the loss rose from 2.0000 to 52.0000", Assert.Single(diverged.Remarks),
            StringComparison.Ordinal);
        Assert.Contains("lower training.learning_rate (now 5e-1)", diverged.Remarks[0], StringComparison.Ordinal);
        var idle = Recipe();
        var nothing = RunFixture.Run(idle with { Training = idle.Training with { MaxSteps = 1, WarmupSteps = 5 } });
        Assert.True(nothing.Failed);
        Assert.Contains("the learning rate was 0 in each of the 1 steps", Assert.Single(nothing.Remarks),
            StringComparison.Ordinal);
        var fine = RunFixture.Run(Recipe());
        Assert.False(fine.Failed);
        Assert.Empty(fine.Remarks);
    }

    // tloen/alpaca-lora 44, 92, 284; Alpaca-CoT PR 78: an adapter continues on other data.
    [Theory]
    [InlineData("{ method: lora, rank: 4, dropout: 0.1 }")]
    [InlineData("{ method: dora, rank: 4 }")]
    [InlineData("{ method: rslora, rank: 4 }")]
    [InlineData("{ method: pissa, rank: 4 }")]
    [InlineData("{ method: ia3 }")]
    [InlineData("{ method: loha, rank: 4 }")]
    [InlineData("{ method: vera, rank: 16 }")]
    [InlineData("{ method: oft, block_size: 4 }")]
    [InlineData("{ method: adalora, rank: 4, target_rank: 2 }")]
    [InlineData("{ method: prompt_tuning, virtual_tokens: 4 }")]
    [InlineData("{ method: prefix_tuning, virtual_tokens: 4 }")]
    [InlineData("{ method: houlsby, size: 4 }")]
    [InlineData("bitfit")]
    public void Training_continues_from_an_adapter_on_other_data(string adapter)
    {
        using var folder = new TemporaryFolder();
        var held = folder.Write("held.json", TinyModel.Records(6));
        var bitfit = adapter == "bitfit";
        var first = fixture.Recipe(data: fixture.Records(20)) with
        {
            Model = new ModelSpec { Path = fixture.ModelOf(bitfit ? "gpt2" : "llama") },
            Adapter = AdapterRecipe.Parse(adapter), Validation = [new DataSpec { Path = held }],
            Training = fixture.Recipe().Training with { MaxSteps = 20 },
        };
        var before = new Recorder();
        RunFixture.Run(first, before);
        var yaml = folder.Write("second.yaml", $$"""
            model: {{first.Model.Path}}
            data: [{{fixture.Records(12)}}]
            validation: [{{held}}]
            adapter: { init: {{first.Output}} }
            training: { max_steps: 8, batch_size: 8, micro_batch_size: 4, learning_rate: 2e-3, cutoff_length: 256, threads: 1 }
            output: {{folder.File("second")}}
            """);
        var second = RecipeFile.Load(yaml);
        Assert.Equal(Path.Combine(first.Output, "adapter"), second.Adapter.Init);
        Assert.Equal(second.Adapter.ToString(), RecipeFile.Parse(RecipeFile.Write(second), "again").Adapter.ToString());
        var after = new Recorder();
        RunFixture.Run(second, after);
        Assert.Equal(before.Validations[^1].Loss, after.Validations[0].Loss, 2e-5); // it starts where the first one ended
        Assert.NotEqual(after.Validations[0].Loss, after.Validations[^1].Loss);
        using var loaded = AlpacaCot.Models.LanguageModel.Load(first.Model.Path!, second.Output);
        Assert.Equal(AdapterFolder.Read(Path.Combine(first.Output, "adapter")).Config.PeftType,
            AdapterFolder.Read(Path.Combine(second.Output, "adapter")).Config.PeftType);
    }

    [Fact]
    public void A_continued_adapter_keeps_its_method_and_settings()
    {
        using var folder = new TemporaryFolder();
        var first = Recipe();
        RunFixture.Run(first);
        string Yaml(string adapter) =>
            $"model: {fixture.Model}\ndata: [{fixture.Data}]\nadapter: {adapter}\noutput: {folder.File("o")}";
        Recipe Load(string adapter) => RecipeFile.Parse(Yaml(adapter), "r.yaml", null, folder.File("."));
        var init = $"init: {first.Output}";
        Assert.Equal(4, ((LoraConfig)Load($"{{ {init} }}").Adapter.Config!).Rank);
        Assert.Equal(4, ((LoraConfig)Load($"{{ {init}, rank: 4 }}").Adapter.Config!).Rank);
        Assert.Equal(0.3, ((LoraConfig)Load($"{{ {init}, dropout: 0.3 }}").Adapter.Config!).Dropout);
        foreach (var (adapter, part) in ((string, string)[])
            [($"{{ {init}, rank: 8 }}", "r is 8 here and 4 in the adapter"),
                ($"{{ {init}, alpha: 99 }}", "lora_alpha is 99 here"),
                ($"{{ {init}, method: ia3 }}", "adapter.method: found ia3, but the adapter"),
                ($"{{ {init}, method: dora }}", "adapter.method: found dora"),
                    ($"{{ {init}, method: none }}", "adapter.init has no effect"),
                ("{ init: no-such-folder }", "contains no adapter"), ($"{{ {init}, ranc: 8 }}", "'ranc'")])
            Assert.Contains(part, Assert.Throws<InputException>(() => Load(adapter)).Message, StringComparison.Ordinal);
        var wide = new TinyModel(Hidden: 64).WriteFolder(folder.File("wide"));
        var other = RecipeFile.Parse(Yaml($"{{ {init} }}"), "r.yaml", [$"model={wide}"], folder.File("."));
        Assert.Contains("made for another model", Assert.Throws<InputException>(() => RunFixture.Run(other)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_and_its_card_hold_no_path_of_this_machine()
    {
        var first = Recipe();
        RunFixture.Run(first);
        var second = first with
        {
            Output = first.Output + "-second", Adapter = RecipeFile.Parse(
                $"model: {fixture.Model}\ndata: [{fixture.Data}]\nadapter: {{ init: {first.Output} }}\noutput: x", "r.yaml", null,
                Path.GetTempPath()).Adapter,
        };
        RunFixture.Run(second);
        foreach (var run in (Recipe[])[first, second])
            foreach (var file in Directory.GetFiles(Path.Combine(run.Output, "adapter")).Where(f => !f.EndsWith(".safetensors")))
                Assert.DoesNotContain(Path.GetDirectoryName(fixture.Model)!, File.ReadAllText(file), StringComparison.Ordinal);
        var card = AlpacaCot.Training.Adapters.AdapterCard.Read(Path.Combine(second.Output, "adapter"))!;
        Assert.Equal("model", card.Base.Name);
        Assert.Contains("init: " + Path.GetFileName(first.Output) + "/adapter", card.Recipe, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_of_runs_that_no_process_works_on_are_found_in_subfolders()
    {
        using var folder = new TemporaryFolder();
        var parts = new[] { "run/adapter.partial", "run/best.old", "run/checkpoints/step-000012.damaged" };
        foreach (var part in parts.Append("run/adapter").Append("run/my.old")) Directory.CreateDirectory(folder.File(part));
        Assert.Equal(parts.Select(folder.File).Order(StringComparer.Ordinal), RunLeftovers.In(folder.Path));
        Assert.Empty(Leftovers.In(folder.Path));
        using (RunLock.Take(folder.File("run"))) Assert.Empty(RunLeftovers.In(folder.Path));
    }

    // Soup 680
    [Fact]
    public void Validation_is_split_before_records_are_repeated_and_near_duplicates_are_told()
    {
        using var folder = new TemporaryFolder();
        var recipe = fixture.Recipe(data: fixture.Records(10)) is var plain
            ? plain with { Data = [plain.Data[0] with { Weight = 4 }],
                Training = plain.Training with { MaxSteps = 1, ValidationSize = 3 } } : null!;
        var recorder = new Recorder();
        RunFixture.Run(recipe, recorder);
        Assert.Equal((28, 3), (recorder.Plan!.Examples, recorder.Plan.ValidationExamples));

        const string Story =
            "the fox went over the hill to the river and back home again before it was dark and the moon rose over the trees";
        var records = Enumerable.Range(0, 8).Select(i =>
            new { instruction = $"Number {i} please, said {i * 37 % 11}", output = $"It is {i}." })
            .Append(new { instruction = $"Tell: {Story} today", output = "Yes." })
                .Append(new { instruction = $"Tell: {Story} now", output = "Yes." });
        var near = folder.Write("near.json", JsonSerializer.Serialize(records));
        var told = Enumerable.Range(0, 12).Any(seed =>
        {
            var notes = new Recorder();
            var one = fixture.Recipe(data: near);
            RunFixture.Run(one with { Training = one.Training with { MaxSteps = 1, ValidationSize = 4, Seed = seed } }, notes);
            return notes.Notes.Any(n => n.Contains("1 of 4 validation records nearly repeat a training record",
                StringComparison.Ordinal)
                && n.Contains("near.json, record ", StringComparison.Ordinal));
        });
        Assert.True(told);
        var held = folder.Write("held.json", JsonSerializer.Serialize(records.Skip(8).Take(1)));
        var separate = fixture.Recipe(data: near) with { Validation = [new DataSpec { Path = held }] };
        var both = new Recorder();
        RunFixture.Run(separate with { Training = separate.Training with { MaxSteps = 1 } }, both);
        Assert.Contains(both.Notes, n => n.StartsWith("1 of 1 validation records", StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_kill_left_in_the_run_folder_is_removed_and_what_it_moved_away_comes_back()
    {
        var recipe = Recipe();
        RunFixture.RunUntil(recipe, 8);
        var best = Path.Combine(recipe.Output, "best");
        Directory.Move(best, best + ".old");
        Directory.CreateDirectory(Path.Combine(recipe.Output, "adapter.partial"));
        RunFixture.Run(recipe, resume: true);
        Assert.True(Directory.Exists(best));
        Assert.Empty(RunLeftovers.In(recipe.Output));
    }

    private static string Refused(Recipe recipe) =>
        Assert.Throws<InputException>(() => RunFixture.Run(recipe, resume: true)).Message;

    private Recipe Recipe(string adapter = "lora")
    {
        var r = fixture.Recipe(adapter);
        return r with { Training = r.Training with { ValidationSize = 6, EvalSteps = 3, SaveSteps = 4, WarmupSteps = 2,
            SaveTotalLimit = 2 } };
    }

    private static void Cut(string path)
    {
        using var file = new FileStream(path, FileMode.Open);
        file.SetLength(file.Length / 2);
    }

    private static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^5] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
