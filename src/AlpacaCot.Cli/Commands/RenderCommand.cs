using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>render</c>: shows the text that a chat template makes of messages, and its supervised parts.</summary>
internal sealed class RenderCommand(Terminal terminal)
{
    private readonly Option<string> _template = new("--template")
    {
        Description = "Prompt template: a name, a Jinja file, a tokenizer_config.json, or a model folder", HelpName = "NAME",
        Required = true,
    };

    private readonly Option<string> _messages = Options.File("--messages",
        "JSON list of messages, each with role and content", required: true);

    private readonly Option<string> _tools = Options.File("--tools", "JSON list of tool definitions");
    private readonly Option<bool> _prompt = new("--add-generation-prompt")
    {
        Description = "End with the header of the next assistant turn",
    };

    private readonly Option<string> _variables = Options.File("--variables",
        "JSON object with further variables, for example bos_token and eos_token");

    private readonly Option<string> _date = new("--date")
    {
        Description = "Date that strftime_now returns, for example 2024-07-26. Default: today", HelpName = "DATE",
    };

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new RenderCommand(terminal);
        return new DocumentedCommand("render", CommandGroup.Data,
            "Show the text that a chat template makes of messages, and its supervised parts",
            "render --template chatml --messages messages.json",
            "render --template path/to/model --messages messages.json --tools tools.json --add-generation-prompt",
            "render --template llama3.jinja --messages messages.json --variables tokens.json --json")
        {
            command._template, command._messages, command._tools, command._prompt, command._variables, command._date,
            command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var input = new ChatInput
        {
            Messages = Messages(parsed.GetValue(_messages)!),
            Tools = parsed.GetValue(_tools) is { } path ? Read(path, JsonValueKind.Array, "a list of tools") : null,
            AddGenerationPrompt = parsed.GetValue(_prompt),
            Variables = parsed.GetValue(_variables) is { } given
                ? Read(given, JsonValueKind.Object, "an object of variables").EnumerateObject()
                    .DistinctBy(v => v.Name).ToDictionary(v => v.Name, v => v.Value) : [],
            Now = Day(parsed.GetValue(_date)),
        };
        var name = parsed.GetValue(_template)!;
        var (text, supervised) = ChatFormats.Find(name) switch
        {
            ChatTemplate jinja => FromJinja(jinja, input, terminal),
            var format => FromSegments((PromptTemplate)format, input, parsed.GetValue(_messages)!),
        };
        if (parsed.GetValue(_json)) WriteJson(text, supervised, terminal);
        else terminal.Exact.WriteLine(text);
        return ExitCode.Done;
    }

    private static Option<string> File(string name, string description) =>
        new(name) { Description = description, HelpName = "FILE" };

    private static (string, IReadOnlyList<Range>?) FromJinja(ChatTemplate template, ChatInput input, Terminal terminal)
    {
        var plain = template.Render(input).Text;
        try
        {
            return template.RenderSupervised(input);
        }
        catch (InputException unknown)
        {
            terminal.Error.WriteLine($"The supervised parts cannot be determined. {unknown.Message}");
            return (plain, null);
        }
    }

    private static (string, IReadOnlyList<Range>?) FromSegments(PromptTemplate template, ChatInput input, string path)
    {
        var conversation = Read(input, path);
        var (text, spans) = (Token(input, "bos_token", ""), new List<Range>());
        foreach (var segment in template.Render(conversation))
        {
            var start = text.Length;
            text += segment.Special == SpecialToken.Eos ? Token(input, "eos_token", "</s>") : segment.Text;
            if (!segment.Supervised) continue;
            if (spans.Count > 0 && spans[^1].End.Value == start) spans[^1] = spans[^1].Start..text.Length;
            else spans.Add(start..text.Length);
        }
        return (input.AddGenerationPrompt ? text + template.Response : text, spans);
    }

    private static string Token(ChatInput input, string name, string standard) =>
        input.Variables.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()!
            : standard;

    // Messages are a record of the format openai, read as training reads it.
    private static Conversation Read(ChatInput input, string path)
    {
        using var record = new MemoryStream();
        using (var json = new Utf8JsonWriter(record))
        {
            json.WriteStartObject();
            json.WritePropertyName("messages");
            input.Messages.WriteTo(json);
            if (input.Tools is { } tools)
            {
                json.WritePropertyName("tools");
                tools.WriteTo(json);
            }
            json.WriteEndObject();
        }
        record.Position = 0;
        return InstructionFile.Read(record, path, new() { Format = "openai" }).Single() with { Origin = path };
    }

    private static JsonElement Messages(string path)
    {
        var root = Read(path, null, "a list of messages");
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("messages", out var inner)) root = inner;
        return root.ValueKind == JsonValueKind.Array ? root : throw new InputException($"{path}: expected a list of messages");
    }

    private static JsonElement Read(string path, JsonValueKind? kind, string what)
    {
        try
        {
            var root = JsonElement.Parse(System.IO.File.ReadAllText(path));
            return kind is null || root.ValueKind == kind ? root : throw new InputException($"{path}: expected {what}");
        }
        catch (JsonException broken)
        {
            throw new InputException($"{path}, line {broken.LineNumber + 1}: the file is not valid JSON", broken);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw ReadProblem.Explain(refused, path);
        }
    }

    private static DateTime Day(string? date) => date is null ? DateTime.Now
        : DateTime.TryParse(date, CultureInfo.InvariantCulture, out var day) ? day
        : throw new InputException($"--date: found '{date}', allowed is a date, for example 2024-07-26");

    private static void WriteJson(string text, IReadOnlyList<Range>? supervised, Terminal terminal)
    {
        terminal.WriteJson(w => w.Object(o =>
        {
            o.WriteString("text", text);
            if (supervised is null) o.WriteNull("supervised");
            else o.Array("supervised", supervised, span => o.Ids([Characters(span.Start.Value), Characters(span.End.Value)]));
        }));

        // Offsets count Unicode characters, some of which are two chars in .NET strings.
        int Characters(int offset) => text[..offset].EnumerateRunes().Count();
    }
}
