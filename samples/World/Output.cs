using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.World;

/// <summary>Everything generated from one seed.</summary>
internal sealed class Output
{
    /// <summary>Makes each digit and Chinese character a token, so names and numbers always split alike.</summary>
    public const string Isolate = @"[\p{N}一-鿿]";

    /// <summary>Large enough for every word of the world and of the prompt.</summary>
    public const int VocabularySize = 2048;

    public const int ContextLength = 512;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // The base model never sees the prompt template used in tuning, but the tokenizer contains its words, so that a prompt takes
    // tens of tokens instead of hundreds.
    private const string PromptWords = """
        Below is an instruction that describes a task, paired with an input that provides further context.
        Write a response that appropriately completes the request.
        ### Instruction: ### Input: ### Response:
        """;

    public Output(long seed, int documents)
    {
        var dice = new Dice(seed);
        World = new WorldFacts(dice.For("world"));
        Conversations = [.. new Conversations(World, dice.For("conversations")).Documents(documents / 5)];
        Documents = [.. new Corpus(World, dice.For("corpus")).Documents(documents - Conversations.Length)];
        Train = Records(dice.For("train"), heldOut: false, values: 480, reversed: 60, claims: 90, ages: 80, lists: 160,
            problems: 480);
        HeldOut = Records(dice.For("held out"), heldOut: true, values: 36, reversed: 6, claims: 6, ages: 6, lists: 10,
            problems: 32);
        Questions = Records(dice.For("study"), heldOut: true,
            values: 100, reversed: 12, claims: 12, ages: 12, lists: 14, problems: 75);
    }

    public WorldFacts World { get; }
    public string[] Documents { get; }
    public string[] Conversations { get; }
    public Instruction[] Train { get; }
    public Instruction[] HeldOut { get; }

    /// <summary>Further held-out questions, enough to detect small differences between models.</summary>
    public Instruction[] Questions { get; }

    /// <summary>Trains the tokenizer on the corpus, the training instructions and the words of the prompt.</summary>
    public ByteLevelBpe TrainTokenizer()
    {
        var trainer = new BpeTrainer(VocabularySize, ["<pad>", "<s>", "</s>"], Isolate);
        foreach (var document in Documents.Concat(Conversations)) trainer.Add(document);
        foreach (var record in Train) trainer.Add(record.Text, weight: 4);
        trainer.Add(PromptWords, weight: Documents.Length / 10);
        return trainer.Train();
    }

    /// <summary>
    /// Writes corpus.jsonl (documents and conversations), train.json and its parts by kind, the held-out questions, and the
    /// folder base with tokenizer and model configuration.
    /// </summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        WriteTexts(Path.Combine(folder, "corpus.jsonl"), [.. Documents, .. Conversations]);
        Save(Path.Combine(folder, "train.json"), w => WriteRecords(w, Train, categories: false));
        foreach (var kind in Train.GroupBy(r => r.Category))
            Save(Path.Combine(folder, $"{(kind.Key == "reasoning" ? "cot" : kind.Key)}.json"),
                w => WriteRecords(w, [.. kind], categories: false));
        Save(Path.Combine(folder, "heldout.json"), w => WriteRecords(w, HeldOut, categories: true));
        Save(Path.Combine(folder, "questions.json"), w => WriteRecords(w, Questions, categories: true));

        var tokenizer = TrainTokenizer();
        var model = Path.Combine(folder, "base");
        tokenizer.Save(model, bos: "<s>", eos: "</s>", pad: "<pad>", ContextLength);
        Save(Path.Combine(model, "config.json"), w => w.WriteLine(JsonSerializer.Serialize(new
        {
            architectures = new[] { "LlamaForCausalLM" },
            model_type = "llama",
            vocab_size = tokenizer.Vocabulary.Count,
            hidden_size = 160,
            intermediate_size = 432,
            num_hidden_layers = 6,
            num_attention_heads = 5,
            num_key_value_heads = 5,
            head_dim = 32,
            hidden_act = "silu",
            max_position_embeddings = ContextLength,
            rms_norm_eps = 1e-5,
            rope_theta = 10000.0,
            initializer_range = 0.02,
            attention_bias = false,
            tie_word_embeddings = true,
            pad_token_id = 0,
            bos_token_id = 1,
            eos_token_id = 2,
            torch_dtype = "bfloat16",
        }, Indented)));
    }

    private Instruction[] Records(
        Dice dice, bool heldOut, int values, int reversed, int claims, int ages, int lists, int problems)
    {
        var side = new Instructions(World, dice, heldOut);
        return dice.Shuffle(
        [
            .. side.About(Language.English, values, reversed, claims, ages, lists),
            .. side.About(Language.Chinese, values, reversed, claims, ages, lists),
            .. side.Reasoning(Language.English, problems),
            .. side.Reasoning(Language.Chinese, problems),
        ]);
    }

    private static void WriteTexts(string path, string[] texts) => Save(path, w =>
    {
        foreach (var text in texts) w.WriteLine(JsonSerializer.Serialize(new { text }, Json));
    });

    private static void WriteRecords(TextWriter w, Instruction[] records, bool categories)
    {
        w.WriteLine("[");
        for (var i = 0; i < records.Length; i++)
        {
            var r = records[i];
            object record = categories
                ? new { instruction = r.Text, input = r.Input, output = r.Output, category = r.Category }
                : new { instruction = r.Text, input = r.Input, output = r.Output };
            w.WriteLine("  " + JsonSerializer.Serialize(record, Json) + (i + 1 < records.Length ? "," : ""));
        }
        w.WriteLine("]");
    }

    private static void Save(string path, Action<TextWriter> content)
    {
        using (var writer = new StreamWriter(path + ".tmp") { NewLine = "\n" }) content(writer);
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
