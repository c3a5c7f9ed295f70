using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>CSL: titles, abstracts and keywords of Chinese scientific papers.</summary>
internal sealed class Csl : IInstructionSource
{
    private static readonly string[] Columns = ["title", "abstract", "keywords", "discipline", "category"];

    public CatalogueEntry Entry { get; } = new("csl", "CSL", 396_206)
    {
        Original = true, Published = "https://github.com/ydli-ai/CSL",
        Copy = "QingyiSi/Alpaca-CoT", Files = ["CSL/csl.json"],
        RawFormat = "TSV without a header: title, abstract, keywords (joined with _), discipline, category",
        Licence = "Apache-2.0",
        Languages = SetLanguages.CN, Tasks = SetTasks.MT, Generation = SetGeneration.COL,
        Type = "titles, keywords and disciplines from abstracts of papers", Tags = ["science", "summary"],
    };

    /// <summary>Converts each paper to one of three tasks, sampled with the seed.</summary>
    public IEnumerable<Conversation> Convert(string path, ConvertOptions options)
    {
        var random = new DeterministicRandom(options.Seed).Fork("csl");
        foreach (var file in RawFiles.In(path, ".tsv", ".txt", ".json", ".jsonl"))
        {
            if (RawFiles.Ending(file) is ".json" or ".jsonl")   // a copy in the unified form
            {
                foreach (var conversation in RecordSource.Unified(Entry).Convert(file, options)) yield return conversation;
                continue;
            }
            foreach (var row in TabRows.Read(file, quotes: false, Columns.Length, options.Reading))
            {
                var (title, text, keywords) = (row.Fields[0].Trim(), row.Fields[1].Trim(),
                    row.Fields[2].Trim().Replace('_', '，'));
                var paper = random.NextInt(3) switch
                {
                    0 => Conversation.Instruction("根据下面的摘要，给论文起一个标题。", text, title),
                    1 => Conversation.Instruction("列出下面这篇论文的关键词。", $"{title}\n{text}", keywords),
                    _ => Conversation.Instruction("下面这篇论文属于哪个学科？", $"{title}\n{text}", row.Fields[3].Trim()),
                };
                yield return paper with
                {
                    Origin = row.Origin,
                    Metadata = new OrderedDictionary<string, JsonElement>
                    {
                        ["category"] = JsonSerializer.SerializeToElement(row.Fields[4].Trim()),
                    },
                };
            }
        }
    }
}
