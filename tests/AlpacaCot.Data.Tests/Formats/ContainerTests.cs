using System.Text;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Containers as other programs and people write them: tables, quotes, missing values, wrapped and joined
/// JSON.</summary>
public sealed class ContainerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Told(Conversation read) => string.Join("|", read.Turns.Select(t => t.Text
        + (t.Input.Length > 0 ? $" ({t.Input})" : "")));

    private string[] Read(string name, string content, ReadOptions? options = null) =>
        [.. InstructionFile.Read(_folder.Write(name, content), options).Select(Told)];

    /// <summary>One rule in every container: no answer is an error that names record and field, and is skipped on
    /// request.</summary>
    [Theory]
    [InlineData("a.csv", "instruction,input,output\ngood,x,yes\nWhat is NA?,nan,null\n", 2)]
    [InlineData("a.csv", "instruction,input,output\ngood,x,yes\nWrite nothing,,\n", 2)]
    [InlineData("a.csv", "instruction,input,output\nWrite nothing,,NA\ngood,x,yes\n", 1)]
    [InlineData("a.tsv", "question\tanswer\ngood\tyes\nq\tNone\n", 2)]
    [InlineData("a.jsonl",
        """{"instruction":"good","input":"x","output":"yes"}{"instruction":"3+3","input":null,"output":null}""", 2)]
    [InlineData("a.jsonl", """{"question":"good","answer":"yes"}{"question":"3+3"}""", 2)]
    [InlineData("a.json", """[{"question":"3+3","answer":null},{"question":"good","answer":"yes"}]""", 1)]
    [InlineData("a.jsonl", """{"messages":[{"role":"user","content":"good"},{"role":"assistant","content":"yes"}]}{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null}]}""", 2)]
    public void A_record_without_an_answer_is_refused_by_name_and_can_be_skipped(string file, string content, int record)
    {
        var message = Assert.Throws<InputException>(() => Read(file, content)).Message;
        Assert.Contains($"{file}, record {record}", message);
        Assert.True(message.Contains("\"output\"") || message.Contains("\"answer\"") || message.Contains("\"content\""), message);
        var bad = new List<string>();
        var read = Assert.Single(Read(file, content, new() { SkipBad = true, OnBadRecord = bad.Add }));
        Assert.StartsWith("good", read, StringComparison.Ordinal);
        Assert.Contains($"record {record}", Assert.Single(bad));
    }

    [Fact]
    public void A_null_answer_in_parquet_is_refused_as_in_csv()
    {
        var path = Path.Combine(_folder.Path, "a.parquet");
        using (var rows = new RecordSpool(_folder.Path))
        using (var file = File.Create(path))
        {
            rows.Add("""{"question":"q","answer":"a"}"""u8);
            rows.Add("""{"question":"r"}"""u8);
            ParquetTable.Write(file, rows);
        }
        Assert.Contains("record 2: its \"answer\", the answer, has no value",
            Assert.Throws<InputException>(() => InstructionFile.Read(path).ToList()).Message);
    }

    /// <summary>What is stated as empty text is kept by commands that convert, but never trained.</summary>
    [Theory]
    [InlineData("a.jsonl", """{"instruction":"q","output":""}""", "\"output\", the answer, is empty")]
    [InlineData("a.csv", "instruction,output\nq,\"\"\n", "\"output\", the answer, is empty")]
    [InlineData("a.jsonl", """{"question":"q","answer":"  "}""", "\"answer\", the answer, is empty")]
    [InlineData("a.jsonl", """{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"  "}]}""", "is empty")]
    public void An_empty_answer_is_refused_for_training(string file, string content, string part)
    {
        Assert.Single(Read(file, content));
        var filled = new ReadOptions { Answers = AnswerRule.Filled };
        Assert.Contains(part, Assert.Throws<InputException>(() => Read(file, content, filled)).Message);
    }

    [Fact]
    public void Cleaning_reads_missing_answers_as_empty_ones() => Assert.Equal(["a|", "b|", "c|1"], Read("a.csv",
        "instruction,output\na,\nb,null\nc,1\n", new() { Answers = AnswerRule.Optional }));

    [Fact]
    public void The_words_for_no_value_are_texts_in_quotes_and_aside()
    {
        var read = InstructionFile.Read(_folder.Write("a.csv", "instruction,output,country\nWhat is NA?,\"null\",NA\n")).Single();
        Assert.Equal("null", read.Turns[1].Text);
        Assert.Equal("NA", read.Metadata["country"].GetString());
        var path = Path.Combine(_folder.Path, "b.csv");
        ConversationWriter.Write(path, [Conversation.Instruction("nan", "None", "NA")], "alpaca");
        Assert.Equal("nan (None)|NA", Told(InstructionFile.Read(path).Single()));
    }

    /// <summary>Tatoeba's and many others' TSV: a quote is text. Rows are never merged without a word.</summary>
    [Fact]
    public void A_stray_quote_between_tabs_is_text()
    {
        const string Rows = "question\tanswer\n\"Right\" is what he said\tnoun\n\"\tquotation mark\nWhat is a dash?\ta line\n"
            + "\"\tsecond mark\nfine\tok\n";
        string[] expected = ["\"Right\" is what he said|noun", "\"|quotation mark", "What is a dash?|a line", "\"|second mark",
            "fine|ok"];
        Assert.Equal(expected, Read("a.tsv", Rows));
        Assert.Equal(expected, Read("b.tsv", Rows.Replace("\n", "\r\n")));
        Assert.Equal(["\"open|1", "b|2"], Read("c.tsv", "question\tanswer\n\"open\t1\nb\t2\n"));
        Assert.Equal(["a\tb|c\nd"], Read("d.tsv", "question\tanswer\n\"a\tb\"\t\"c\nd\"\n"));   // the control: real quotes
    }

    [Theory]
    // The closing quote is where a cell begins: every line is a row by itself.
    [InlineData("a.csv", "question,answer\nok,1\n\",mark\nWhat?,line\n\",second\nfine,2\n", 2,
        "a quote opens a cell that ends 2 lines further",
        "ok|1", "What?|line")]
    [InlineData("a.csv", "question,answer\nok,1\n\"Hello,2\nb,\"World\"\nc,3\n", 2, "text after a closing quote", "ok|1",
        "b|World", "c|3")]
    [InlineData("a.tsv", "question\tanswer\nok\t1\n\"Hello\t2\nbye\"\t3\nc\t4\n", 2,
        "each of these lines has the 2 cells of a row",
        "ok|1", "bye\"|3", "c|4")]
    public void A_stray_quote_that_could_merge_rows_is_an_error_of_its_line(string file, string content, int record, string part,
        params string[] others)
    {
        Assert.Contains(part, Assert.Throws<InputException>(() => Read(file, content)).Message);
        var bad = new List<string>();
        try
        {
            Assert.Equal(others, Read(file, content, new() { SkipBad = true, OnBadRecord = bad.Add }));
        }
        catch (InputException open) when (open.Message.Contains("ends inside the quotes", StringComparison.Ordinal))
        {
            Assert.Contains("(line 5)", open.Message);
        }
        Assert.Contains($"record {record} (line 3)", bad[0]);
    }

    [Fact]
    public void Lines_in_quotes_are_one_cell() => Assert.Equal(["q|Hello\nfine, thanks", "r|a\n\nb\n"],
        Read("a.csv", "question,answer\nq,\"Hello\nfine, thanks\"\nr,\"a\n\nb\n\"\n"));

    [Theory]
    [InlineData("question;answer\nIs it 1,5?;yes\n", "Is it 1,5?|yes")]
    [InlineData("question|answer\nq|a, b\n", "q|a, b")]
    [InlineData("question\tanswer\nq\ta, b\n", "q|a, b")]
    [InlineData("sep=;\nquestion;answer\nq;a\n", "q|a")]
    [InlineData("question;answer;note, if any\nq;a;n\n", "q|a")]
    [InlineData("\uFEFFquestion, answer\nq,a\n", "q|a")]
    public void The_separator_is_found_by_the_known_columns(string content, string told) =>
        Assert.Equal([told], Read("a.csv", content));

    /// <summary>pandas writes lists of dictionaries as Python and NumPy print them.</summary>
    [Theory]
    [InlineData("[{'role': 'user', 'content': 'hi'}, {'role': 'assistant', 'content': 'yo'}]")]
    [InlineData("[{'role': 'user', 'content': \"hi\"}\n {'role': 'assistant', 'content': 'yo', 'name': None}]")]
    [InlineData("array([{'role': 'user', 'content': 'hi'}, {'role': 'assistant', 'content': 'yo'}], dtype=object)")]
    public void Lists_as_Python_prints_them_are_read(string cell)
    {
        var quoted = cell.Replace("\"", "\"\"");
        if (cell.StartsWith('[')) Assert.Equal(["hi|yo"], Read("a.csv", $"messages\n\"{quoted}\"\n"));
        Assert.True(PythonLiteral.TryParse(cell, out var value));
        Assert.Equal("yo", value[1].GetProperty("content").GetString());
    }

    [Theory]
    [InlineData("""['it\'s', "é\x41\u00fc\U0001f999", 1, -2.5, True, None, ('a',), {'k': []}]""",
        """["it's","éAü🦙",1,-2.5,true,null,["a"],{"k":[]}]""")]
    [InlineData("['a'\n 'b']", """["a","b"]""")]
    public void Python_literals_become_JSON(string text, string json)
    {
        Assert.True(PythonLiteral.TryParse(text, out var value));
        Assert.True(System.Text.Json.JsonElement.DeepEquals(System.Text.Json.JsonElement.Parse(json), value), value.GetRawText());
    }

    [Theory]
    [InlineData("[INST] write {x}")]
    [InlineData("['open")]
    [InlineData("[1, 2")]
    [InlineData("{'a' 1}")]
    [InlineData("['\\ud800']")]
    public void Other_text_is_no_Python(string text) => Assert.False(PythonLiteral.TryParse(text, out _));

    [Fact]
    public void A_byte_order_mark_amid_joined_files_is_skipped() => Assert.Equal(["a|1", "b|2"], Read("a.jsonl",
        "\uFEFF{\"instruction\":\"a\",\"output\":\"1\"}\n\uFEFF{\"instruction\":\"b\",\"output\":\"2\"}\n"));

    [Theory]
    [InlineData("{0}\n{1}\n")]
    [InlineData("[{0},\n{1}]")]
    public void Numbers_that_JSON_does_not_have_are_read_as_Python_writes_them(string shape)
    {
        var path = _folder.Write("a.json", shape.Replace("{0}",
                """{"instruction":"NaN, he said","output":"a","score":NaN,"more":[-Infinity,Infinity,{"x":NaN}]}""")
            .Replace("{1}", """{"instruction":"b","output":"c","score":1}"""));
        var read = InstructionFile.Read(path).ToList();
        Assert.Equal(["NaN, he said|a", "b|c"], read.Select(Told));
        Assert.Equal("null", read[0].Metadata["score"].GetRawText());
        Assert.Equal("""["-Infinity","Infinity",{"x":null}]""", read[0].Metadata["more"].GetRawText());
        Assert.Contains("record 1", Assert.Throws<InputException>(() => Read("b.jsonl", """{"instruction":"a","output":NaN}"""))
            .Message);
    }

    [Fact]
    public void Many_such_numbers_over_the_borders_of_blocks_are_all_read()
    {
        var record = "{\"instruction\":\"a\",\"output\":\"b\",\"s\":[" + string.Join(",", Enumerable.Repeat("NaN", 100_000))
            + "]}";
        var read = InstructionFile.Read(_folder.Write("a.jsonl", record + "\n" + record)).ToList();
        Assert.Equal([100_000, 100_000], read.Select(r => r.Metadata["s"].GetArrayLength()));
    }

    [Theory]
    [InlineData("""{"data":[{"question":"a","answer":"1"},{"question":"b","answer":"2"}]}""", "JSON in \"data\"")]
    [InlineData("""{"version":"1.0","info":{"by":"x"},"data":[{"question":"a","answer":"1"},{"question":"b","answer":"2"}]}""",
        "JSON in \"data\"")]
    [InlineData("""{"question":{"0":"a","1":"b"},"answer":{"0":"1","1":"2"}}""", "JSON by columns")]
    [InlineData("""{"0":{"question":"a","answer":"1"},"1":{"question":"b","answer":"2"}}""", "JSON by index")]
    [InlineData("""{"columns":["question","answer"],"index":[0,1],"data":[["a","1"],["b","2"]]}""",
        "JSON in columns, index, data")]
    [InlineData("""{"schema":{"fields":[{"name":"index"}]},"data":[{"question":"a","answer":"1"},{"question":"b","answer":"2"}]}""",
        "JSON in \"data\"")]
    [InlineData("""{"question":["a","b"],"answer":["1","2"]}""", "JSON by columns")]
    public void One_object_that_holds_all_records_is_read(string content, string container)
    {
        var log = "";
        Assert.Equal(["a|1", "b|2"], Read("a.json", content, new() { OnRecognized = said => log = said }));
        Assert.Contains(": " + container + "; pairs; question -> instruction", log);
    }

    [Fact]
    public void Several_lists_of_records_in_one_object_are_refused_with_the_remedy()
    {
        var message = Assert.Throws<InputException>(() => Read("split.json",
            """{"train":[{"instruction":"q","output":"a"}],"test":[{"instruction":"r","output":"b"}]}""")).Message;
        Assert.Contains("several lists of records: train, test", message);
        Assert.Contains("jq \".train\"", message);
    }

    /// <summary>The control: lists that belong to a record are no lists of records.</summary>
    [Fact]
    public void Records_with_lists_stay_records()
    {
        Assert.Equal(["q|a"], Read("a.jsonl", """{"items":[{"instruction":"x","output":"y"}],"question":"q","answer":"a"}"""));
        Assert.Equal(["q|a"], Read("a.jsonl",
            """{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"""));
        Assert.Equal(["q|a", "r|b"], Read("a.jsonl",
            """{"tags":["x"],"question":"q","answer":"a"}{"tags":["y"],"question":"r","answer":"b"}"""));
    }

    [Fact]
    public void Utf16_with_its_mark_is_read()
    {
        foreach (var encoding in (Encoding[])[Encoding.Unicode, Encoding.BigEndianUnicode])
            foreach (var (name, text) in new[] { ("a.csv", "question,answer\nWö?,中🦙\n"),
                ("a.jsonl", """{"question":"Wö?","answer":"中🦙"}""") })
            {
                var path = Path.Combine(_folder.Path, name);
                File.WriteAllBytes(path, [.. encoding.GetPreamble(), .. encoding.GetBytes(text)]);
                var log = "";
                Assert.Equal("Wö?|中🦙", Told(InstructionFile.Read(path, new() { OnRecognized = said => log = said }).Single()));
                Assert.Contains("UTF-16", log);
            }
    }

    /// <summary>What alpaca cannot hold otherwise, <c>_turns</c> and <c>_fields</c>, comes back from tables too.</summary>
    [Theory]
    [InlineData("out.csv")]
    [InlineData("out.tsv")]
    [InlineData("out.parquet")]
    public void Own_tables_come_back_as_they_were_written(string name)
    {
        var path = _folder.Write("a.jsonl", """
            {"conversations":[{"from":"human","value":"q","name":"Bo"},{"from":"gpt","value":"a\tb","weight":0.5}],"instruction":"i","messages":[3],"context":"c","system_prompt":"p","note":"n"}
            {"conversations":[{"from":"system","value":"s"},{"from":"human","value":"q"},{"from":"gpt","value":"a"},{"from":"human","value":"\"r\"\nx"},{"from":"gpt","value":"b"}],"text":"t"}
            """);
        var read = InstructionFile.Read(path).ToList();
        foreach (var format in (string[])["alpaca", "sharegpt", "openai"])
        {
            var written = Path.Combine(_folder.Path, format + name);
            ConversationWriter.Write(written, read, format);
            Assert.Equal(Said.By(read), Said.By(InstructionFile.Read(written)));
        }
    }

    [Fact]
    public void Folders_and_patterns_are_data()
    {
        string Record(string name) => $$"""{"question":"{{name}}","answer":"1"}""";
        foreach (var name in (string[])["d/b.jsonl", "d/a.jsonl", "d/sub/c.jsonl", "d/.hidden.jsonl", "d/e.csv"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder.Path, name))!);
            _folder.Write(name, name.EndsWith(".csv", StringComparison.Ordinal) ? "question,answer\ne,1\n" : Record(name[2..^6]));
        }
        string[] Of(string pattern) => [.. DataFiles.Read(Path.Combine(_folder.Path, pattern)).Select(c => c.Turns[0].Text)];
        Assert.Equal(["a", "b", "e", "sub/c"], Of("d"));
        Assert.Equal(["a", "b"], Of("d/*.jsonl"));
        Assert.Equal(["a", "b", "sub/c"], Of("d/**/*.jsonl"));
        Assert.Equal(["sub/c"], Of("d/*/?.jsonl"));
        Assert.Contains("no file matches", Assert.Throws<InputException>(() => Of("d/*.parquet")).Message);
        Assert.Contains("file not found", Assert.Throws<InputException>(() => Of("none.jsonl")).Message);
    }

    [Theory]
    [InlineData("p.json", """[ {"instruction":"a","input":"x","output":"given","id":7}, {"instruction":"b","id":8} ]""",
        "a (x)|b", "output,id|id")]
    [InlineData("p.jsonl", "\"a\"\n{\"instruction\":\"b\"}\n", "a|b", "|")]
    [InlineData("p.csv", "question,topic\na,t\nb,\n", "a|b", "topic|")]
    [InlineData("p.csv", "question,answer\na,\nb,NA\n", "a|b", "|")]
    [InlineData("p.txt", "a\n[b] c\n", "a|[b] c", "|")]
    [InlineData("p.json", """{"data":[{"question":"a","note":1}]}""", "a", "note")]
    [InlineData("p.jsonl", """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"x"}],"id":1}""", "a",
        "id,reference")]
    public void Prompts_are_read_as_all_data_and_need_no_answers(string file, string content, string told, string others)
    {
        var read = PromptFile.Read(_folder.Write(file, content)).ToList();
        Assert.Equal(told, string.Join('|', read.Select(p => Told(p.Conversation!))));
        Assert.Equal(others, string.Join('|', read.Select(p => string.Join(',', p.Others.Keys))));
    }
}
