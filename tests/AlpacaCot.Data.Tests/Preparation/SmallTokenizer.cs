using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Tests.Preparation;

/// <summary>A byte-level BPE tokenizer of 256 bytes, a few merges, BOS and EOS, written where a test can load it.</summary>
internal static class SmallTokenizer
{
    /// <summary>Writes and loads the tokenizer.</summary>
    /// <param name="folder">Where it is written.</param>
    /// <param name="bos">Whether it puts BOS before a text by itself.</param>
    /// <param name="eos">Whether it puts EOS behind a text by itself.</param>
    public static Tokenizer Load(TemporaryFolder folder, bool bos = true, bool eos = false)
    {
        string[] merges = ["t h", "th e", "Ġ a", "e r", "# #", "## #", "Ã ¼"];
        var tokens = ByteAlphabet().Concat(merges.Select(merge => merge.Replace(" ", ""))).ToList();
        var (bosId, eosId) = (tokens.Count, tokens.Count + 1);
        object Special(string token) => new Dictionary<string, object> { ["SpecialToken"] = new { id = token, type_id = 0 } };
        object[] body = [new Dictionary<string, object> { ["Sequence"] = new { id = "A", type_id = 0 } }];
        object[] before = bos ? [Special("<s>")] : [], behind = eos ? [Special("</s>")] : [];
        object Added(int id, string content) =>
            new { id, content, single_word = false, lstrip = false, rstrip = false, normalized = false, special = true };
        var json = new
        {
            version = "1.0",
            truncation = (object?)null,
            padding = (object?)null,
            added_tokens = new[] { Added(bosId, "<s>"), Added(eosId, "</s>") },
            normalizer = (object?)null,
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
            post_processor = new
            {
                type = "TemplateProcessing",
                single = (object[])[.. before, .. body, .. behind],
                pair = body,
                special_tokens = new Dictionary<string, object>
                {
                    ["<s>"] = new { id = "<s>", ids = new[] { bosId }, tokens = new[] { "<s>" } },
                    ["</s>"] = new { id = "</s>", ids = new[] { eosId }, tokens = new[] { "</s>" } },
                },
            },
            decoder = new { type = "ByteLevel", add_prefix_space = true, trim_offsets = true, use_regex = true },
            model = new
            {
                type = "BPE",
                dropout = (object?)null,
                unk_token = (object?)null,
                vocab = tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id),
                merges,
            },
        };
        var config = new { tokenizer_class = "PreTrainedTokenizerFast", bos_token = "<s>", eos_token = "</s>" };
        folder.Write("tokenizer_config.json", JsonSerializer.Serialize(config));
        return Tokenizer.Load(folder.Write("tokenizer.json", JsonSerializer.Serialize(json)));
    }

    /// <summary>The printable characters that stand for the 256 bytes in byte-level BPE (Radford et al., 2019).</summary>
    private static IEnumerable<string> ByteAlphabet()
    {
        var next = 256;
        for (var b = 0; b < 256; b++)
            yield return ((char)(b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? b : next++)).ToString();
    }
}
