using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Which field is the question and which the answer: found by names in every record, reported, or refused.</summary>
public sealed class RoleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Told(Conversation read) => string.Join("|", read.Turns.Select(t => $"{t.Role}: {t.Text}"
        + (t.Input.Length > 0 ? $" ({t.Input})" : ""))) + (read.Rejected is null ? "" : $" -> {read.Rejected}");

    private (List<string> Told, string Log) Read(string name, string content, ReadOptions? options = null)
    {
        var log = new List<string>();
        var path = _folder.Write(name, content);
        var read = InstructionFile.Read(path, (options ?? new()) with { OnRecognized = log.Add }).Select(Told).ToList();
        return (read, string.Join('\n', log).Replace(path + ": ", ""));
    }

    /// <summary>Datamancer PR 21, datasets 5531: a column that is empty or absent in record 1 counts in the later ones.</summary>
    [Theory]
    [InlineData("dolly.csv", "instruction,context,response\nSay hello.,,Hello!\nSum up.,\"The cat, sat.\",A cat.\n",
        "User: Say hello.|Assistant: Hello!\nUser: Sum up. (The cat, sat.)|Assistant: A cat.",
        "CSV; pairs; context -> input, response -> output")]
    [InlineData("dolly.jsonl", """{"instruction":"a","response":"1"}{"instruction":"b","context":"on b","response":"2"}""",
        "User: a|Assistant: 1\nUser: b (on b)|Assistant: 2",
        "JSON lines; pairs; response -> output\nfrom record 2 on context -> input")]
    [InlineData("orca.jsonl", """{"question":"a","response":"1"}{"system_prompt":"s","question":"b","response":"2"}""",
        "User: a|Assistant: 1\nSystem: s|User: b|Assistant: 2",
        "JSON lines; pairs; question -> instruction, response -> output\nfrom record 2 on system_prompt -> system")]
    [InlineData("alpaca.jsonl", """{"instruction":"a","output":"1"}{"instruction":"b","input":"x","output":"2","system":"s"}""",
        "User: a|Assistant: 1\nSystem: s|User: b (x)|Assistant: 2", "JSON lines; alpaca")]
    [InlineData("null.jsonl",
        """{"instruction":"a","context":null,"response":"1"}{"instruction":"b","context":"x","response":"2"}""",
        "User: a|Assistant: 1\nUser: b (x)|Assistant: 2", "JSON lines; pairs; context -> input, response -> output")]
    [InlineData("input.csv", "instruction,input,context,output\na,,c,1\n", "User: a|Assistant: 1",
        "CSV; alpaca; kept aside: context")]
    public void An_optional_field_that_record_1_lacks_counts_later(string file, string content, string told, string log)
    {
        var read = Read(file, content);
        Assert.Equal(told, string.Join('\n', read.Told));
        Assert.Equal(log, read.Log);
    }

    /// <summary>The same of a Parquet column that is null in the first row.</summary>
    [Fact]
    public void A_parquet_column_that_is_null_in_row_1_counts_later()
    {
        var path = Path.Combine(_folder.Path, "dolly.parquet");
        // Records without instruction and output, as metadata, so that the columns have the names of Dolly.
        var rows = new RecordSpool(_folder.Path);
        rows.Add("""{"instruction":"a","response":"1"}"""u8);
        rows.Add("""{"instruction":"b","context":"on b","response":"2"}"""u8);
        using (rows)
        using (var file = File.Create(path)) ParquetTable.Write(file, rows);
        Assert.Equal(["User: a|Assistant: 1", "User: b (on b)|Assistant: 2"], InstructionFile.Read(path).Select(Told));
    }

    public static TheoryData<string, string, string> Known => new()
    {
        // FLAN 62 and 86: the task's name is no instruction.
        { """{"inputs":"Name it.","targets":"Oskavik","task":"geo_qa:1.0"}""", "User: Name it.|Assistant: Oskavik",
            "pairs; inputs -> instruction, targets -> output; kept aside: task" },
        // Hendrycks MATH and NuminaMath: the worked solution is the answer.
        { """{"problem":"3+4?","solution":"It is 7.","answer":"7"}""", "User: 3+4?|Assistant: It is 7.",
            "pairs; problem -> instruction, solution -> output; kept aside: answer" },
        { """{"source":"amc","problem":"3+4?","solution":"It is 7."}""", "User: 3+4?|Assistant: It is 7.",
            "pairs; problem -> instruction, solution -> output; kept aside: source" },
        // axolotl PR 317
        { """{"id":"t0","system_prompt":"Be a pirate.","question":"How?","response":"Arr."}""",
            "System: Be a pirate.|User: How?|Assistant: Arr.",
            "pairs; question -> instruction, response -> output, system_prompt -> system; kept aside: id" },
        { """{"instruction":"Sum up.","context":"Long.","response":"Short.","category":"summary"}""",
            "User: Sum up. (Long.)|Assistant: Short.", "pairs; context -> input, response -> output; kept aside: category" },
        { """{"prompt":"q","completion":"a"}""", "User: q|Assistant: a", "pairs; prompt -> instruction, completion -> output" },
        { """{"prompt":"q","chosen":"a","rejected":"b"}""", "User: q|Assistant: a -> b", "preference" },
        { """{"user":"q","assistant":"a"}""", "User: q|Assistant: a", "pairs; user -> instruction, assistant -> output" },
        { """{"user":"u17","question":"q","answer":"a"}""", "User: q|Assistant: a",
            "pairs; question -> instruction, answer -> output; kept aside: user" },
        { """{"input":"x","question":"q","answer":"a"}""", "User: q (x)|Assistant: a",
            "pairs; question -> instruction, answer -> output" },
        { """{"id":"1","response":"Plain."}""", "Assistant: Plain.", "pairs; response -> output; kept aside: id" },
        // MMLU, MMLU-Pro, ARC, AQuA, MedQA, C-Eval, CommonsenseQA: the options are part of the question.
        { """{"question":"Largest?","choices":["ant","whale"],"answer":1,"subject":"zoology"}""",
            "User: Largest?\nA. ant\nB. whale|Assistant: B. whale",
            "choices; question with choices -> instruction, answer -> output; kept aside: subject" },
        { """{"question":"Largest?","options":["ant","whale"],"answer":"A","answer_index":0}""",
            "User: Largest?\nA. ant\nB. whale|Assistant: A. ant",
            "choices; question with options -> instruction, answer -> output; kept aside: answer_index" },
        { """{"question":"Largest?","choices":{"text":["ant","whale"],"label":["1","2"]},"answerKey":"2"}""",
            "User: Largest?\n1. ant\n2. whale|Assistant: 2. whale",
            "choices; question with choices -> instruction, answerKey -> output" },
        { """{"question":"Largest?","options":["A) ant","B) whale"],"rationale":"r","correct":"B"}""",
            "User: Largest?\nA. ant\nB. whale|Assistant: B. whale",
            "choices; question with options -> instruction, correct -> output; kept aside: rationale" },
        { """{"question":"Largest?","options":{"A":"ant","B":"whale"},"answer":"whale","answer_idx":"B"}""",
            "User: Largest?\nA. ant\nB. whale|Assistant: B. whale",
            "choices; question with options -> instruction, answer -> output; kept aside: answer_idx" },
        { """{"question":"Largest?","A":"ant","B":"whale","C":"cat","answer":"(B)"}""",
            "User: Largest?\nA. ant\nB. whale\nC. cat|Assistant: B. whale",
            "choices; question with A, B, C -> instruction, answer -> output" },
        { """{"article":"Text.","question":"Largest?","options":["ant","whale"],"answer":"B"}""",
            "User: Largest?\nA. ant\nB. whale (Text.)|Assistant: B. whale",
            "choices; question with options -> instruction, answer -> output" },
    };

    [Theory]
    [MemberData(nameof(Known))]
    public void Known_shapes_have_the_right_roles_and_say_so(string json, string told, string log)
    {
        var read = Read("a.jsonl", json);
        Assert.Equal([told], read.Told);
        Assert.Equal($"JSON lines; {log}", read.Log);
        Assert.Equal([told], Read("a.json", $"[{json}]").Told);
    }

    [Theory]
    [InlineData("""{"task":"Name the capital.","answer":"Oskavik"}""", "\"task\" is the instruction to \"answer\"",
        "columns: { instruction: task, output: answer } (--columns instruction=task,output=answer)", "{ text: answer }")]
    [InlineData("""{"response":"a","source":"forum"}""", "\"source\" is the instruction",
        "columns: { instruction: source, output: response }")]
    [InlineData("""{"source":"Hello","target":"Hallo"}""", "columns: { instruction: source, output: target }")]
    [InlineData("""{"text":"A film.","answer":"positive"}""", "columns: { instruction: text, output: answer }")]
    [InlineData("""{"prompt":"q","text":"a"}""", "columns: { instruction: prompt, output: text }", "{ text: text }")]
    [InlineData("""{"instruction":"You are a doctor.","question":"q","answer":"a"}""",
        "\"instruction\" and \"question\" could each be the instruction")]
    [InlineData("""{"question":"q","response":"long","answer":"short"}""", "\"response\" and \"answer\" could each be the answer",
        "columns: { instruction: question, output: response }")]
    public void A_weak_guess_is_refused_with_the_line_to_write(string json, params string[] parts)
    {
        // Skipping records does not make the roles of all records clear.
        foreach (var options in (ReadOptions[])[new(), new() { SkipBad = true }])
        {
            var message = Assert.Throws<InputException>(() => Read("a.jsonl", json, options)).Message;
            Assert.Contains("a.jsonl, record 1", message);
            Assert.All(parts, part => Assert.Contains(part, message));
        }
    }

    [Theory]
    [InlineData("task", "answer", """{"task":"Name it.","answer":"Oskavik"}""", "User: Name it.|Assistant: Oskavik")]
    [InlineData("question", "response", """{"question":"q","response":"long","answer":"short"}""", "User: q|Assistant: long")]
    [InlineData("prompt", "text", """{"prompt":"q","text":"a"}""", "User: q|Assistant: a")]
    public void The_line_of_the_refusal_works(string instruction, string output, string json, string told)
    {
        var columns = new Dictionary<string, string> { ["instruction"] = instruction, ["output"] = output };
        Assert.Equal([told], Read("a.jsonl", json, new() { Columns = columns }).Told);
    }

    [Fact]
    public void Plain_text_can_be_chosen() => Assert.Equal(["Assistant: a"],
        Read("a.jsonl", """{"response":"a","source":"forum"}""",
            new() { Columns = new Dictionary<string, string> { ["text"] = "response" } }).Told);

    /// <summary>Otherwise the records before would be learnt from another field than those behind.</summary>
    [Theory]
    [InlineData("""{"problem":"3+4?","answer":"7"}{"problem":"3+5?","answer":"8","solution":"It is 8."}""", "solution -> output",
        "answer -> output")]
    [InlineData("""{"text":"plain"}{"text":"x","question":"q","answer":"a"}""", "the format is alpaca")]
    public void A_later_field_that_changes_the_roles_is_an_error(string json, params string[] parts)
    {
        var message = Assert.Throws<InputException>(() => Read("a.jsonl", json)).Message;
        Assert.Contains("record 2", message);
        Assert.All(parts, part => Assert.Contains(part, message));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("\"[]\"")]
    [InlineData("[[]]")]
    [InlineData("{}")]
    [InlineData("[[\"\",\"\"]]")]
    public void An_empty_history_of_any_kind_is_no_history(string history) => Assert.Equal(["User: i|Assistant: o"],
        Read("a.jsonl", "{\"instruction\":\"i\",\"output\":\"o\",\"history\":" + history + "}").Told);

    [Theory]
    [InlineData("""{"question":"q","choices":["a","b"],"answer":2}""", "its \"answer\" is 2", "an index from 0 to 1", "(A, B)")]
    [InlineData("""{"question":"q","choices":["a","b"],"answer":"C"}""", "none of its 2 options")]
    [InlineData("""{"question":"q","choices":["a","b"],"answer":""}""", "\"answer\" has no value")]
    public void A_choice_that_does_not_exist_is_an_error(string json, params string[] parts)
    {
        var message = Assert.Throws<InputException>(() => Read("a.jsonl", json)).Message;
        Assert.All(parts, part => Assert.Contains(part, message));
    }
}
