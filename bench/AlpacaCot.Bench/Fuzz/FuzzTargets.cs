using System.Text;
using System.Text.Json;
using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Download;
using AlpacaCot.Data.Formats;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Export;
using AlpacaCot.Models.Families;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Templates.Jinja;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Adapters;
using AlpacaCot.Training.Recipes;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Bench.Fuzz;

/// <summary>Every reader of files and replies of strangers, each with valid files that it makes itself.</summary>
internal sealed class FuzzTargets : IDisposable
{
    private const string Recipe = """
        model: .
        template: alpaca
        data:
          - { path: data.json, weight: 2, limit: 3 }
          - path: data.json
            name: again
            columns: { instruction: instruction, output: output }
        mixture: { order: shuffle, temperature: 2 }
        adapter: { method: lora, rank: 4, alpha: 8, targets: [q_proj, v_proj], rank_pattern: { q_proj: 2 } }
        quantization: nf4
        training:
          epochs: 1.5
          learning_rate: 1e-4
          schedule: cosine
          warmup_ratio: 0.1
          train_on_inputs: false
        output: runs/x

        """;

    private const string Study = """
        title: A study
        recipe:
          model: .
          data: [data.json, { name: again, path: data.json }]
          adapter: { rank: 4 }
        factors:
          data: leave-one-out
          adapter.rank: [4, { name: large, set: { adapter.rank: 8 } }]
        seeds: [1, 2]
        benchmarks:
          - { name: gsm8k, path: data.json, limit: 3 }
        margin: 2
        output: runs/y

        """;

    private const string Chat = """
        {%- macro block(m) -%}<|{{ m.role }}|>{{ m['content'] | trim }}{%- endmacro -%}
        {%- set ns = namespace(n=0) -%}{{ bos_token }}
        {%- for message in messages if message.role != 'tool' -%}
        {%- if loop.first and message.role == "system" -%}{{ message.content ~ '\n' * 2 }}
        {%- elif message.role in ['user', 'assistant'] -%}{{ block(message) }}{% set ns.n = ns.n + loop.index0 // 2 -%}
        {%- else -%}{{ raise_exception("no " + message.role | upper) }}{%- endif -%}
        {%- endfor -%}{{ "%03d %s" | format(ns.n, tools | tojson(indent=2)) if tools else messages[-1:] | length }}
        {%- if add_generation_prompt %}{{ '<|assistant|>'.replace('|', '') }}{% endif -%}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("alpaca-cot-fuzz-").FullName;
    private readonly ReplyServer _server = new();
    private readonly LanguageModel _model;
    private int _next;

    public FuzzTargets()
    {
        var model = SmallModel();
        _model = LanguageModel.Load(model);
        All =
        [
            .. ReaderFuzz.Seeds.Select(seed => OnFile($"records {seed.Key}", [seed.Value], seed.Key, ReadRecords)),
            .. Records(),
            .. Tokenizers(model),
            .. Models(model),
            .. Adapters(),
            .. Settings(model),
            .. Templates(),
            .. Answers(),
            .. Replies(),
        ];
    }

    /// <summary>The readers.</summary>
    public IReadOnlyList<FuzzTarget> All { get; }

    public void Dispose()
    {
        _model.Dispose();
        _server.Dispose();
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // a reader that took too long may still be at work
        }
    }

    private static void ReadRecords(string path)
    {
        foreach (var _ in InstructionFile.Read(path, new() { SkipBad = true, LargestRecord = 1 << 20 }))
        {
        }
    }

    private IEnumerable<FuzzTarget> Records()
    {
        var sets = Catalogue.All.Where(s => s.Entry.Own == false).ToList();
        var seeds = ReaderFuzz.Seeds.Where(s => s.Key is "alpaca.json" or "sharegpt.json" or "openai.jsonl").Select(s => s.Value)
            .ToList();
        yield return OnFile("converters", [.. seeds, .. Published()], "data.json", path =>
        {
            var set = sets[(int)(new FileInfo(path).Length % sets.Count)];
            foreach (var _ in set.Convert(path, new ConvertOptions { Reading = new() { SkipBad = true } }))
            {
            }
        });
        yield return OnFile("raw records", [.. ReaderFuzz.Seeds.Values], "data", path =>
        {
            foreach (var record in RecordFile.Read(path, new() { SkipBad = true })) _ = record.Value.ValueKind;
        });
    }

    // Records in the forms of published sets, with which converters go further than with unified ones.
    private static IEnumerable<byte[]> Published() => new[]
    {
        """{"instruction":"a","context":"b","response":"c","category":"open_qa"}""",
        """{"question":"a","answer":"b #### 3"}""",
        """{"conversation_id":1,"category":"x","conversation":[{"human":"a","assistant":"b"}],"chat":{"turn_1":{"Human":"a","MOSS":"b","Inner Thoughts":"x","Commands":"y","Tool Responses":"z"}},"meta_instruction":"m","num_turns":1,"plain_text":"[Human]: a <eoh> [MOSS]: b <eoa>"}""",
        """{"question":"a","human_answers":["b"],"chatgpt_answers":["c"],"index":1,"source":"s"}""",
        """{"message_id":"1","parent_id":null,"text":"a","role":"prompter","lang":"en","message_tree_id":"1"}""",
        """{"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"\n\nHuman: a\n\nAssistant: c"}""",
        """{"id":"1","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}""",
        """{"Definition":["d"],"Instances":[{"id":"1","input":"a","output":["b"]}],"Positive Examples":[]}""",
    }.Select(Encoding.UTF8.GetBytes);

