namespace AlpacaCot.Text.Templates;

/// <summary>The built-in prompt templates, and templates in files.</summary>
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
        Description = "Alpaca-LoRA: as alpaca, with a newline after \"### Response:\".",
        Response = "\n\n### Response:\n",
    };

    private static readonly PromptTemplate AlpacaShort = AlpacaLora with
    {
        Name = "alpaca-short",
        Description = "Alpaca-LoRA's shorter variant: without the opening sentence.",
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
        Description = "No headers: plain text for pre-training; a question unchanged, its answer on the next line.",
        User = "{instruction}",
        UserWithInput = "{instruction}\n{input}",
        AnswerPrefix = "\n",
        Separator = "\n",
        Opening = "any",
    };

    /// <summary>The built-in templates.</summary>
    public static IReadOnlyList<PromptTemplate> All { get; } =
        [Alpaca, AlpacaLora, AlpacaShort, AlpacaCot, Plain, .. ModelTemplates.All];

    /// <summary>Finds a template by name, or reads it from a JSON file (this project's format or alpaca-lora's).</summary>
    /// <param name="nameOrPath">A name of <see cref="All"/>, or the path of a file.</param>
    /// <exception cref="InputException">The template does not exist, or the file contains none.</exception>
    public static PromptTemplate Find(string nameOrPath)
    {
        const StringComparison anyCase = StringComparison.OrdinalIgnoreCase;
        if (Named(nameOrPath) is { } template) return template;
        if (File.Exists(nameOrPath))
            return TemplateJson.Read(ReadText(nameOrPath), nameOrPath, Path.GetFileNameWithoutExtension(nameOrPath));
        if (nameOrPath.EndsWith(".json", anyCase) || nameOrPath.Contains('/') || nameOrPath.Contains('\\'))
            throw new InputException($"{nameOrPath}: the template file does not exist.");
        throw new InputException($"Unknown prompt template \"{nameOrPath}\". "
            + Spelling.Suggestion(nameOrPath, [.. All.Select(known => known.Name)]));
    }

    /// <summary>The built-in template of a name; null for an unknown name.</summary>
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
            throw ReadProblem.Explain(refused, path);
        }
    }
}
