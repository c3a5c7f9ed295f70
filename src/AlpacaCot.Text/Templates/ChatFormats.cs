using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Templates;

/// <summary>Finds the template of a model: the one place that decides which is used.</summary>
public static class ChatFormats
{
    /// <summary>The file in an adapter or model folder that keeps the template it was trained with.</summary>
    public const string FileName = "prompt_template.json";

    /// <summary>The word that asks for the template of the model folder, whatever an adapter brings.</summary>
    public const string OfModel = "model";

    /// <summary>The template of models that bring none.</summary>
    public const string Standard = "alpaca";

    /// <summary>
    /// Decides which template is used: the wanted one; else the one of the adapter, then of the model, then of the tokenizer's
    /// folder; else <see cref="Standard"/>. In each folder <see cref="FileName"/> goes before the chat template.
    /// </summary>
    /// <param name="wanted">A name, a file (see <see cref="Find(string)"/>) or <see cref="OfModel"/>; null: nothing was
    /// chosen.</param>
    /// <param name="adapter">The folder of the adapter, if there is one.</param>
    /// <param name="model">The model folder or GGUF file, if there is one.</param>
    /// <param name="tokenizerPath">The folder or file of the tokenizer, where it is not in the model folder.</param>
    /// <param name="tokenizer">The tokenizer, if it is loaded: it knows tokens that no configuration names.</param>
    /// <exception cref="InputException">There is no such template, or it is damaged.</exception>
    public static ChatFormatChoice Resolve(string? wanted, string? adapter, string? model, string? tokenizerPath = null,
        Tokenizer? tokenizer = null)
    {
        var tokens = tokenizerPath ?? model;
        if (tokenizerPath is not null && File.Exists(tokenizerPath) && !GgufHeader.Looks(tokenizerPath))
            tokenizerPath = Path.GetDirectoryName(Path.GetFullPath(tokenizerPath));
        if (wanted == OfModel)
            return Own() ?? throw new InputException($"{model ?? "No model is named"}: the model has no template of its "
                + $"own ({FileName}, {string.Join(", ", ModelChatTemplate.FileNames)}). "
                + $"Choose a built-in one, as {Standard}, or a file.");
        if (wanted is not null) return new(Find(wanted, Tokens), ChatFormatOrigin.Asked);
        return In(adapter, ChatFormatOrigin.StoredWithAdapter, ChatFormatOrigin.AdaptersOwn) ?? Own()
            ?? new(PromptTemplates.Find(Standard), ChatFormatOrigin.Standard);

        RoleTokens? Tokens() => tokens is null ? null : RoleTokens.Of(tokens, tokenizer);

        ChatFormatChoice? Own() => In(model, ChatFormatOrigin.StoredWithModel, ChatFormatOrigin.ModelsOwn)
            ?? In(tokenizerPath, ChatFormatOrigin.StoredWithModel, ChatFormatOrigin.ModelsOwn);

        ChatFormatChoice? In(string? folder, ChatFormatOrigin stored, ChatFormatOrigin itsOwn)
        {
            if (folder is null) return null;
            if (Path.Combine(folder, FileName) is var file && File.Exists(file))
                return new(TemplateJson.ReadFormat(File.ReadAllText(file), file, "custom"), stored);
            return ModelChatTemplate.In(folder) is { } found
                ? new(ChatTemplate.Of(found, Tokens() ?? RoleTokens.Of(folder)), itsOwn) : null;
        }
    }

    /// <summary>
    /// Finds a template by name or reads it from a file: JSON in the form of <see cref="PromptTemplate"/>, of alpaca-lora or of
    /// <see cref="FileName"/>; Jinja; a JSON file with <c>chat_template</c>; a model folder or GGUF file.
    /// </summary>
    /// <exception cref="InputException">There is no such template, or the file holds none.</exception>
    public static IChatFormat Find(string nameOrPath) => Find(nameOrPath, () => null);

    /// <summary>Reads the JSON of <see cref="IChatFormat.ToJson"/>, and alpaca-lora's.</summary>
    /// <exception cref="InputException">The text is not JSON, or not a template that can work.</exception>
    public static IChatFormat FromJson(string json) => TemplateJson.ReadFormat(json, "prompt template", "custom");

    private static IChatFormat Find(string nameOrPath, Func<RoleTokens?> tokens)
    {
        if (PromptTemplates.Named(nameOrPath) is { } known) return known;
        if (Directory.Exists(nameOrPath) || (File.Exists(nameOrPath) && GgufHeader.Looks(nameOrPath)))
            return ChatTemplate.Load(nameOrPath, tokens());
        if (!File.Exists(nameOrPath)) return PromptTemplates.Find(nameOrPath);   // says what there is
        var text = PromptTemplates.ReadText(nameOrPath);
        if (!IsJson(nameOrPath, text)) return ChatTemplate.Load(nameOrPath, tokens());
        return TemplateJson.HasChatTemplate(text) ? ChatTemplate.Load(nameOrPath, tokens())
            : TemplateJson.ReadFormat(text, nameOrPath, Path.GetFileNameWithoutExtension(nameOrPath));
    }

    // Jinja may begin with a brace too: {{, {% or {#.
    private static bool IsJson(string path, string text) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".json" => true,
        ".jinja" or ".jinja2" or ".j2" => false,
        _ => text.AsSpan().TrimStart() is ['{', not ('{' or '%' or '#'), ..],
    };
}

/// <summary>Where a template comes from.</summary>
public enum ChatFormatOrigin
{
    /// <summary>It was chosen by name or file.</summary>
    Asked,

    /// <summary>The adapter was trained with it.</summary>
    StoredWithAdapter,

    /// <summary>The chat template in the adapter's folder.</summary>
    AdaptersOwn,

    /// <summary>The model was trained with it.</summary>
    StoredWithModel,

    /// <summary>The chat template of the model.</summary>
    ModelsOwn,

    /// <summary>Nothing was chosen and the model has no template.</summary>
    Standard,
}

/// <summary>A template and where it comes from.</summary>
/// <param name="Format">The template.</param>
/// <param name="Origin">Where it comes from.</param>
public sealed record ChatFormatChoice(IChatFormat Format, ChatFormatOrigin Origin)
{
    /// <summary>The template and the reason for it, for people, as <c>alpaca, stored with the adapter</c>.</summary>
    public string Description => Origin switch
    {
        ChatFormatOrigin.Asked => $"{Format.Name}, as asked",
        ChatFormatOrigin.StoredWithAdapter => $"{Format.Name}, stored with the adapter",
        ChatFormatOrigin.AdaptersOwn => $"the adapter's own ({Format.Name})",
        ChatFormatOrigin.StoredWithModel => $"{Format.Name}, stored with the model",
        ChatFormatOrigin.ModelsOwn => $"the model's own ({Format.Name})",
        _ => $"{Format.Name}, the default, because the model has no chat template",
    };

    /// <summary>What a recipe says to get this template where it chose none.</summary>
    public string RecipeWord => Origin is ChatFormatOrigin.StoredWithModel or ChatFormatOrigin.ModelsOwn
        ? ChatFormats.OfModel : Format.Name;
}
