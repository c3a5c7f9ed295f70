using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Templates;
using AlpacaCot.Tests;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Instruction files as their authors published them.</summary>
public sealed class PublishedFilesTests
{
    [Theory]
    [InlineData("instruct/alpaca_data.json.gz", 52_002)]
    [InlineData("instruct/bloom_lora_alpaca_1k.json", 1_000)]
    [InlineData("instruct/code_alpaca_2k.json", 2_017)]
    [InlineData("instruct/gpteacher_toolformer_0.6.json", 2_396)]
    [InlineData("instruct/gsm_8k_train_alpaca.json.gz", 7_473)]
    [InlineData("instruct/litgpt_fixture_alpaca.json", 23)]
    [InlineData("instruct/llamafactory_alpaca_en_demo.json", 999)]
    [InlineData("instruct/llamafactory_alpaca_zh_demo.json", 1_000)]
    [InlineData("instruct/llamafactory_identity.json", 91)]
    [InlineData("instruct/llamafactory_c4_demo.jsonl", 300)]
    [InlineData("instruct/torchtune_alpaca_tiny.json", 100)]
    [InlineData("instruct_zh/zh-data-part-00.json.gz", 10_021)]
    [InlineData("instruct_zh/hikariming_zh_12345-15323.json.gz", 2_978)]
    [InlineData("instruct_zh/hikariming_zh_15323-18280.json.gz", 2_957)]
    [InlineData("instruct_zh/hikariming_extra/整数加减法.json", 500)]
    [InlineData("cot/formatted_aqua_train.json.gz", 2_728)]
    [InlineData("multiturn/data-juicer_alpaca-cot.jsonl", 11)]
    public void Every_record_is_read(string file, int count)
    {
        var path = ReferenceData.Path("data/" + file);
        var last = "";
        var read = 0;
        foreach (var conversation in InstructionFile.Read(path))
        {
            read++;
            last = conversation.Origin;
        }
        Assert.Equal(count, read);
        Assert.Equal($"{path}, record {count}", last);
    }

    [Theory]
    [InlineData("instruct/litgpt_fixture_dolly.json", "record 1 (line 2): it has no \"output\"; it has instruction, context, ")]
    [InlineData("instruct/seed_tasks.jsonl", "(line 1): it has no \"output\"; it has id, name, instruction, instances, ")]
    [InlineData("instruct_zh/belle_zh_seed_tasks.json", "record 1 (line 1): it has no \"output\"")]
    [InlineData("instruct/llamafactory_dataset_info.json", "it has neither \"instruction\" and \"output\" nor \"text\"")]
    [InlineData("instruct/llamafactory_wiki_demo.txt", "neither a JSON array nor JSON lines")]
    [InlineData("multiturn/fastchat_dummy_conversation.json", "it has id, conversations.")]
    [InlineData("multiturn/moss_dev.tar.gz", "tar archive")]
    [InlineData("cot/origin_creak_train.tsv.gz", "neither [ nor {")]
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
