using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Models.Checkpoints.Formats;

namespace AlpacaCot.Cli.Tests;

/// <summary>The commands that load a model, on small reference models.</summary>
public sealed class ModelCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Stories => ReferenceData.Path("data/derived/stories260K-hf");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Generate_continues_ids_as_the_reference_does_even_without_a_tokenizer()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(ReferenceData.Path("golden/llama/base.json")));
        var single = golden.RootElement.GetProperty("generate").GetProperty("single");
        var prompt = string.Join(",", single.GetProperty("prompt")[0].EnumerateArray());
        var expected = single.GetProperty("new_tokens")[0].EnumerateArray().Select(e => e.GetInt32());
        var answer = (await CommandLine.Run("generate", "--model", ReferenceData.Path("golden/llama/model"), "--input-ids",
            prompt, "--max-new-tokens", "20", "--greedy", "--json")).Json();
        Assert.Equal(expected, answer.Ints("ids"));
    }

    [Fact]
    public async Task Generate_streams_the_text_that_json_reports()
    {
        string[] line = ["generate", "--model", Stories, "--text", "Once upon a time", "--max-new-tokens", "30"];
        var streamed = await CommandLine.Run(line);
        var whole = (await CommandLine.Run([.. line, "--json"])).Json().GetProperty("text").GetString()!;
        Assert.Equal(whole + Environment.NewLine, streamed.Out);
        var stopped = (await CommandLine.Run([.. line, "--stop", "little"])).Out;
        Assert.Equal(whole[..whole.IndexOf("little", StringComparison.Ordinal)].TrimEnd(), stopped.TrimEnd());
    }

    [Fact]
    public async Task Quantize_writes_a_folder_that_answers_as_quantizing_while_loading_does()
    {
        var folder = _folder.File("nf4");
        var written = (await CommandLine.Run("quantize", "--model", Stories, "--to", "nf4", "--out", folder, "--json")).Json();
        Assert.True(written.GetProperty("bytes").GetInt64() < written.GetProperty("bytes_before").GetInt64());
        string[] question = ["score", "--text", "Once upon a time", "--json", "--model"];
        var from = (await CommandLine.Run([.. question, folder])).Json().GetProperty("loss").GetDouble();
        Assert.Equal((await CommandLine.Run([.. question, Stories, "--quantization", "nf4"])).Json().GetProperty("loss")
            .GetDouble(), from);
        Assert.NotEqual((await CommandLine.Run([.. question, Stories])).Json().GetProperty("loss").GetDouble(), from);
        (await CommandLine.Run([.. question, folder, "--quantization", "int8"])).Refused("already quantized");
    }

    [Fact]
    public async Task Draws_are_the_same_for_the_same_seed_only()
    {
        string[] line = ["generate", "--model", Stories, "--text", "The", "--max-new-tokens", "24", "--temperature", "1.5",
            "--seed"];
        var first = await CommandLine.Run([.. line, "1"]);
        Assert.Equal(first, await CommandLine.Run([.. line, "1"]));
        Assert.NotEqual(first, await CommandLine.Run([.. line, "2"]));
        (await CommandLine.Run([.. line, "1", "--greedy"])).Refused("--greedy does not sample");
    }

    [Fact]
    public async Task A_file_of_prompts_is_answered_in_order_as_each_alone()
    {
        var file = _folder.Write("prompts.jsonl", """
            {"text":"Once upon a time"}
            {"text":"The"}
            {"text":"Lily and Ben went to the park and saw a big"}
            """);
        string[] line = ["generate", "--model", Stories, "--max-new-tokens", "16"];
        var lines = (await CommandLine.Run([.. line, "--batch", file, "--batch-size", "2"])).Out.TrimEnd().Split('\n');
        var answers = (await CommandLine.Run([.. line, "--batch", file, "--json"])).Json();
        Assert.Equal((3, 48), (answers.GetProperty("prompts").GetInt32(), answers.GetProperty("tokens").GetInt32()));
        string[] texts = ["Once upon a time", "The", "Lily and Ben went to the park and saw a big"];
        foreach (var (i, text) in texts.Index())
        {
            var alone = (await CommandLine.Run([.. line, "--text", text, "--json"])).Json();
            using var written = JsonDocument.Parse(lines[i]);
            Assert.Equal(text, written.RootElement.GetProperty("prompt").GetProperty("text").GetString());
            Assert.Equal(alone.Ints("ids"), written.RootElement.Ints("ids"));
            Assert.Equal(alone.Ints("ids"), answers.GetProperty("answers")[i].Ints("ids"));
        }
        var output = _folder.File("answers.jsonl");
        var told = await CommandLine.Run([.. line, "--batch", file, "--out", output]);
        Assert.StartsWith("3 prompts, 48 tokens in", told.Out, StringComparison.Ordinal);
        Assert.Equal(lines, File.ReadAllLines(output));

        File.AppendAllText(file, "\n{\"task\":\"Sing.\"}\n");
        (await CommandLine.Run([.. line, "--batch", file])).Refused("prompts.jsonl, record 4 (line 4)", "it has task");
        _folder.Write("prompts.jsonl", "\"Sing.\"\n{\"text\":\"The\"}\n");
        (await CommandLine.Run([.. line, "--batch", file])).Refused("prompts.jsonl, record 2 (line 2)",
            "a file has either instructions or texts");
    }

    /// <summary>The answer ended in the middle of a sentence without a word.</summary>
    [Fact]
    public async Task An_answer_that_is_cut_at_the_models_positions_says_so()
    {
        var model = new TinyModel().WriteFolder(_folder.File("tiny")); // 256 positions
        var ids = Enumerable.Range(0, 250).Select(i => 3 + i % 250).ToArray();
        string[] line = ["generate", "--model", model, "--max-new-tokens", "20"];
        string[] input = ["--input-ids", string.Join(',', ids)], one = [.. line, .. input];
        const string Note = "the answer is cut: 250 tokens of the prompt and 7 of the answer fill all 256 positions of the model";
        Assert.Contains(Note, (await CommandLine.Run(one)).Error, StringComparison.Ordinal);
        var json = await CommandLine.Run([.. one, "--json"]);
        Assert.Contains(Note, json.Error, StringComparison.Ordinal);
        Assert.True(json.Json().GetProperty("cut_at_positions").GetBoolean());
        Assert.Equal(7, json.Json().Ints("ids").Length);
        var asked = await CommandLine.Run(["generate", "--model", model, "--max-new-tokens", "7", .. input, "--json"]);
        Assert.Equal("", asked.Error);
        Assert.False(asked.Json().TryGetProperty("cut_at_positions", out _));

        var file = _folder.Write("prompts.jsonl", JsonSerializer.Serialize(new { ids = ids[..9] }) + "\n"
            + JsonSerializer.Serialize(new { ids, cut_at_positions = "mine" }) + "\n");
        var batch = await CommandLine.Run([.. line, "--batch", file]);
        Assert.Contains("1 of 2 answers is cut at the 256 positions of the model", batch.Error, StringComparison.Ordinal);
        Assert.Contains("prompts.jsonl, record 2", batch.Error, StringComparison.Ordinal);
        var lines = batch.Out.TrimEnd().Split('\n');
        Assert.DoesNotContain("cut_at_positions", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"cut_at_positions\":true", lines[1], StringComparison.Ordinal);
        Assert.Contains("\"_fields\":{\"cut_at_positions\":\"mine\"}", lines[1], StringComparison.Ordinal);

        var talk = await CommandLine.RunWithInput(string.Concat(Enumerable.Repeat("day number ", 200))[..232] + "\n/quit\n",
            "chat", "--model", model, "--template", "plain", "--max-new-tokens", "200");
        Assert.Contains("fill all 256 positions of the model", talk.Error, StringComparison.Ordinal);
    }

    /// <summary>A JSON array was read as one instruction a line; the records' other fields were dropped.</summary>
    [Theory]
    [InlineData("p.json",
        "[\n  {\n    \"instruction\": \"Say hi\",\n    \"input\": \"x\",\n    \"output\": \"given\",\n    \"id\": 7\n  }\n]\n",
        """{"instruction":"Say hi","input":"x"}""", """{"output":"given","id":7}""")]
    [InlineData("p.csv", "question,answer,ids,topic\nSay hi,,4,t\n", """{"instruction":"Say hi"}""",
        """{"topic":"t","_fields":{"ids":"4"}}""")]
    [InlineData("p.txt", "Say hi\n", """{"instruction":"Say hi"}""", "{}")]
    [InlineData("p.jsonl", """{"text":"The","id":1}""", """{"text":"The"}""", """{"id":1}""")]
    [InlineData("p.jsonl", """{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"Say hi"},{"from":"gpt","value":"hi"}],"id":1}""",
        """{"messages":[{"role":"system","content":"s"},{"role":"user","content":"Say hi"}]}""", """{"id":1,"reference":"hi"}""")]
    public async Task A_file_of_prompts_is_read_as_all_data_and_keeps_its_fields(string name, string content, string prompt,
        string others)
    {
        var file = _folder.Write(name, content);
        string[] line = ["generate", "--model", Stories, "--max-new-tokens", "2", "--batch", file];
        var written = JsonNode.Parse(Assert.Single((await CommandLine.Run(line)).Out.TrimEnd().Split('\n')))!.AsObject();
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(prompt), written["prompt"]), written.ToJsonString());
        var answer = (await CommandLine.Run([.. line, "--json"])).Json().GetProperty("answers")[0];
        foreach (var field in (string[])["prompt", "ids", "text"]) written.Remove(field);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(others), written), written.ToJsonString());
        Assert.All(written, field => Assert.True(answer.TryGetProperty(field.Key, out _)));
    }

    [Fact]
    public async Task Fields_of_prompts_are_named_as_those_of_data()
    {
        var file = _folder.Write("p.csv", "frage,thema\nSay hi,t\n");
        string[] line = ["generate", "--model", Stories, "--max-new-tokens", "2", "--batch", file];
        (await CommandLine.Run(line)).Refused("no known column (frage, thema)");
        var outcome = await CommandLine.Run([.. line, "--columns", "instruction=frage"]);
        Assert.Contains("\"instruction\":\"Say hi\"", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("frage -> instruction; kept aside: thema", outcome.Error, StringComparison.Ordinal);
        (await CommandLine.Run("generate", "--model", Stories, "--text", "x", "--columns", "instruction=frage"))
            .Refused("need --batch");
    }

    [Fact]
    public async Task Beams_presets_and_drafts_are_options_of_generate()
    {
        string[] line = ["generate", "--model", Stories, "--text", "Once upon a time", "--max-new-tokens", "12"];
        var greedy = (await CommandLine.Run([.. line, "--json"])).Json();
        var beams = (await CommandLine.Run([.. line, "--beams", "3", "--json"])).Json();
        var found = beams.GetProperty("hypotheses").EnumerateArray().ToArray();
        Assert.Equal(3, found.Length);
        Assert.Equal(beams.Ints("ids"), found[0].Ints("ids"));
        Assert.True(found[0].GetProperty("score").GetDouble() >= found[2].GetProperty("score").GetDouble());
        Assert.Equal(beams.GetProperty("text").GetString(), (await CommandLine.Run([.. line, "--beams", "3"])).Out.TrimEnd());

        string[] preset = [.. line, "--preset", "alpaca-cot", "--json", "--seed"];
        var drawn = (await CommandLine.Run([.. preset, "5"])).Json();
        Assert.Equal(4, drawn.GetProperty("hypotheses").GetArrayLength());
        Assert.Equal(drawn.Ints("ids"), (await CommandLine.Run([.. preset, "5"])).Json().Ints("ids"));
        Assert.Equal(drawn.Ints("ids").Length, drawn.Ints("ids").Distinct().Count()); // a penalty of 1.8 on log-probabilities

        var drafted = (await CommandLine.Run([.. line, "--draft", Stories, "--draft-tokens", "3", "--json"])).Json();
        Assert.Equal(greedy.Ints("ids"), drafted.Ints("ids"));
        (await CommandLine.Run([.. line, "--draft", Stories, "--beams", "2"])).Refused("--draft does not work with beam search");
        (await CommandLine.Run([.. line, "--length-penalty", "2"])).Refused("need --beams");
    }

    [Fact]
    public async Task Score_prints_loss_and_log_probabilities_and_writes_logits()
    {
        var file = _folder.File("logits.safetensors");
        var score = (await CommandLine.Run("score", "--model", Stories, "--input-ids", "1, 403 407", "--logits-out", file,
            "--json")).Json();
        var each = score.GetProperty("log_probabilities").EnumerateArray().Select(e => e.GetDouble()).ToArray();
        Assert.Equal(2, each.Length);
        Assert.Equal(-each.Average(), score.GetProperty("loss").GetDouble(), 9);
        var last = (await CommandLine.Run("score", "--model", Stories, "--input-ids", "1,403,407", "--labels=-100,-100,407",
            "--json")).Json();
        Assert.Equal(-each[1], last.GetProperty("loss").GetDouble(), 6);

        using var written = SafetensorsFile.Open(file);
        using var logits = written.Read("logits");
        Assert.Equal([3L, 512L], logits.shape);
        var row = logits.data<float>().ToArray()[..512];
        var normalizer = Math.Log(row.Sum(v => Math.Exp(v)));
        Assert.Equal(each[0], row[403] - normalizer, 4);
    }

    [Theory]
    [InlineData("1", "at least two tokens")]
    [InlineData("1,99999", "unknown token id 99999; the model's ids are")]
    [InlineData("1,2 --labels 1", "1 labels for 2 tokens")]
    [InlineData("1,2 --labels=1,-100", "at least one must count")]
    [InlineData("1,2 --labels=-7,1", "unknown token id -7")]
    public async Task Score_refuses_what_has_no_score(string ids, string what) =>
        (await CommandLine.Run(["score", "--model", Stories, "--input-ids", .. ids.Split(' ')])).Refused(what);

    [Fact]
    public async Task Chat_talks_until_quit_and_knows_its_commands()
    {
        var talk = await CommandLine.RunWithInput("Hello\n/nonsense\n/reset\n/system Be kind.\nHello\n/quit\nnever read\n",
            "chat", "--model", Stories, "--max-new-tokens", "8");
        Assert.Equal(ExitCode.Done, talk.Code);
        Assert.Equal("", talk.Error);
        Assert.Contains("conversation cleared", talk.Out, StringComparison.Ordinal);
        Assert.Contains("system prompt set", talk.Out, StringComparison.Ordinal);
        Assert.Equal(2, talk.Out.Split("/quit ends").Length - 1); // the greeting, and the answer to a wrong command
    }

    [Fact]
    public async Task Train_runs_a_recipe_and_says_where_everything_is()
    {
        var records = string.Join(",", Enumerable.Range(0, 8)
            .Select(i => $$"""{"instruction":"Say {{i}}.","output":"It is {{i}}."}"""));
        _folder.Write("d.json", $"[{records}]");
        var recipe = _folder.Write("r.yaml", $$"""
            model: {{Stories}}
            data: [d.json]
            adapter: { rank: 2 }
            training: { batch_size: 4, epochs: 1, validation_size: 2, threads: 1 }
            output: {{_folder.File("run")}}
            """);
        (await CommandLine.Run("train", recipe, "--set", "training.epoch=2"))
            .Refused("--set training.epoch=2", "did you mean epochs?");
        Assert.False(Directory.Exists(_folder.File("run")));

        var outcome = await CommandLine.Run("train", recipe, "--json");
        var json = outcome.Json();
        Assert.Equal(2, json.GetProperty("steps").GetInt32());
        Assert.True(Directory.Exists(json.GetProperty("output").GetString()));
        Assert.True(File.Exists(_folder.File("run/loss.png")));
        Assert.Contains("step 2/2", outcome.Error, StringComparison.Ordinal);
        (await CommandLine.Run("train", recipe)).Refused("--resume", "--overwrite");

        var answer = await CommandLine.Run("generate", "--model", Stories, "--adapter", json.GetProperty("output").GetString()!,
            "--instruction", "Say 3.", "--max-new-tokens", "4", "--json");
        Assert.Equal(4, answer.Json().Ints("ids").Length);
    }
}
