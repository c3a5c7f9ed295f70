using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Tool calls, reasoning, media, learning marks and tool definitions in the layouts that people publish.</summary>
public sealed class ContentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private Conversation Read(string json, string? format = null) =>
        Assert.Single(InstructionFile.Read(_folder.Write("a.jsonl", json), new() { Format = format }));

    private static string Calls(Turn turn) => string.Join("; ",
        turn.Calls.Select(call => $"{call.Name} {call.ArgumentText} {call.Id}".Trim()));

    private static string Turns(Conversation conversation) =>
        string.Join("|", conversation.Turns.Select(turn => $"{turn.Role}: {turn.Text}"));

    /// <summary>TRL 2429: calls in every form.</summary>
    [Theory]
    [InlineData("""{"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{\"city\": \"Oslo\"}"}}]}""",
        """w {"city": "Oslo"} c1""")]
    [InlineData("""{"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "w", "arguments": {"city": "Oslo"}}}]}""",
        """w {"city": "Oslo"}""")]
    [InlineData("""{"role": "assistant", "tool_calls": [{"function": {"name": "w", "arguments": "{}"}}, {"function": {"name": "v", "arguments": ""}}]}""",
        "w {}; v {}")]
    [InlineData("""{"role": "assistant", "content": null, "function_call": {"name": "w", "arguments": "{\"city\": \"Oslo\"}"}}""",
        """w {"city": "Oslo"}""")]
    [InlineData("""{"from": "function_call", "value": "{\"name\": \"w\", \"arguments\": {\"city\": \"Oslo\"}}"}""",
        """w {"city": "Oslo"}""")]
    [InlineData("""{"from": "function_call", "value": "[{\"name\": \"w\", \"arguments\": {}}, {\"name\": \"v\", \"arguments\": {\"a\": 1}}]"}""",
        """w {}; v {"a": 1}""")]
    [InlineData("""{"role": "tool_call", "content": "{\"name\": \"w\", \"arguments\": {}}"}""", "w {}")]
    [InlineData("""{"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w", "input": {"city": "Oslo"}}]}""",
        """w {"city": "Oslo"} t1""")]
    [InlineData("""{"role": "assistant", "content": [{"type": "tool_call", "value": "{\"name\": \"w\", \"arguments\": {}}"}]}""",
        "w {}")]
    [InlineData("""{"role": "assistant", "content": null, "tool_calls": "[{\"name\": \"w\", \"arguments\": {}}]"}""", "w {}")]
    public void A_call_is_read_in_every_form_and_comes_back(string turn, string calls)
    {
        var key = turn.Contains("\"from\"") ? """{"from": "human", "value": "Oslo?"}"""
            : """{"role": "user", "content": "Oslo?"}""";
        var read = Read($$"""{"{{(turn.Contains("\"from\"") ? "conversations" : "messages")}}": [{{key}}, {{turn}}]}""");
        Assert.Equal(calls, Calls(read.Turns[1]));
        Assert.Equal("", read.Turns[1].Text);
        Assert.False(read.Turns[1].IsEmpty);
        ComesBack(read);
    }

    [Fact]
    public void A_call_without_a_name_is_refused_by_turn()
    {
        var message = Assert.Throws<InputException>(() => Read("""
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}]}
            """)).Message;
        Assert.Contains("record 1 (line 1): \"messages\", turn 2: its \"tool_calls\", call 1, has no function name", message);
    }

    [Fact]
    public void Tools_results_reasoning_and_marks_are_parts_of_the_record()
    {
        var read = Read("""
            {"tools": "[{\"name\": \"w\", \"parameters\": {\"type\": \"object\"}}]", "id": 7, "messages": [{"role": "user", "content": "Oslo?", "name": "Bo"}, {"role": "assistant", "content": "", "reasoning_content": "Look.", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}], "weight": 0}, {"role": "tool", "name": "w", "tool_call_id": "c1", "content": {"t": 3}}, {"role": "assistant", "content": "3.", "thinking": "So.", "train": true, "refusal": null}]}
            """);
        Assert.Equal("""{"type": "function", "function": {"name": "w", "parameters": {"type": "object"}}}""",
            Assert.Single(read.Tools).GetRawText());
        Assert.Equal(["id"], read.Metadata.Keys);
        Assert.Equal("Bo", read.Turns[0].Metadata["name"].GetString());
        Assert.Equal(("Look.", false), (read.Turns[1].Reasoning, read.Turns[1].Learn));
        Assert.Equal(("w", "c1", """{"t": 3}"""), (read.Turns[2].ToolName, read.Turns[2].ToolCallId, read.Turns[2].Text));
        Assert.Equal(("So.", true), (read.Turns[3].Reasoning, read.Turns[3].Learn));
        ComesBack(read);
        Assert.Equal("t", Read("""{"tools": "t", "messages": [{"role": "user", "content": "x"}]}""")
            .Metadata["tools"].GetString());
    }

    [Fact]
    public void Text_parts_are_lines_and_other_parts_are_kept()
    {
        var read = Read("""
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "What colour"}, {"type": "image_url", "image_url": {"url": "a.png"}}, {"type": "text", "value": "is it?"}, {"type": "input_audio", "input_audio": {}}]}, {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Red."}]}]}
            """);
        Assert.Equal("User: What colour\nis it?|Assistant: Red.", Turns(read));
        Assert.Equal([("image", 2), ("audio", 4)], read.Turns[0].Media.Select(part => (part.Kind, part.Number)));
        Assert.Equal("Hm.", read.Turns[1].Reasoning);
        ComesBack(read);
    }

    [Theory]
    [InlineData("""{"conversations": ["Can brain cells move?", "Yes, at certain stages."], "source": "forum"}""", null,
        "User: Can brain cells move?|Assistant: Yes, at certain stages.")]   // LIMA
    [InlineData("""{"conversation": [{"system": "s", "input": "a", "output": "b"}, {"input": "c", "output": "d"}]}""", null,
        "System: s|User: a|Assistant: b|User: c|Assistant: d")]   // XTuner
    [InlineData("""{"conversation": [{"input": "", "output": "plain"}]}""", null, "Assistant: plain")]
    // UltraChat
    [InlineData("""{"id": "0", "data": ["a", "b", "c", "d"]}""", null, "User: a|Assistant: b|User: c|Assistant: d")]
    [InlineData("""{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}""",
        null, "System: s|User: a|Assistant: b")]   // TRL
    [InlineData("""{"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]}""", null, "User: a|Assistant: b")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "text", "value": "a"}], "loss_weight": 0.0}, {"role": "assistant", "content": [{"type": "text", "value": "b"}], "loss_weight": 1.0}]}""",
        null, "User: a|Assistant: b")]   // LLaMA-Factory's second format
    [InlineData("""{"conversations": [["a", "b"], ["c", "d"]]}""", null, "User: a|Assistant: b|User: c|Assistant: d")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "3 C"}]}, {"role": "assistant", "content": "b"}]}""",
        null, "Tool: 3 C|Assistant: b")]
    public void A_published_shape_of_dialogue_is_read(string json, string? format, string says)
    {
        var read = Read(json, format);
        Assert.Equal(says, Turns(read));
        ComesBack(read);
    }

    [Fact]
    public void Loss_weights_of_llama_factory_are_marks()
    {
        var read = Read("""
            {"messages": [{"role": "user", "content": [{"type": "text", "value": "a"}], "loss_weight": 0.0}, {"role": "assistant", "content": [{"type": "text", "value": "b"}], "loss_weight": 0.0}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d", "loss_weight": 1.0}]}
            """);
        Assert.Equal([false, false, null, true], read.Turns.Select(turn => turn.Learn));
        var odd = Read("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0.5}]}""");
        Assert.Equal(0.5, odd.Turns[1].Metadata["weight"].GetDouble());   // training refuses it by name
        ComesBack(odd);
    }

    [Fact]
    public void Chosen_and_rejected_may_be_lists_of_messages()
    {
        const string Call = """{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]}""";
        var read = Read($$"""
            {"prompt": [{"role": "user", "content": "Oslo?"}], "chosen": [{{Call}}, {"role": "tool", "content": "3 C", "tool_call_id": "1"}, {"role": "assistant", "content": "3."}], "rejected": [{"role": "assistant", "content": "Who knows."}]}
            """);
        Assert.Equal("User: Oslo?|Assistant: |Tool: 3 C|Assistant: 3.", Turns(read));
        Assert.Equal((3, "Who knows."), (read.Rejected!.Replaces, read.Rejected.Text));
        Assert.Equal(Said.By(read), Said.By(Back(read, "preference", "b.jsonl")));
        Assert.Equal(Said.By(read), Said.By(Back(read, "preference", "b.parquet")));
        Assert.Contains("its rejected answer is more than one text, which openai cannot represent; use preference",
            Assert.Throws<InputException>(() => Back(read, "openai", "b.jsonl")).Message);

        // Without a prompt, what both have in common is the prompt.
        var whole = Read("""
            {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "loss_weight": 1.0}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}
            """);
        Assert.Equal("User: q|Assistant: a", Turns(whole));
        Assert.Equal((1, "b"), (whole.Rejected!.Replaces, whole.Rejected.Text));
        // LLaMA-Factory's second format has names of its own.
        var named = Read("""
            {"chosen_messages": [{"role": "user", "content": [{"type": "text", "value": "q"}], "loss_weight": 0.0}, {"role": "assistant", "content": [{"type": "text", "value": "a"}], "loss_weight": 1.0}], "rejected_messages": [{"role": "user", "content": [{"type": "text", "value": "q"}], "loss_weight": 0.0}, {"role": "assistant", "content": [{"type": "text", "value": "b"}], "loss_weight": 1.0}]}
            """);
        Assert.Equal(("User: q|Assistant: a", "b"), (Turns(named), named.Rejected!.Text));
        var differ = Assert.Throws<InputException>(() => Read("""
            {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "c"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "d"}]}
            """)).Message;
        Assert.Contains("its chosen and rejected dialogues differ before their last answers", differ);
        foreach (var wrong in (string[])["3", "true", "null", "{}"])
            Assert.Contains("record 1 (line 1): ",
                Assert.Throws<InputException>(() => Read($$"""{"prompt": "q", "chosen": {{wrong}}, "rejected": "b"}""")).Message);
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("\"[]\"")]
    [InlineData("\"null\"")]
    public void An_empty_history_is_none(string history) => Assert.Equal("User: a|Assistant: b",
        Turns(Read($$"""{"instruction": "a", "input": "", "output": "b", "history": {{history}}}""")));

    [Theory]
    [InlineData("toolcalls.jsonl", 4)]
    [InlineData("p_tool.parquet", null)]
    [InlineData("turnmeta.jsonl", 1)]
    public void The_shared_files_of_calls_hold_calls_only(string name, int? records)
    {
        var read = InstructionFile.Read(ReferenceData.Path($"cases/data/{name}")).ToList();
        if (records is { } count) Assert.Equal(count, read.Count);
        Assert.NotEmpty(read);
        Assert.All(read, record => Assert.DoesNotContain(record.Turns, turn => turn.IsEmpty));
        Assert.All(read, record => Assert.Contains(record.Turns, turn => turn.Calls.Count > 0));
        foreach (var record in read) ComesBack(record);
        if (name == "turnmeta.jsonl") Assert.Equal("extra", read[0].Metadata["prompt"].GetString());
        if (name == "toolcalls.jsonl")
            Assert.Equal(["""weather {"city": "Oslo"} call_1""", """weather {"city": "Oslo"}; weather {"city": "Rome"}""",
                """weather {"city": "Oslo"}""", """weather {"city":"Oslo"}"""], read.Select(record => Calls(record.Turns[1])));
    }

    [Theory]
    [InlineData("image_parts.jsonl")]
    [InlineData("p_img.parquet")]
    public void The_shared_files_of_images_are_refused_by_a_template(string name)
    {
        var read = InstructionFile.Read(ReferenceData.Path($"cases/data/{name}")).ToList();
        Assert.All(read, record => Assert.Contains("an image; a language model reads text only",
            Assert.Throws<InputException>(() => PromptTemplates.Find("chatml").Render(record)).Message));
    }

    private Conversation Back(Conversation conversation, string format, string file)
    {
        ConversationWriter.Write(_folder.File(file), [conversation], format);
        return Assert.Single(InstructionFile.Read(_folder.File(file)));
    }

    private void ComesBack(Conversation read)
    {
        foreach (var format in (string[])["openai", "sharegpt", "alpaca"])
        {
            if (format == "alpaca" && read.Turns[^1].Role != Role.Assistant) continue;
            foreach (var file in (string[])["out.jsonl", "out.json", "out.parquet"])
                Assert.Equal(Said.By(read), Said.By(Back(read, format, file)));
            Assert.Equal(read.Turns.Select(turn => (turn.Role, turn.Text, turn.Reasoning, Calls(turn), turn.Learn)),
                Back(read, format, "out.csv").Turns.Select(turn =>
                    (turn.Role, turn.Text, turn.Reasoning, Calls(turn), turn.Learn)));
        }
    }
}