    private IEnumerable<FuzzTarget> Tokenizers(string model)
    {
        var json = File.ReadAllBytes(Path.Combine(model, "tokenizer.json"));
        void Use(string path)
        {
            var tokenizer = Tokenizer.Load(path);
            tokenizer.Decode(tokenizer.Encode("Name three colours: 红, 绿, blue.\n  x", true, true), skipSpecial: false);
        }
        yield return OnFile("tokenizer.json", [json, .. Components()], "tokenizer.json", Use);
        yield return OnFile("tokenizer.model", [SentencePiece()], "tokenizer.model", Use);
        yield return OnFile("tiktoken", [Tiktoken()], "x.tiktoken", Use);
        yield return OnFile("tokenizer_config.json", [Bytes("""
            {"bos_token":"<s>","eos_token":{"content":"</s>","lstrip":false},"add_bos_token":true,"model_max_length":256,
             "added_tokens_decoder":{"0":{"content":"<pad>","special":true},"1":{"content":"<s>","special":true}},
             "chat_template":"{{ messages[0].content }}","tokenizer_class":"LlamaTokenizer"}
            """)], "tokenizer_config.json", path =>
        {
            File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(path)!, "tokenizer.json"), json);
            Use(Path.GetDirectoryName(path)!);
            ChatFormats.Resolve(null, null, Path.GetDirectoryName(path));
        });
        var vocabulary = string.Join(",", Enumerable.Range(33, 90)
            .Select((c, i) => $"{JsonSerializer.Serialize($"{(char)c}")}:{i}"));
        yield return OnFile("vocab.json, merges", [Bytes($$"""{{{vocabulary}},"ab":90,"Ġ":91,"<|endoftext|>":92}""")],
            "vocab.json", path =>
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(path)!, "merges.txt"), "#version: 0.2\na b\n");
            Use(Path.GetDirectoryName(path)!);
        });
    }

    // The components that the small tokenizer does not have.
    private static IEnumerable<byte[]> Components()
    {
        yield return Bytes("""
            {"version":"1.0","added_tokens":[{"id":0,"content":"<unk>","special":true,"lstrip":true,"normalized":true}],
             "normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"},
              {"type":"Prepend","prepend":"▁"},{"type":"Precompiled","precompiled_charsmap":"AAAA"}]},
             "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Metaspace","replacement":"▁","add_prefix_space":true},
              {"type":"Split","pattern":{"Regex":"\\p{L}+|\\s+(?!\\S)"},"behavior":"Isolated","invert":false},{"type":"Digits"}]},
             "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<unk>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
              "pair":[],"special_tokens":{"<unk>":{"id":"<unk>","ids":[0],"tokens":["<unk>"]}}},
             "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
              {"type":"Strip","content":" ","start":1,"stop":0}]},
             "model":{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0],["▁",-2],["a",-3.5],["▁a",-3]]}}
            """);
    }

    private static byte[] Tiktoken() => Bytes(string.Concat(Enumerable.Range(0, 256)
        .Select(i => $"{Convert.ToBase64String([(byte)i])} {i}\n")) + $"{Convert.ToBase64String("ab"u8)} 256\n");

    // A SentencePiece model of a few pieces: fields 1 (pieces), 2 (trainer) and 3 (normalizer).
    private static byte[] SentencePiece()
    {
        var bytes = new List<byte>();
        foreach (var (i, piece) in new[] { "<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "ab" }.Index())
        {
            List<byte> inner = [0x0A, (byte)Encoding.UTF8.GetByteCount(piece), .. Encoding.UTF8.GetBytes(piece), 0x15,
                .. BitConverter.GetBytes(-(float)i), 0x18, (byte)(i == 0 ? 2 : i < 3 ? 3 : 1)];
            bytes.AddRange([0x0A, (byte)inner.Count, .. inner]);
        }
        bytes.AddRange([0x12, 2, 0x18, 1, 0x1A, 6, 0x0A, 2, (byte)'i', (byte)'d', 0x18, 1]);
        return [.. bytes];
    }

    private IEnumerable<FuzzTarget> Models(string model)
    {
        var config = File.ReadAllBytes(Path.Combine(model, "config.json"));
        yield return OnFile("config.json", [config, .. Configs()], "config.json", path =>
        {
            using var built = ModelFamilies.Build(ModelFolder.ReadObject(path), new ShapeWeights());
        });
        yield return OnFile("safetensors", [File.ReadAllBytes(Path.Combine(model, "model.safetensors"))], "model.safetensors",
            path =>
        {
            File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(path)!, "config.json"), config);
            using var loaded = LanguageModel.Load(Path.GetDirectoryName(path)!);
        });
        var state = Path.Combine(_folder, "state");
        ModelExport.ToStateDict(_model, state);
        yield return OnFile("torch.save", [File.ReadAllBytes(Directory.GetFiles(state, "*.pth")[0])], "consolidated.00.pth",
            path =>
        {
            File.Copy(Path.Combine(state, "params.json"), Path.Combine(Path.GetDirectoryName(path)!, "params.json"), true);
            using var loaded = LanguageModel.Load(Path.GetDirectoryName(path)!);
        });
        var gguf = Path.Combine(_folder, "model.gguf");
        ModelExport.ToGguf(_model, gguf, GgufType.F16);
        yield return OnFile("gguf", [File.ReadAllBytes(gguf)], "model.gguf", path =>
        {
            using var loaded = LanguageModel.Load(path);
        });
        yield return OnFile("shard index", [Bytes("""
            {"metadata":{"total_size":10},"weight_map":{"model.norm.weight":"model-00001-of-00001.safetensors","lm_head.weight":"model-00001-of-00001.safetensors"}}
            """)], "model.safetensors.index.json", path =>
        {
            var folder = Path.GetDirectoryName(path)!;
            File.WriteAllBytes(Path.Combine(folder, "config.json"), config);
            File.Copy(Path.Combine(model, "model.safetensors"), Path.Combine(folder, "model-00001-of-00001.safetensors"), true);
            using var opened = ModelFolder.Open(folder);
        });
        yield return OnFile("params.json",
            [Bytes("""{"dim":32,"n_layers":2,"n_heads":4,"n_kv_heads":2,"vocab_size":300,"norm_eps":1e-5,"multiple_of":32}""")],
            "params.json", path =>
            {
                File.Copy(Path.Combine(state, "consolidated.00.pth"),
                    Path.Combine(Path.GetDirectoryName(path)!, "consolidated.00.pth"));
                using var opened = ModelFolder.Open(Path.GetDirectoryName(path)!);
            });
    }

    private static IEnumerable<byte[]> Configs() => new[]
    {
        """{"model_type":"gpt2","vocab_size":300,"n_embd":32,"n_layer":2,"n_head":4,"n_positions":256}""",
        """{"model_type":"bloom","vocab_size":300,"hidden_size":32,"n_layer":2,"n_head":4}""",
        """{"model_type":"gpt_neox","vocab_size":300,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":64,"rotary_pct":0.25,"max_position_embeddings":64}""",
        """{"model_type":"chatglm","vocab_size":300,"hidden_size":32,"inner_hidden_size":64,"num_layers":2,"num_attention_heads":4,"max_sequence_length":64,"position_encoding_2d":true,"bos_token_id":1,"gmask_token_id":1,"mask_token_id":2,"eos_token_id":2,"pad_token_id":0}""",
        """{"model_type":"gemma2","vocab_size":300,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":8,"max_position_embeddings":64,"sliding_window":16,"query_pre_attn_scalar":8,"attn_logit_softcapping":50.0,"final_logit_softcapping":30.0}""",
        """{"model_type":"llama","vocab_size":300,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":64,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":32},"quantization_config":{"quant_method":"bitsandbytes","load_in_4bit":true,"bnb_4bit_quant_type":"nf4"}}""",
        """{"model_type":"mixtral","vocab_size":300,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"num_local_experts":4,"num_experts_per_tok":2,"max_position_embeddings":64}""",
    }.Select(Encoding.UTF8.GetBytes);

    private IEnumerable<FuzzTarget> Adapters()
    {
        var good = Path.Combine(_folder, "adapter");
        using (var adapter = AdapterMethods.Attach(_model.Model, new LoraConfig { TargetPattern = "all-linear", Rank = 2 }, 1))
            adapter.Save(good);
        void Load(string folder)
        {
            using var model = Build();
            using var adapter = AdapterMethods.Load(model, folder);
        }
        var (config, weights) = (File.ReadAllBytes(Path.Combine(good, AdapterFolder.ConfigName)),
            File.ReadAllBytes(Path.Combine(good, "adapter_model.safetensors")));
        yield return OnFile("adapter_config.json", [config], AdapterFolder.ConfigName, path =>
        {
            File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(path)!, "adapter_model.safetensors"), weights);
            Load(Path.GetDirectoryName(path)!);
        });
        yield return OnFile("adapter weights", [weights], "adapter_model.safetensors", path =>
        {
            File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(path)!, AdapterFolder.ConfigName), config);
            Load(Path.GetDirectoryName(path)!);
        });
        yield return OnFile("adapter card", [Bytes("""
            {"method":"lora","base":{"name":"b","type":"llama","fingerprint":"f"},"template":"alpaca",
             "data":[{"source":"a","available":1,"taken":1,"licence":null}],"mixture_sha256":"m","data_sha256":"d",
             "metrics":{"loss":1.5},"versions":{"alpaca-cot":"0.1"},"recipe":"r","files":{"a":"b"}}
            """)], AdapterCard.FileName, path => AdapterCard.Read(Path.GetDirectoryName(path)!));
    }

    private IEnumerable<FuzzTarget> Settings(string model)
    {
        void WriteCompanions(string path)
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(path)!, "data.json"),
                """[{"instruction":"a","input":"","output":"b"}]""");
            File.Copy(Path.Combine(model, "config.json"), Path.Combine(Path.GetDirectoryName(path)!, "config.json"), true);
        }
        yield return OnFile("recipe", [Bytes(Recipe)], "recipe.yaml", path =>
        {
            WriteCompanions(path);
            RecipeFile.Load(path);
        });
        yield return OnFile("--set", [Bytes("training.learning_rate=1e-4"), Bytes("data.0.limit=3"),
            Bytes("adapter={ rank: 4, targets: [q_proj] }")],
            "set", path => RecipeFile.Parse(Recipe, "recipe.yaml", [File.ReadAllText(path)]));
        yield return OnFile("study", [Bytes(Study)], "study.yaml", path =>
        {
            WriteCompanions(path);
            StudyFile.Load(path);
        });
        yield return OnFile("catalogue", [Bytes("""
            - name: my-set
              title: My set
              path: data.json
              columns: { instruction: question, output: answer }
              language: [EN, CN]
              task: TS
              generation: HG
              licence: MIT
              records: 100
              tags: [a, b]

            """)], "sets.yaml", path => CatalogueFile.Load(path));
    }

    private IEnumerable<FuzzTarget> Templates()
    {
        using var messages = JsonDocument.Parse("""
            [{"role":"system","content":"Be brief."},{"role":"user","content":"Hi  "},{"role":"assistant","content":"Hello\nyou"},{"role":"user","content":"红"}]
            """);
        var input = new ChatInput { Messages = messages.RootElement.Clone(), AddGenerationPrompt = true };
        yield return OnFile("jinja", [Bytes(Chat),
            Bytes("{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}")],
            "chat.jinja", path =>
            {
                var template = ChatTemplate.Load(path);
                template.Render(input);
                template.RenderSupervised(input);
                _ = template.Stop;
            });
        yield return OnFile("template json", [.. new[] { "alpaca", "chatml", "llama-2" }.Select(PromptTemplateJson), Bytes("""
            {"description":"d","prompt_input":"{instruction}\n{input}\n","prompt_no_input":"{instruction}\n","response_split":"### Response:"}
            """)], "template.json", path => ChatFormats.Find(path));
        yield return OnFile("messages", [Bytes(messages.RootElement.GetRawText()), Bytes("""
            [{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}]
            """)], "messages.json", path =>
            {
                using var parsed = JsonDocument.Parse(File.ReadAllBytes(path)); // what is not JSON is refused before
                var template = new ChatTemplate(JinjaTemplate.Parse(Chat, "chat.jinja"), "chat.jinja");
                template.Render(new ChatInput { Messages = parsed.RootElement, AddGenerationPrompt = true });
            }) with { Refuses = e => e is JsonException };
    }

    private static byte[] PromptTemplateJson(string name) =>
        Bytes((PromptTemplates.All.FirstOrDefault(t => t.Name == name) ?? PromptTemplates.All[0]).ToJson());

    private IEnumerable<FuzzTarget> Answers()
    {
        yield return OnFile("generations", [Bytes("""
            {"benchmark":"gsm8k","model":"m","id":"1","category":"c","prompt":"p","input":"","follow_ups":[],"references":["3"],"choices":[],"texts":["The answer is 3"],"shortened":false,"likelihoods":[],"extracted":"3","score":1,"measures":{}}
            {"benchmark":"gsm8k","model":"m","id":"2","category":"c","prompt":"p","references":["1/2"],"choices":["a"],"texts":["0.5"],"likelihoods":[[-1.5,1,2]]}

            """), Bytes("""
            {"benchmark":"hellaswag","model":"m","id":"1","category":"c","prompt":"p","references":["b"],"choices":["a","b"],"texts":[],"likelihoods":[[-1.5,1,2],[-1,1,2]]}

            """)], "answers.jsonl", path =>
        {
            var (name, _, questions, responses) = GenerationsFile.Read(path);
            BenchmarkRunner.Score(BenchmarkSuite.Find(name), "m", questions, responses);
        });
        yield return OnFile("held-out questions", [Bytes("""[{"category":"english","instruction":"a","input":"","output":"b"}]""")], "heldout.json",
            path => HeldOutQuestion.Read(path));
        string[] forms =
        [
            """{"question":"a?","answer":"b #### 3"}""",
                """{"ctx":"a","endings":["b","c"],"label":"1","ind":3,"activity_label":"x"}""",
            """{"question":"q","choices":["a","b","c","d"],"answer":1,"subject":"s"}""",
            """{"task_id":"HumanEval/0","prompt":"def f():","entry_point":"f","test":"def check(c): pass","canonical_solution":" return"}""",
            """{"question":"q","choices":{"text":["a","b"],"label":["A","B"]},"answerKey":"A","id":"x"}""",
            """{"question_id":81,"category":"writing","turns":["a","b"]}""",
            """{"instruction":"a","input":"","output":"b","category":"c","dataset":"d","generator":"g"}""",
            """{"examples":[{"input":"a","target":"(A)"}]}""",
            """{"question":"q","mc1_targets":{"choices":["a","b"],"labels":[1,0]},"mc2_targets":{"choices":["a","b"],"labels":[1,0]}}""",
        ];
        yield return OnFile("benchmark data", [.. forms.Select(f => Bytes(f + "\n" + f + "\n")),
            Bytes("q,a,b,c,d,A\nq2,a,b,c,d,B\n")], "test.jsonl", path =>
        {
            var benchmark = BenchmarkSuite.All[(int)(new FileInfo(path).Length % BenchmarkSuite.All.Count)];
            BenchmarkSuite.Read(benchmark, path, new BenchmarkOptions());
        });
        yield return OnFile("answer store", [Bytes("{\"key\":\"a\",\"value\":\"b\"}\n{\"key\":\"c\",\"value\":[1]}\n")],
            "store.jsonl", path =>
        {
            using var store = ResponseStore.OpenToRead(path);
            store.TryGet<string>("a", out _);
        });
        yield return OnFile("metrics",
            [Bytes("{\"step\":1,"
            + "\"loss\":1.5,\"learning_rate\":0.1}\n{\"step\":2,\"loss\":1.4}\n{\"step\":2,\"validation_loss\":1.3}\n")],
            "metrics.jsonl", path => LossCurveFigure.Write(path, Path.Combine(Path.GetDirectoryName(path)!, "loss.svg"), "t"));
    }

    private IEnumerable<FuzzTarget> Replies()
    {
        yield return OnFile("verdicts", [Bytes("Good. Rating: [[7]]"), Bytes("Score: 0.8"), Bytes("[[A]]"), Bytes("得分：8"),
            Bytes("[[ 10.0 ]] of 10")],
            "reply", path =>
            {
                var text = File.ReadAllText(path);
                foreach (var form in new[] { GradeForm.OneToTen, GradeForm.ZeroToOne, GradeForm.Comparison }) form.TryRead(text,
                    out _, out _);
            });
        yield return new("judge replies", [Bytes("""
            {"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"[[7]]"},
             "finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}
            """)], bytes =>
        {
            _server.Reply = _ => bytes;
            using var client = new OpenAiChatClient(new Uri(_server.Address, "v1"), "m", null, TimeSpan.FromSeconds(5));
            var answer = client.GetResponseAsync([new ChatMessage(ChatRole.User, "a")]).GetAwaiter().GetResult();
            _ = (answer.Text, answer.Usage?.InputTokenCount);
        });
        const string Commit = "0123456789abcdef0123456789abcdef01234567";
        yield return new("hub replies", [Bytes($$"""[{"type":"file","path":"a.json","size":2,"oid":"9e26dfeeb6e641a33dae4961196235bdb965b21b"},{"type":"directory","path":"d","size":0,"oid":"{{Commit}}"}]"""),
            Bytes($$"""{"sha":"{{Commit}}"}""")], bytes =>
        {
            _server.Reply = target => bytes.AsSpan().TrimStart((byte)' ') is [(byte)'{', ..]
                ? target.Contains("/revision/", StringComparison.Ordinal) ? bytes : "[]"u8.ToArray()
                : target.Contains("/revision/", StringComparison.Ordinal) ? Bytes($$"""{"sha":"{{Commit}}"}""")
                : target.Contains("/tree/", StringComparison.Ordinal) ? bytes : "{}"u8.ToArray();
            var options = new HubOptions { Endpoint = _server.Address, Cache = NewFolder(), Attempts = 1,
                Patience = TimeSpan.FromSeconds(2) };
            HubDownload.RunAsync(RepositoryPart.TryParse("owner/name")!, options, new Quiet(), CancellationToken.None)
                .GetAwaiter().GetResult();
        });
    }

    private sealed class Quiet : IDownloadObserver
    {
        public void Planned(int files, long bytes)
        {
        }

        public void Advanced(long bytes)
        {
        }

        public void Completed(HubFile file, FileOrigin origin)
        {
        }

        public void Note(string message)
        {
        }
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private string NewFolder() => Directory.CreateDirectory(Path.Combine(_folder, $"{Interlocked.Increment(ref _next)}"))
        .FullName;

    // A reader of a file in a folder of its own.
    private FuzzTarget OnFile(string name, IReadOnlyList<byte[]> seeds, string file, Action<string> read) =>
        new(name, seeds, bytes =>
    {
        var folder = NewFolder();
        var path = Path.Combine(folder, file);
        File.WriteAllBytes(path, bytes);
        read(path);
        Directory.Delete(folder, recursive: true);
    });

    private CausalModel Build()
    {
        using var config = JsonDocument.Parse(_model.Checkpoint.Config.GetRawText());
        return ModelFamilies.Build(config.RootElement, new RandomWeights(1));
    }

    private string SmallModel()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "model")).FullName;
        var tokens = new BpeTrainer(300, ["<pad>", "<s>", "</s>"]);
        tokens.Add("Say the number of the day and the name of the colour; the answer is below the instruction.", 9);
        tokens.Train().Save(folder, "<s>", "</s>", "<pad>", 256);
        File.WriteAllText(Path.Combine(folder, "config.json"), """
            {"model_type":"llama","architectures":["LlamaForCausalLM"],"vocab_size":300,"hidden_size":32,"intermediate_size":64,
             "num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":256,"rms_norm_eps":1e-5,
             "rope_theta":10000.0,"hidden_act":"silu","tie_word_embeddings":false,"bos_token_id":1,"eos_token_id":2}
            """);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        using var model = ModelFamilies.Build(config.RootElement, new RandomWeights(1));
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. model.Parameters.Select(p => (p.Key, p.Value))]);
        return folder;
    }
}
