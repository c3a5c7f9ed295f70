using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Tests.Formats;

public sealed class DialogueTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Records of every shape, and what they say: a turn a line, the rejected answer behind an arrow.</summary>
    public static TheoryData<string, string, string> Records => new()
    {
        { """{"id": 1, "conversations": [{"from": "human", "value": "hi"}, {"from": "assistant", "value": "ho"}]}""", "sharegpt",
            "User: hi|Assistant: ho" },
        { """{"system": "s", "conversation": [{"human": "1", "assistant": "2"}]}""", "sharegpt",
            "System: s|User: 1|Assistant: 2" },
        { """{"messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}, {"role": "assistant", "content": "ho"}]}""",
            "openai", "System: s|User: hi|Assistant: ho" },
        { """{"instruction": "i", "input": "x", "output": "o", "history": [["a", "b"]], "system": "s"}""", "alpaca",
            "System: s|User: a|Assistant: b|User: i (x)|Assistant: o" },
        { """{"instruction": "i", "context": "x", "response": "o", "category": "c"}""", "pairs", "User: i (x)|Assistant: o" },
        { """{"question": "q", "answer": "a"}""", "pairs", "User: q|Assistant: a" },
        { """{"prompt": "q", "completion": "a"}""", "pairs", "User: q|Assistant: a" },
        { """{"input": "q", "target": "a"}""", "pairs", "User: q|Assistant: a" },
        { """{"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}}""",
            "preference", "User: q|Assistant: a -> b" },
        { """{"chosen": "\n\nHuman: q\n\nAssistant: r\n\nHuman: s\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: r\n\nHuman: s\n\nAssistant: b"}""",
            "preference", "User: q|Assistant: r|User: s|Assistant: a -> b" },
        { """{"instruction": "q", "input": "x", "chosen": "a", "rejected": "b"}""", "preference",
            "User: q (x)|Assistant: a -> b" },
        { """{"system": "s", "question": "q", "chosen": "a", "rejected": "b"}""", "preference",
            "System: s|User: q|Assistant: a -> b" },
        { """{"prompt": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}""",
            "preference", "User: q|Assistant: a -> b" },
        { """{"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [{"role": "assistant", "content": "a"}], "non_preferred_output": [{"role": "assistant", "content": "b"}]}""",
            "preference", "User: q|Assistant: a -> b" },
        { """{"instruction": "i", "output": "a", "rejected": "b"}""", "alpaca", "User: i|Assistant: a -> b" },
        { """{"response": "only"}""", "pairs", "Assistant: only" },
    };

    [Theory]
    [MemberData(nameof(Records))]
    public void Shapes_are_recognised(string json, string format, string says)
    {
        var recognized = "";
        var path = _folder.Write("a.jsonl", json);
        var read = Assert.Single(InstructionFile.Read(path, new() { OnRecognized = what => recognized = what }));
        Assert.Equal(format, recognized.Split("; ")[1]);   // the roles of fields may follow
        Assert.Equal(says, string.Join("|", read.Turns.Select(t => $"{t.Role}: {t.Text}"
            + (t.Input.Length > 0 ? $" ({t.Input})" : "")))
            + (read.Rejected is null ? "" : $" -> {read.Rejected}"));
        foreach (var to in ConversationWriter.Formats.Where(to => to != "preference" || read.Rejected is not null))
            foreach (var name in (string[])["out.json", "out.parquet", "out.jsonl.gz", "out.parquet.zst"])
            {
                ConversationWriter.Write(Path.Combine(_folder.Path, name), [read], to);
                Assert.Equal(Said.By(read), Said.By(Assert.Single(InstructionFile.Read(Path.Combine(_folder.Path, name)))));
            }
        foreach (var name in (string[])["out.csv", "out.tsv.gz"])   // of tables the texts: numbers come back as texts
        {
            ConversationWriter.Write(Path.Combine(_folder.Path, name), [read], "alpaca");
            var back = Assert.Single(InstructionFile.Read(Path.Combine(_folder.Path, name)));
            Assert.Equal(read.Turns.Select(t => (t.Role, t.Text, t.Input)), back.Turns.Select(t => (t.Role, t.Text, t.Input)));
        }
    }

    /// <summary>
    /// What one format calls a function call is the other's tool_calls, and nothing a format lacks a place for is lost.
    /// </summary>
    [Fact]
    public void Calls_names_and_foreign_fields_go_through_every_format()
    {
        var path = _folder.Write("a.jsonl", """
            {"conversations": [{"from": "human", "value": "weather?"}, {"from": "function_call", "value": "{\"name\": \"get\", \"arguments\": {\"city\": \"Köln\"}}"}, {"from": "observation", "value": "rain"}, {"from": "gpt", "value": "It rains.", "weight": 0.5, "role": "x"}], "tools": "[]", "instruction": "i", "score": 1.0, "nothing": null}
            {"conversations": [{"from": "human", "value": "", "name": "Bo"}, {"from": "gpt", "value": "a"}, {"from": "gpt", "value": "b"}], "messages": 3, "meta": {"deep": [{"er": null}]}}
            """);
        var read = InstructionFile.Read(path).ToList();
        foreach (var to in (string[])["openai", "alpaca", "sharegpt"])
            foreach (var name in (string[])["out.jsonl", "out.parquet"])
            {
                var written = Path.Combine(_folder.Path, name);
                Assert.Equal(2, ConversationWriter.Write(written, read, to));
                Assert.Equal(Said.By(read), Said.By(InstructionFile.Read(written)));
            }
        ConversationWriter.Write(path, read.Take(1), "openai");
        var call = JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("messages")[1].GetProperty("tool_calls")[0];
        Assert.Equal("""{"city": "Köln"}""", call.GetProperty("function").GetProperty("arguments").GetString());
    }

    [Fact]
    public void What_a_format_cannot_hold_is_an_error_or_counted()
    {
        var path = _folder.Write("a.jsonl", """{"turns": ["one?", "two?"], "question_id": 1}""");
        var read = InstructionFile.Read(path).ToList();
        var target = Path.Combine(_folder.Path, "out.json");
        Assert.Contains("a.jsonl, record 1: it does not end with an answer",
            Assert.Throws<InputException>(() => ConversationWriter.Write(target, read, "alpaca")).Message);
        Assert.False(File.Exists(target));
        var bad = new List<string>();
        Assert.Equal(0, ConversationWriter.Write(target, read, "preference", bad.Add));
        Assert.Contains("no rejected answer", Assert.Single(bad));
        Assert.Equal([Path.GetFileName(path), "out.json"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }
}
