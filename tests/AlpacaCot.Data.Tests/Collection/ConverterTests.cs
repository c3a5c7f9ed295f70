using System.Formats.Tar;
using System.IO.Compression;
using AlpacaCot.Data.Collection;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Collection;

public sealed class ConverterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Records in the form their authors publish, and the conversation each becomes; see <see cref="Shown"/>.</summary>
    [Theory]
    [InlineData("alpaca", """[{"instruction": "Add.", "input": "1, 2", "output": "3"}]""", "U:Add.[1, 2] A:3")]
    [InlineData("alpaca-cleaned", """[{"instruction": "Hi", "input": "", "output": "Hello"}]""", "U:Hi A:Hello")]
    [InlineData("gpt-4-llm", """[{"instruction": "Hi", "input": "", "output": "Hello"}]""", "U:Hi A:Hello")]
    [InlineData("gpt-4-llm-zh", """[{"instruction": "你好", "input": "", "output": "您好"}]""", "U:你好 A:您好")]
    [InlineData("gpt-4-llm", """
        [{"user_input": "Hi", "responses_and_scores": [{"response": "bad", "source": "opt", "score": 2},
          {"response": "good", "source": "gpt4", "score": 9.0}, {"response": "fair", "source": "davinci", "score": 5}]}]
        """, "U:Hi A:good !bad")]
    [InlineData("belle-0.5m", """{"instruction": "给出三个建议。", "input": "", "output": "一二三"}""", "U:给出三个建议。 A:一二三")]
    [InlineData("belle", """{"input": "判断对错\\n地球是方的", "target": "错"}""", "U:判断对错\\n地球是方的 A:错")]
    [InlineData("belle-1m", """{"instruction": "翻译", "input": "cat", "output": "猫"}""", "U:翻译[cat] A:猫")]
    [InlineData("belle-1.5m", """{"instruction": "翻译", "input": "cat", "output": "猫"}""", "U:翻译[cat] A:猫")]
    [InlineData("belle-school-math", """{"instruction": "3+4*2=?", "input": "", "output": "11\n"}""", "U:3+4*2=? A:11\n")]
    [InlineData("multiturn_chat", """
        {"instruction": "Human:你好\nAssistant:您好！\nHuman: 讲个笑话\n第二行\nAssistant:", "input": "", "output": "从前 Human: 有座山"}
        """, "U:你好 A:您好！ U:讲个笑话\n第二行 A:从前 Human: 有座山")]
    [InlineData("multiturn_chat",
        """{"instruction": "What does Human: mean in Assistant: logs?", "input": "", "output": "A role."}""",
        "U:What does Human: mean in Assistant: logs? A:A role.")]
    [InlineData("belle-conversations", """
        {"id": "66182880", "conversations": [{"from": "human", "value": "问"}, {"from": "assistant", "value": "答"}]}
        """, "U:问 A:答 +id")]
    [InlineData("dolly", """
        {"instruction": "When?", "context": "In 2000.", "response": "2000", "category": "closed_qa"}
        """, "U:When?[In 2000.] A:2000 +category")]
    [InlineData("gsm8k", """
        {"question": "How many?", "answer": "48/2 = <<48/2=24>>24 clips.\n48+24 = <<48+24=72>>72.\n#### 72"}
        """, "U:How many? A:48/2 = 24 clips.\n48+24 = 72.\nThe answer is 72.")]
    [InlineData("code-alpaca", """[{"instruction": "Sort", "input": "[2,1]", "output": "sorted(x)"}]""",
        "U:Sort[[2,1]] A:sorted(x)")]
    [InlineData("gpteacher", """[{"instruction": "Hi", "input": "", "response": "Hello"}]""", "U:Hi A:Hello")]
    [InlineData("gpteacher", """[{"instruction": "Hi", "input": "", "output": "Hello"}]""", "U:Hi A:Hello")]
    [InlineData("natural-instructions", """
        {"Contributors": ["x"], "Categories": ["Translation"], "Definition": ["Translate.", "Be brief."], "Positive Examples": [],
         "Instances": [{"id": "t-1", "input": "cat", "output": ["猫", "貓"]}, {"id": "t-2", "input": "dog", "output": ["狗"]}]}
        """, "U:Translate.\nBe brief.[cat] A:猫 +id+task+Categories+outputs",
        "U:Translate.\nBe brief.[dog] A:狗 +id+task+Categories")]
    [InlineData("niv2", """{"task_name": "task001", "id": "t-1", "definition": "Translate.", "inputs": "cat", "targets": "猫"}""",
        "U:Translate.[cat] A:猫 +task_name+id")]
    [InlineData("hc3", """
        {"question": "Why?", "human_answers": ["Well.", "So."], "chatgpt_answers": ["Because."], "index": "", "source": "eli5"}
        """, "U:Why? A:Because. +index+source")]
    [InlineData("hc3-human", """
        {"question": "Why?", "human_answers": ["Well.", "So."], "chatgpt_answers": ["Because."], "source": "eli5"}
        """, "U:Why? A:Well. +source", "U:Why? A:So. +source")]
    [InlineData("firefly", """{"kind": "NLI", "input": "前提", "target": "蕴含"}""", "U:前提 A:蕴含 +kind")]
    [InlineData("instinwild", """[{"instruction": "Plan a trip", "input": "", "output": "Go.", "id": "0_0"}]""",
        "U:Plan a trip A:Go. +id")]
    [InlineData("vicuna", """
        [{"id": "QWJhYvA_0", "conversations": [{"from": "system", "value": "Be kind."}, {"from": "human", "value": "Hi"},
          {"from": "gpt", "value": "Hello"}, {"from": "human", "value": "Bye"}, {"from": "gpt", "value": "See you"}]}]
        """, "S:Be kind. U:Hi A:Hello U:Bye A:See you +id")]
    [InlineData("sharechat",
        """[{"id": "a", "conversations": [{"from": "user", "value": "Hi"}, {"from": "bing", "value": "Hello"}]}]""",
        "U:Hi A:Hello +id")]
    [InlineData("oasst1", """
        {"message_tree_id": "1", "tree_state": "ready_for_export", "prompt": {"message_id": "1", "text": "Hi", "role": "prompter", "lang": "en",
         "replies": [{"message_id": "2", "parent_id": "1", "text": "worse", "role": "assistant", "rank": 1, "replies": []},
          {"message_id": "3", "parent_id": "1", "text": "best", "role": "assistant", "rank": 0, "replies": [
           {"message_id": "4", "parent_id": "3", "text": "More", "role": "prompter", "replies": [
            {"message_id": "5", "parent_id": "4", "text": "sure", "role": "assistant", "rank": null, "replies": []}]},
           {"message_id": "6", "parent_id": "3", "text": "Less", "role": "prompter", "replies": []},
           {"message_id": "7", "parent_id": "3", "text": "Else", "role": "prompter", "replies": [
            {"message_id": "8", "parent_id": "7", "text": "b", "role": "assistant", "rank": 2, "replies": []},
            {"message_id": "9", "parent_id": "7", "text": "a", "role": "assistant", "rank": 0, "replies": []},
            {"message_id": "x", "parent_id": "7", "text": "gone", "role": "assistant", "rank": 3, "deleted": true, "replies": []}]}]}]}}
        """, "U:Hi A:best U:More A:sure +message_tree_id+tree_state", "U:Hi A:best U:Else A:a !b +message_tree_id+tree_state")]
    [InlineData("oasst1", """
        {"message_id": "1", "parent_id": null, "text": "Hi", "role": "prompter", "lang": "en", "rank": null, "message_tree_id": "1"}
        {"message_id": "2", "parent_id": "1", "text": "yes", "role": "assistant", "lang": "en", "rank": 0.0, "message_tree_id": "1"}
        {"message_id": "3", "parent_id": "1", "text": "no", "role": "assistant", "lang": "en", "rank": 1.0, "message_tree_id": "1"}
        {"message_id": "4", "parent_id": null, "text": "Hola", "role": "prompter", "lang": "es", "rank": null, "message_tree_id": "4"}
        {"message_id": "5", "parent_id": "4", "text": "sí", "role": "assistant", "lang": "es", "rank": null, "message_tree_id": "4"}
        """, "U:Hi A:yes !no +message_tree_id+lang", "U:Hola A:sí +message_tree_id+lang")]
    [InlineData("coig", """{"trans_instruction": "翻译", "trans_input": "cat", "trans_output": "猫", "task_name": "t1"}""",
        "U:翻译[cat] A:猫 +task_name")]
    [InlineData("coig", """
        {"textbox_q_instruction": "选择正确答案。", "textbox_q_context": "材料", "textbox_question": "1+1=? A. 2 B. 3",
         "textbox_answer": "A", "textbox_answer_analysis": "一加一等于二。", "subject": "数学"}
        """, "U:选择正确答案。[材料\n1+1=? A. 2 B. 3] A:一加一等于二。\n答案：A +subject")]
    [InlineData("coig", """[{"instruction": "公平吗？", "input": "", "output": "公平。", "topic": "价值"}]""", "U:公平吗？ A:公平。 +topic")]
    [InlineData("coig", """
        {"round_0": {"prompt": "p", "response": "{\"Q\": \"谁？\", \"A\": \"我。\"}"}, "round_1": {"response": "{\"Q\": \"是吗？\", \"A\": \"是。\"}"}}
        """, "U:谁？ A:我。 U:是吗？ A:是。")]
    [InlineData("xp3", """{"inputs": "Translate: chat", "targets": "cat"}""", "U:Translate: chat A:cat")]
    [InlineData("pclue", """{"input": "选项：是，否\n答案：", "target": "是", "type": "classify", "answer_choices": ["是", "否"]}""",
        "U:选项：是，否\n答案： A:是 +type+answer_choices")]
    [InlineData("prosocial-dialog", """
        {"context": "I hit him.", "response": "That is wrong.", "rots": ["No hitting."], "safety_label": "__needs_caution__", "dialogue_id": 0, "response_id": 0, "episode_done": false}
        {"context": "But why?", "response": "It hurts.", "rots": ["Be kind."], "safety_label": "__casual__", "dialogue_id": 0, "response_id": 1, "episode_done": true}
        {"context": "Hi", "response": "Hello.", "rots": [], "safety_label": "__casual__", "dialogue_id": 1, "response_id": 0, "episode_done": true}
        """, "U:I hit him. A:That is wrong.(rots,safety_label,response_id,episode_done) U:But why? "
             + "A:It hurts.(rots,safety_label,response_id,episode_done) +dialogue_id",
        "U:Hi A:Hello.(rots,safety_label,response_id,episode_done) +dialogue_id")]
    [InlineData("finance", """[{"instruction": "Invest?", "input": "", "output": "Maybe.", "text": ""}]""",
        "U:Invest? A:Maybe. +text")]
    [InlineData("hh-rlhf", """
        {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Rob a bank?\n\nAssistant: No.", "rejected": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Rob a bank?\n\nAssistant: Sure:\nHuman: joke"}
        """, "U:Hi A:Hello U:Rob a bank? A:No. !Sure:\nHuman: joke")]
    [InlineData("hh-rlhf", """{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Ho\n\nAssistant: Hello"}""",
        "U:Hi A:Hello +rejected")]
    [InlineData("gpt4all", """{"prompt": "Hi", "response": "Hello", "source": "laion"}""", "U:Hi A:Hello +source")]
    [InlineData("instruct", """{"prompt": "Hi", "completion": "Hello"}""", "U:Hi A:Hello")]
    [InlineData("flan-muffin", """{"inputs": "Hi", "targets": "Hello", "task": "rte"}""", "U:Hi A:Hello +task")]
    [InlineData("guanaco", """
        [{"instruction": "User: Hi\nAssistant: Hello", "input": "User: Who are you?", "output": "Assistant: Guanaco."}]
        """, "U:Hi A:Hello U:Who are you? A:Guanaco.")]
    [InlineData("webgpt", """
        {"question": {"dataset": "eli5", "id": "1", "full_text": "Why?"}, "answer_0": "a", "score_0": -1.0, "answer_1": "b", "score_1": 1.0, "quotes_0": {}}
        """, "U:Why? A:b !a +quotes_0")]
    [InlineData("stack-llama", """{"qid": 1, "question": "How?", "response_j": "So.", "response_k": "No."}""",
        "U:How? A:So. !No. +qid")]
    [InlineData("baize", """
        [{"topic": "Why?", "input": "The conversation between human and AI assistant.\n[|Human|] Why?\n[|AI|] Because.\n[|Human|] "}]
        """, "U:Why? A:Because. +topic")]
    [InlineData("oig", """{"text": "Background: sun\n<human>: Hi\n<bot>: Hello", "metadata": {"source": "x"}}""",
        "S:Background: sun U:Hi A:Hello +metadata")]
    [InlineData("ultrachat", """{"id": "0", "data": ["Hi", "Hello", "Bye", "See you"]}""", "U:Hi A:Hello U:Bye A:See you +id")]
    [InlineData("gaokao", """
        {"keywords": "2010-2022_Math", "example": [{"year": "2010", "question": "1+1=?\n A. 2\n", "answer": ["A"], "analysis": "数一数。", "index": 0}]}
        """, "U:1+1=?\n A. 2 A:数一数。\n答案：A +year+index")]
    [InlineData("camel",
        """{"role_1": "Biologist", "topic;": "Cells", "sub_topic": "DNA", "message_1": "What?", "message_2": "This."}""",
        "U:What? A:This. +role_1+topic;+sub_topic")]
    [InlineData("camel", """
        {"role_1": "Chef", "message_1": {"role_name": "Cook", "content": "Boil."}, "message_2": {"role_name": "Chef", "content": "Done."}}
        """, "U:Boil. A:Done. +role_1")]
    [InlineData("gpt4tools", """[{"instruction": "Edit image/a.png", "input": "", "output": "Thought: use a tool"}]""",
        "U:Edit image/a.png A:Thought: use a tool")]
    [InlineData("auto-cot", """
        {"demo": [{"question": "Q: How many?\nA:", "rationale": "Count them.", "pred_ans": "3", "gold_ans": "3"}]}
        """, "U:How many? A:Count them. The answer is 3. +gold_ans")]
    [InlineData("moss", """
        {"id": 0, "num_turns": 1, "prefix": "p", "plain_text": "[Human]: 你好<eoh> [MOSS]: 您好！<eoa> "}
        """, "U:你好 A:您好！ +id+num_turns+prefix")]
    [InlineData("news_commentary", """
        {"id": "0", "translation": {"en": "Peace", "zh": "和平"}}
        {"id": "1", "translation": {"en": "War", "zh": "战争"}}
        """, "U:Translate the following text into Chinese.[Peace] A:和平 +id", "U:把下面的文字翻译成英文。[战争] A:War +id")]
    [InlineData("chinese-medical", """{"department": "心血管科", "title": "高血压怎么办", "ask": "无", "answer": "看医生"}""",
        "U:高血压怎么办 A:看医生 +department")]
    [InlineData("cot-chinese", """[{"instruction": "问", "input": "", "output": "想。所以答案是三。"}]""", "U:问 A:想。所以答案是三。")]
    [InlineData("dolly", """[{"instruction": "Already", "input": "unified", "output": "yes"}]""", "U:Already[unified] A:yes")]
    public void A_raw_record_becomes_a_conversation(string set, string raw, params string[] expected) =>
        Assert.Equal(expected, Convert(set, _folder.Write("raw.json", raw)).Select(Shown));

    [Fact]
    public void Every_converter_has_a_case_here_or_a_test_of_its_own()
    {
        string[] elsewhere = ["csl", "belle-cn", "belle-2m", "belle-chat"];   // the last three: the converter of belle-0.5m
        var tested = typeof(ConverterTests).GetMethod(nameof(A_raw_record_becomes_a_conversation))!
            .GetCustomAttributes(typeof(InlineDataAttribute), false).Cast<InlineDataAttribute>()
            .Select(data => Catalogue.Find((string)data.Data[0]!).Entry.Name);
        Assert.Empty(Catalogue.All.Select(s => s.Entry.Name).Where(name => !name.StartsWith("flan-cot", StringComparison.Ordinal))
            .Except(tested).Except(elsewhere));
    }

    [Fact]
    public void Csl_papers_become_one_of_three_tasks_by_the_seed()
    {
        var file = _folder.Write("csl.tsv", string.Concat(Enumerable.Range(0, 40).Select(i => $"题{i}\t摘要\"{i}\t词_语\t计算机\t工学\n")));
        var papers = Convert("csl", file);
        Assert.Equal(40, papers.Count);
        Assert.Equal(3, papers.Select(p => p.Turns[0].Text).Distinct().Count());
        Assert.Equal(papers.Select(Shown), Convert("csl", file).Select(Shown));
        Assert.Contains(papers, p => p.Turns[1].Text == "词，语" && p.Turns[0].Input.Contains("摘要\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("alpaca", "instruct/alpaca_data.json.gz", 52002)]
    [InlineData("code-alpaca", "instruct/code_alpaca_2k.json", 2017)]
    [InlineData("gpteacher", "instruct/gpteacher_toolformer_0.6.json", 2396)]
    [InlineData("dolly", "instruct/litgpt_fixture_dolly.json", 12)]
    [InlineData("sharegpt", "multiturn/fastchat_dummy_conversation.json", 500)]
    [InlineData("hh-rlhf", "multiturn/torchtune_hh_rlhf_tiny.json", 1)]
    [InlineData("flan-cot", "cot/origin_gsm8k_train.tsv.gz", 7473)]
    public void Published_files_are_converted_whole(string set, string file, int count)
    {
        var conversations = Convert(set, ReferenceData.Path("data/" + file));
        Assert.Equal(count, conversations.Count);
        Assert.All(conversations, c => Assert.Equal(Role.Assistant, c.Turns[^1].Role));
    }

    [Fact]
    public void Every_published_tree_of_OpenAssistant_gives_threads_of_turns()
    {
        var left = new List<string>();
        var path = ReferenceData.Path("data/multiturn/oasst_en_100_tree.jsonl");
        var threads = Catalogue.Find("oasst").Convert(path, new() { OnLeftOut = left.Add }).ToList();
        Assert.Equal(100, left.Count + threads.Select(t => t.Metadata["message_tree_id"].GetString()).Distinct().Count());
        Assert.All(threads, thread => Assert.All(thread.Turns.Index(), turn =>
            Assert.Equal(turn.Index % 2 == 0 ? Role.User : Role.Assistant, turn.Item.Role)));
        Assert.Contains(threads, thread => thread.Turns.Count >= 4);
    }

    [Fact]
    public void Every_published_conversation_of_MOSS_becomes_its_turns()
    {
        using (var file = File.OpenRead(ReferenceData.Path("data/multiturn/moss_dev.tar.gz")))
        using (var unpacked = new GZipStream(file, CompressionMode.Decompress))
            TarFile.ExtractToDirectory(unpacked, _folder.Path, overwriteFiles: false);
        var conversations = Convert("moss", _folder.Path);
        Assert.Equal(564, conversations.Count);
        Assert.All(conversations, c =>
        {
            Assert.Equal(Role.System, c.Turns[0].Role);
            Assert.Equal(c.Metadata["num_turns"].GetInt32(), c.Turns.Count(t => t.Role == Role.User));
            Assert.Equal(Role.Assistant, c.Turns[^1].Role);
            Assert.DoesNotContain(c.Turns, t =>
                t.Text.Contains("<eo", StringComparison.Ordinal) || t.Text.StartsWith("<|", StringComparison.Ordinal));
        });
        Assert.Contains(conversations, c => c.Turns.Any(t => t.Role == Role.Tool));
    }

    [Fact]
    public void A_record_of_another_form_is_named_and_can_be_skipped()
    {
        var path = _folder.Write("dolly.jsonl", """
            {"instruction": "a", "context": "", "response": "b"}
            {"instruction": "a", "answer": "b"}
            {"instruction": ["a"], "response": "b"}
            """);
        var error = Assert.Throws<InputException>(() => Convert("dolly", path));
        Assert.Contains("dolly.jsonl, record 2: missing field \"response\"; the record has instruction, answer", error.Message,
            StringComparison.Ordinal);
        var bad = new List<string>();
        Assert.Single(Catalogue.Find("dolly").Convert(path, new() { Reading = new() { SkipBad = true, OnBadRecord = bad.Add } }));
        Assert.Equal(2, bad.Count);
        Assert.Contains("\"instruction\" is a list", bad[1], StringComparison.Ordinal);
        Assert.Contains("no data file", Assert.Throws<InputException>(() => Convert("dolly", Directory.CreateDirectory(
            Path.Combine(_folder.Path, "empty")).FullName)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_read_in_the_order_of_its_names()
    {
        foreach (var i in new[] { 10, 9, 1 })
            _folder.Write($"task{i}.json", $$"""{"Definition": ["D"], "Instances": [{"input": "{{i}}", "output": ["o"]}]}""");
        _folder.Write("README.md", "no data");
        Assert.Equal(["1", "10", "9"], Convert("niv2", _folder.Path).Select(c => c.Turns[0].Input));
    }

    [Fact]
    public void Own_columns_are_mapped()
    {
        var source = new ColumnSource(new("mine", "Mine", null),
            new Dictionary<string, string> { ["instruction"] = "q", ["output"] = "a", ["input"] = "c", ["system"] = "s" });
        var path = _folder.Write("mine.jsonl", """{"q": "Why?", "a": "So.", "c": "ctx", "s": "Be brief.", "id": 7}""");
        Assert.Equal(["S:Be brief. U:Why?[ctx] A:So. +id"], source.Convert(path, new()).Select(Shown));
        Assert.Same(source, Catalogue.Find("Mine", [source]));
    }

    private static List<Conversation> Convert(string set, string path) => [.. Catalogue.Find(set).Convert(path, new())];

    /// <summary><c>U:instruction[input] A:answer(metadata) !rejected +metadata</c>.</summary>
    private static string Shown(Conversation c) => string.Join(' ', c.Turns.Select(t => $"{t.Role.ToString()[0]}:{t.Text}"
            + (t.Input.Length > 0 ? $"[{t.Input}]" : "")
                + (t.Metadata.Count > 0 ? $"({string.Join(',', t.Metadata.Keys)})" : "")))
        + (c.Rejected is null ? "" : $" !{c.Rejected}")
        + (c.Metadata.Count > 0 ? " " + string.Concat(c.Metadata.Keys.Select(k => $"+{k}")) : "");
}
