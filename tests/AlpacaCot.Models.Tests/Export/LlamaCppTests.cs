using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text.Gguf;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Export;

/// <summary>llama.cpp, through the npm package <c>node-llama-cpp</c>, on what <c>export --format gguf</c> writes.</summary>
public sealed class LlamaCppTests
{
    private const string ChatTemplate = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}";

    // llama.cpp rounds what it multiplies with blocks to 8 bits: where the two best tokens are nearly alike, it may take the
    // other.
    private const double NearlyAlike = 0.02;

    /// <summary>A prompt that both sides continue.</summary>
    private sealed record Question(string Model, GgufType Type, string File, string Text, int[] Ids, int Count);

    [Fact]
    public void Llama_cpp_reads_the_tokens_of_an_export_as_we_do_and_continues_them_alike()
    {
        NodeProgram.Require("node-llama-cpp");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("base"));
        foreach (var file in Directory.GetFiles(Checkout.Path("samples/base")))
            File.Copy(file, folder.File($"base/{Path.GetFileName(file)}"));
        var config = JsonNode.Parse(File.ReadAllText(folder.File("base/tokenizer_config.json")))!;
        config["chat_template"] = ChatTemplate;
        File.WriteAllText(folder.File("base/tokenizer_config.json"), config.ToJsonString());

        List<Question> questions = [];
        foreach (var (path, texts) in new (string, string[])[]
        {
            (ReferenceData.Path("data/derived/stories260K-hf"), ["One day, Tom said:  \"No!\"\n", "Once upon a time, there was"]),
            (folder.File("base"), ["Nora Qiu lives in", "诺拉住在"]),
        })
        {
            using var model = LanguageModel.Load(path);
            foreach (var type in (GgufType[])[GgufType.F32, GgufType.F16, GgufType.BF16, GgufType.Q8, GgufType.Q4])
            {
                var file = folder.File($"{Path.GetFileName(path)}-{type.Name}.gguf");
                ModelExport.ToGguf(model, file, type);
                foreach (var text in type == GgufType.F32 ? texts : texts[1..])
                    questions.Add(new Question(Path.GetFileName(path), type, file, text, model.Tokenizer.Encode(text), 64));
            }
        }
        // The control: with another base of the rotary angles both go another way.
        config = JsonNode.Parse(File.ReadAllText(folder.File("base/config.json")))!;
        config["rope_theta"] = 500;
        File.WriteAllText(folder.File("base/config.json"), config.ToJsonString());
        using (var turned = LanguageModel.Load(folder.File("base")))
            ModelExport.ToGguf(turned, folder.File("turned.gguf"), GgufType.F32);
        var straight = questions.FindIndex(q => q is { Model: "base", Text: "Nora Qiu lives in" });
        questions.Add(questions[straight] with { File = folder.File("turned.gguf") });

        var theirs = Ask(questions);
        Assert.NotEqual(Ids(theirs[straight], "answer"), Ids(theirs[^1], "answer"));
        foreach (var (question, their) in questions.Zip(theirs))
        {
            Assert.Equal(question.Ids, Ids(their, "prompt"));
            Assert.Equal(question.Model == "base" ? ChatTemplate : null, their.GetProperty("template").GetString());
        }
        Compare(questions, theirs);
    }

    [Fact]
    public void Llama_cpp_continues_the_other_families_and_rope_scalings_as_we_do()
    {
        NodeProgram.Require("node-llama-cpp");
        using var folder = new TemporaryFolder();
        List<Question> questions = [];
        foreach (var (name, scaling) in new (string, string)[]
        {
            ("mistral", ""), ("qwen2", ""), ("qwen3", ""),
            ("llama",
                """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}"""),
            ("llama", """{"rope_type":"linear","factor":4.0}"""),
            ("llama", """{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":16}"""),
        })
        {
            var at = Directory.CreateDirectory(folder.File($"{questions.Count}")).FullName;
            File.Copy(ReferenceData.Path($"golden/{name}/model/model.safetensors"), Path.Combine(at, "model.safetensors"));
            var config = JsonNode.Parse(File.ReadAllText(ReferenceData.Path($"golden/{name}/model/config.json")))!;
            if (scaling.Length > 0) config["rope_parameters"] = JsonNode.Parse(scaling);
            if (name == "mistral") config["sliding_window"] = null;
            File.WriteAllText(Path.Combine(at, "config.json"), config.ToJsonString());
            ModelExportTests.WriteLetters(at);
            using var model = LanguageModel.Load(at);
            ModelExport.ToGguf(model, at + ".gguf", GgufType.F32);
            questions.Add(new Question(name + scaling, GgufType.F32, at + ".gguf", "",
                [.. Enumerable.Range(1, 40).Select(i => i * 37 % 90)], 23));
        }
        var theirs = Ask(questions);
        Compare(questions, theirs);
        // The control: the same weights go another way under each scaling.
        Assert.Equal(3, theirs.Skip(3).Select(t => string.Join(' ', Ids(t, "answer"))).Distinct().Count());
    }

    private static IReadOnlyList<JsonElement> Ask(IEnumerable<Question> questions) =>
        [.. NodeProgram.Run("llama-cpp.mjs", "node-llama-cpp",
            questions.Select(q => new { model = q.File, text = q.Text, ids = q.Ids, count = q.Count })).EnumerateArray()];

    private static void Compare(IReadOnlyList<Question> questions, IReadOnlyList<JsonElement> answers)
    {
        Assert.Equal(questions.Count, answers.Count);
        foreach (var ((file, asked), answered) in questions.GroupBy(q => q.File).Select(g => (g.Key, g.ToList()))
            .Zip(questions.Zip(answers).GroupBy(p => p.First.File, p => p.Second).Select(g => g.ToList())))
        {
            using var model = LanguageModel.Load(file);
            foreach (var (question, answer) in asked.Zip(answered))
            {
                int[] theirs = Ids(answer, "answer"),
                    ours = [.. model.Generator.Stream(question.Ids,
                        new GenerationOptions { MaxNewTokens = question.Count, EndTokens = [] })];
                Assert.Equal(question.Count, theirs.Length);
                var same = ours.Zip(theirs).TakeWhile(pair => pair.First == pair.Second).Count();
                var roundsInputs = question.Type == GgufType.Q8 || question.Type == GgufType.Q4;
                Assert.True(same == question.Count || (roundsInputs
                    && Gap(model, [.. question.Ids, .. ours[..same]], ours[same], theirs[same]) < NearlyAlike),
                    $"{question.Model}, {question.Type.Name}, '{question.Text}': token {same} is "
                        + $"{ours[same..].FirstOrDefault()} here " +
                    $"and {theirs[same..].FirstOrDefault()} in llama.cpp");
            }
        }
    }

    // How much less our model likes their token than its own, as a share of its best logit's distance from the mean.
    private static double Gap(LanguageModel model, int[] ids, int ours, int theirs)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var logits = model.Model.Logits(new ModelInput(tensor(ids.Select(id => (long)id).ToArray(), [1, ids.Length])))[0, -1];
        return (logits[ours] - logits[theirs]).item<float>() / (logits[ours] - logits.mean()).item<float>();
    }

    private static int[] Ids(JsonElement answer, string name) =>
        [.. answer.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
