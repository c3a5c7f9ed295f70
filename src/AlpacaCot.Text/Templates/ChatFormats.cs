using AlpacaCot.Text.Gguf;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Templates;

/// <summary>Selects the prompt template of a model.</summary>
public static class ChatFormats
{
    /// <summary>The file in an adapter or model folder with the template used in training.</summary>
    public const string FileName = "prompt_template.json";

    /// <summary>The name that selects the model folder's template, even where an adapter has another.</summary>
    public const string OfModel = "model";

    /// <summary>The template of models without one.</summary>
    public const string Standard = "alpaca";

    /// <summary>
    /// Selects the template: the requested one; else the adapter's, then the model's, then that in the tokenizer's
    /// folder; else <see cref="Standard"/>. In each folder <see cref="FileName"/> takes precedence over the chat template.
    /// </summary>
    /// <param name="requested">A name, a file (see <see cref="Find(string)"/>) or <see cref="OfModel"/>; null: no
    /// choice.</param>
    /// <param name="adapter">The adapter folder; null for none.</param>
    /// <param name="model">The model folder or GGUF file; null for none.</param>
    /// <param name="tokenizerPath">The folder or file of the tokenizer; null where it is in the model folder.</param>
    /// <param name="tokenizer">The loaded tokenizer, which may have BOS and EOS that no configuration names; null for
    /// none.</param>
    /// <exception cref="InputException">The template does not exist or is damaged.</exception>
    public static ChatFormatChoice Resolve(string? requested, string? adapter, string? model, string? tokenizerPath = null,
        Tokenizer? tokenizer = null)
    {
        var tokens = tokenizerPath ?? model;
        if (tokenizerPath is not null && File.Exists(tokenizerPath) && !GgufHeader.Looks(tokenizerPath))
            tokenizerPath = Path.GetDirectoryName(Path.GetFullPath(tokenizerPath));
        if (requested == OfModel)
            return Own() ?? throw new InputException($"{model ?? "No model is given"}: the model contains no template "
                + $"({FileName}, {string.Join(", ", ModelChatTemplate.FileNames)}). "
                + $"Choose a built-in one, such as {Standard}, or a file.");
        if (requested is not null) return new(Find(requested, Tokens), ChatFormatOrigin.Asked);
        return In(adapter, ChatFormatOrigin.StoredWithAdapter, ChatFormatOrigin.AdaptersOwn) ?? Own()
            ?? new(PromptTemplates.Find(Standard), ChatFormatOrigin.Standard);

        RoleTokens? Tokens() => tokens is null ? null : RoleTokens.Of(tokens, tokenizer);

        ChatFormatChoice? Own() => In(model, ChatFormatOrigin.StoredWithModel, ChatFormatOrigin.ModelsOwn)
            ?? In(tokenizerPath, ChatFormatOrigin.StoredWithModel, ChatFormatOrigin.ModelsOwn);

        ChatFormatChoice? In(string? folder, ChatFormatOrigin stored, ChatFormatOrigin shipped) =>
            folder is null ? null : InputBoundary.Read(folder, () => OfFolder(folder, stored, shipped));

        ChatFormatChoice? OfFolder(string folder, ChatFormatOrigin stored, ChatFormatOrigin shipped)
        {
            if (Path.Combine(folder, FileName) is var file && File.Exists(file))
                return new(TemplateJson.ReadFormat(File.ReadAllText(file), file, "custom"), stored);
            return ModelChatTemplate.In(folder) is { } found
                ? new(ChatTemplate.Of(found, Tokens() ?? RoleTokens.Of(folder)), shipped) : null;
        }
    }

    /// <summary>
    /// Finds a template by name or reads it from a file: JSON in the format of <see cref="PromptTemplate"/>, of alpaca-lora or of
    /// <see cref="FileName"/>; Jinja; a JSON file with <c>chat_template</c>; a model folder or GGUF file.
    /// </summary>
    /// <exception cref="InputException">The template does not exist, or the file contains none.</exception>
    public static IChatFormat Find(string nameOrPath) => Find(nameOrPath, () => null);

    /// <summary>Reads the JSON of <see cref="IChatFormat.ToJson"/>, and alpaca-lora's.</summary>
    /// <exception cref="InputException">The text is not JSON, or not a valid template.</exception>
    public static IChatFormat FromJson(string json) => TemplateJson.ReadFormat(json, "prompt template", "custom");

    private static IChatFormat Find(string nameOrPath, Func<RoleTokens?> tokens) =>
        InputBoundary.Read(nameOrPath, () => Read(nameOrPath, tokens));

    private static IChatFormat Read(string nameOrPath, Func<RoleTokens?> tokens)
    {
        if (PromptTemplates.Named(nameOrPath) is { } known) return known;
        if (Directory.Exists(nameOrPath) || (File.Exists(nameOrPath) && GgufHeader.Looks(nameOrPath)))
            return ChatTemplate.Load(nameOrPath, tokens());
        if (!File.Exists(nameOrPath)) return PromptTemplates.Find(nameOrPath);   // throws with the list of templates
        var text = PromptTemplates.ReadText(nameOrPath);
        if (!IsJson(nameOrPath, text)) return ChatTemplate.Load(nameOrPath, tokens());
        return TemplateJson.HasChatTemplate(text) ? ChatTemplate.Load(nameOrPath, tokens())
            : TemplateJson.ReadFormat(text, nameOrPath, Path.GetFileNameWithoutExtension(nameOrPath));
    }

    // Jinja may start with a brace too: {{, {% or {#.
    private static bool IsJson(string path, string text) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".json" => true,
        ".jinja" or ".jinja2" or ".j2" => false,
        _ => text.AsSpan().TrimStart() is ['{', not ('{' or '%' or '#'), ..],
    };
}

/// <summary>The origin of a template.</summary>
public enum ChatFormatOrigin
{
    /// <summary>Chosen by name or file.</summary>
    Asked,

    /// <summary>Stored with the adapter: the adapter was trained with it.</summary>
    StoredWithAdapter,

    /// <summary>The chat template in the adapter's folder.</summary>
    AdaptersOwn,

    /// <summary>Stored with the model: the model was trained with it.</summary>
    StoredWithModel,

    /// <summary>The chat template of the model.</summary>
    ModelsOwn,

    /// <summary>The default: no template was chosen and the model has none.</summary>
    Standard,
}

/// <summary>A template with its origin.</summary>
/// <param name="Format">The template.</param>
/// <param name="Origin">The origin.</param>
public sealed record ChatFormatChoice(IChatFormat Format, ChatFormatOrigin Origin)
{
    /// <summary>The template and the reason for its choice, for messages, such as <c>alpaca, stored with the
    /// adapter</c>.</summary>
    public string Description => Origin switch
    {
        ChatFormatOrigin.Asked => $"{Format.Name}, as asked",
        ChatFormatOrigin.StoredWithAdapter => $"{Format.Name}, stored with the adapter",
        ChatFormatOrigin.AdaptersOwn => $"the adapter's own ({Format.Name})",
        ChatFormatOrigin.StoredWithModel => $"{Format.Name}, stored with the model",
        ChatFormatOrigin.ModelsOwn => $"the model's own ({Format.Name})",
        _ => $"{Format.Name}, the default, because the model has no chat template",
    };

    /// <summary>The value of a recipe's <c>template</c> key that selects this template.</summary>
    public string RecipeWord => Origin is ChatFormatOrigin.StoredWithModel or ChatFormatOrigin.ModelsOwn
        ? ChatFormats.OfModel : Format.Name;
}
