namespace AlpacaCot.Text.Templates;

/// <summary>The prompt templates that come with the project, and those in files.</summary>
public static class PromptTemplates
{
    private static readonly PromptTemplate Alpaca = new()
    {
        Name = "alpaca",
        Description = "Stanford Alpaca, exactly as published: the answer follows \"### Response:\" directly.",
        Preamble = "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
        PreambleWithInput = "Below is an instruction that describes a task, paired with an input that provides further context. "
            + "Write a response that appropriately completes the request.",
        User = "### Instruction:\n{instruction}",
        UserWithInput = "### Instruction:\n{instruction}\n\n### Input:\n{input}",
        Response = "\n\n### Response:",
        Stop = ["### Instruction:"],
    };

    private static readonly PromptTemplate AlpacaLora = Alpaca with
    {
        Name = "alpaca-lora",
        Description = "Alpaca-LoRA: as alpaca, with a newline behind \"### Response:\".",
        Response = "\n\n### Response:\n",
    };

    private static readonly PromptTemplate AlpacaShort = AlpacaLora with
    {
        Name = "alpaca-short",
        Description = "Alpaca-LoRA's shorter form: without the opening sentence.",
        Preamble = "",
        PreambleWithInput = "",
    };

    private static readonly PromptTemplate AlpacaCot = Alpaca with
    {
        Name = "alpaca-cot",
        Description = "The original Alpaca-CoT platform: as alpaca, with a space before the answer and one before EOS.",
        AnswerPrefix = " ",
        AnswerSuffix = " ",
    };

    private static readonly PromptTemplate Plain = new()
    {
        Name = "plain",
        Description = "No headings: plain text for pre-training; a question stands as it is, its answer on the next line.",
        User = "{instruction}",
        UserWithInput = "{instruction}\n{input}",
        AnswerPrefix = "\n",
        Separator = "\n",
    };

    /// <summary>The templates that have a name.</summary>
    public static IReadOnlyList<PromptTemplate> All { get; } =
        [Alpaca, AlpacaLora, AlpacaShort, AlpacaCot, Plain, .. ModelTemplates.All];

    /// <summary>Finds a template by name, or reads it from a JSON file (this project's form or alpaca-lora's).</summary>
    /// <param name="nameOrPath">A name of <see cref="All"/>, or the path of a file.</param>
    /// <exception cref="InputException">There is no such template, or the file holds none.</exception>
    public static PromptTemplate Find(string nameOrPath)
    {
        const StringComparison anyCase = StringComparison.OrdinalIgnoreCase;
        if (Named(nameOrPath) is { } template) return template;
        if (File.Exists(nameOrPath))
            return TemplateJson.Read(ReadText(nameOrPath), nameOrPath, Path.GetFileNameWithoutExtension(nameOrPath));
        if (nameOrPath.EndsWith(".json", anyCase) || nameOrPath.Contains('/') || nameOrPath.Contains('\\'))
            throw new InputException($"{nameOrPath}: there is no such template file.");
        throw new InputException($"There is no prompt template \"{nameOrPath}\". "
            + Spelling.Suggestion(nameOrPath, [.. All.Select(known => known.Name)]));
    }

    /// <summary>The template of that name; null where there is none.</summary>
    internal static PromptTemplate? Named(string name) =>
        All.FirstOrDefault(known => known.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    internal static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: the file cannot be read: {refused.Message}", refused);
        }
    }
}
