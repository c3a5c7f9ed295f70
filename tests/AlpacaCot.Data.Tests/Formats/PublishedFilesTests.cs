using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Instruction files as their authors published them.</summary>
public sealed class PublishedFilesTests
{
    /// <summary>
    /// The files with their records, as they are recognised; tables count without the row that names the columns.
    /// </summary>
    public static TheoryData<string, int, string> Files => new()
    {
        { "instruct/alpaca_data.json.gz", 52_002, "JSON array, gzip; alpaca" },
        { "instruct/bloom_lora_alpaca_1k.json", 1_000, "JSON array; alpaca" },
        { "instruct/code_alpaca_2k.json", 2_017, "JSON array; alpaca" },
        { "instruct/gpteacher_toolformer_0.6.json", 2_396, "JSON array; alpaca" },
        { "instruct/gsm_8k_train_alpaca.json.gz", 7_473, "JSON array, gzip; alpaca" },
        { "instruct/litgpt_fixture_alpaca.json", 23, "JSON array; alpaca" },
        { "instruct/litgpt_fixture_dolly.json", 12, "JSON array; pairs" },
        { "instruct/llamafactory_alpaca_en_demo.json", 999, "JSON array; alpaca" },
        { "instruct/llamafactory_alpaca_zh_demo.json", 1_000, "JSON array; alpaca" },
        { "instruct/llamafactory_c4_demo.jsonl", 300, "JSON lines; alpaca" },
        { "instruct/llamafactory_identity.json", 91, "JSON array; alpaca" },
        { "instruct/llamafactory_wiki_demo.txt", 30, "text lines; alpaca" },
        { "instruct/seed_tasks.jsonl", 175, "JSON lines; self-instruct" },
        { "instruct/torchtune_alpaca_tiny.json", 100, "JSON array; alpaca" },
        { "instruct_zh/belle_zh_seed_tasks.json", 175, "JSON lines; self-instruct" },
        { "instruct_zh/hikariming_extra/glm问题数据.json", 8, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/三国问题.json", 7, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/企业管理问题.json", 13, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/传统诗词及文化常识问题.json", 31, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/党建类数据集.json", 177, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/其他问题.json", 4, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/学术问题.json", 213, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/建议类问题.json", 23, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/心得体会类、宣传报道类.json", 7, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/情绪心理类问题.json", 26, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/整数加减法.json", 500, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/气候环境问题wys.json", 27, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/申请书类.json", 16, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/翻译问题.json", 11, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/计算机问题.json", 1, "JSON array; alpaca" },
        { "instruct_zh/hikariming_extra/饮食问题.json", 9, "JSON array; alpaca" },
        { "instruct_zh/hikariming_zh_12345-15323.json.gz", 2_978, "JSON array, gzip; alpaca" },
        { "instruct_zh/hikariming_zh_15323-18280.json.gz", 2_957, "JSON array, gzip; alpaca" },
        { "instruct_zh/zh-data-part-00.json.gz", 10_021, "JSON array, gzip; alpaca" },
        { "cot/formatted_aqua_train.json.gz", 2_728, "JSON array, gzip; alpaca" },
        { "multiturn/axolotl_conversation.json", 1, "JSON lines; sharegpt" },
        { "multiturn/data-juicer_alpaca-cot.jsonl", 11, "JSON lines; alpaca" },
        { "multiturn/data-juicer_demo-dataset-deduplication.jsonl", 14, "JSON lines; alpaca" },
        { "multiturn/fastchat_dummy_conversation.json", 500, "JSON array; sharegpt" },
        { "multiturn/llamafactory_dpo_en_demo.json", 300, "JSON array; preference" },
        { "multiturn/llamafactory_glaive_toolcall_en_demo.json", 300, "JSON array; sharegpt" },
        { "multiturn/mt_bench_question.jsonl", 80, "JSON lines; questions" },
        { "multiturn/mt_bench_reference_gpt-4.jsonl", 30, "JSON lines; questions" },
        { "multiturn/torchtune_chat_tiny.json", 1, "JSON array; sharegpt" },
        { "multiturn/torchtune_hh_rlhf_tiny.json", 1, "JSON array; preference" },
        { "multiturn/vicuna_bench_question.jsonl", 80, "JSON lines; questions" },
        { "multiturn/ms-swift/alpaca.csv", 3, "CSV; alpaca" },
        { "multiturn/ms-swift/alpaca.jsonl", 3, "JSON lines; alpaca" },
        { "multiturn/ms-swift/alpaca2.csv", 3, "CSV; alpaca" },
        { "multiturn/ms-swift/chatml.jsonl", 3, "JSON lines; openai" },
        { "multiturn/ms-swift/conversations.jsonl", 3, "JSON lines; sharegpt" },
        { "multiturn/ms-swift/sharegpt.jsonl", 3, "JSON lines; sharegpt" },
        { "multiturn/ms-swift/swift_multi.jsonl", 3, "JSON lines; pairs" },
        { "multiturn/ms-swift/swift_pre.csv", 3, "CSV; pairs" },
        { "multiturn/ms-swift/swift_pre.jsonl", 3, "JSON lines; pairs" },
        { "multiturn/ms-swift/swift_single.csv", 3, "CSV; pairs" },
        { "multiturn/ms-swift/swift_single.jsonl", 3, "JSON lines; pairs" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_record_is_read(string file, int count, string recognized)
    {
        var path = ReferenceData.Path("data/" + file);
        var (last, read, kind) = ("", 0, "");
        foreach (var conversation in InstructionFile.Read(path, new() { OnRecognized = said => kind += said + "\n" }))
        {
            read++;
            last = conversation.Origin;
        }
        // The roles of fields may follow.
        Assert.Equal($"{path}: {recognized}", string.Join("; ", kind.Split('\n')[0].Split("; ").Take(2)));
        Assert.Equal(count, read);
        Assert.Equal($"{path}, record {count}", last);
    }

    [Trait("level", "full")]
    [Theory]
    [MemberData(nameof(Files))]
    public void Every_record_survives_every_format(string file, int count, string _)
    {
        using var folder = new TemporaryFolder();
        var read = InstructionFile.Read(ReferenceData.Path("data/" + file)).Take(400).ToList();
        var said = Said.By(read);
        string[] formats = read.All(c => c.Rejected is not null) ? [.. ConversationWriter.Formats]
            : ["alpaca", "sharegpt", "openai"];
        foreach (var format in formats)
            foreach (var name in (string[])["out.json", "out.jsonl.zst", "out.parquet"])
            {
                // Questions without answers are no instruction data: alpaca has no place for them, and says so.
                if (format == "alpaca" && file.Contains("question", StringComparison.Ordinal)) continue;
                var path = Path.Combine(folder.Path, name);
                Assert.Equal(read.Count, ConversationWriter.Write(path, read, format));
                Assert.Equal(said, Said.By(InstructionFile.Read(path)));
            }
        Assert.Equal(Math.Min(count, 400), read.Count);
    }

    [Theory]
    [InlineData("instruct/llamafactory_dataset_info.json",
        "it has neither \"instruction\" and \"output\" nor \"text\"; it has identity")]
    [InlineData("multiturn/oasst_en_100_tree.jsonl", "a message tree with several dialogues")]
    [InlineData("multiturn/moss_dev.tar.gz", "tar archive")]
    [InlineData("cot/origin_creak_train.tsv.gz", "does not start with [ or {")]
    public void Another_kind_of_file_is_refused_by_what_it_holds(string file, string part)
    {
        var path = ReferenceData.Path("data/" + file);
        var message = Assert.Throws<InputException>(() => InstructionFile.Read(path).First()).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(part, message);
    }

    /// <summary>This file has, beside each record, its whole training text: a golden of the Alpaca-LoRA prompt.</summary>
    [Fact]
    public void The_published_training_text_is_reproduced()
    {
        var path = ReferenceData.Path("data/instruct/torchtune_alpaca_tiny.json");
        using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(path));
        var published = json.RootElement.EnumerateArray().Select(record => record.GetProperty("text").GetString()!).ToList();
        Assert.Equal(published, Texts("alpaca-lora"));
        Assert.NotEqual(published, Texts("alpaca"));   // the control: one newline less

        IEnumerable<string> Texts(string template) => InstructionFile.Read(path).Select(conversation =>
            string.Concat(PromptTemplates.Find(template).Render(conversation).Select(segment => segment.Text)));
    }
}
