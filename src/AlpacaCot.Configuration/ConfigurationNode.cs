using AlpacaCot.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace AlpacaCot.Configuration;

/// <summary>
/// YAML as a tree in which every node knows its location. Unlike YamlDotNet's own tree it keeps duplicate keys, so that they are
/// reported together with all other errors.
/// </summary>
/// <param name="Location">The location of the value in its source.</param>
public abstract record ConfigurationNode(SourceLocation Location)
{
    private const int DeepestNesting = 16;

    /// <summary>Reads a file of one YAML document.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">The file as messages name it.</param>
    /// <param name="schema">The kind of file, for messages.</param>
    /// <param name="folder">The folder that its relative paths start from; null: the folder of the main file.</param>
    /// <exception cref="InputException">Not valid YAML, or a feature of YAML that these files do not use.</exception>
    public static ConfigurationNode Parse(string yaml, string file, Schema schema, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        var lines = yaml.Split('\n');
        InputException Wrong(YamlMistakes.Mistake mistake, Exception? cause)
        {
            var message = YamlMistakes.Message(new SourceLocation(file, mistake.Line + 1), lines, mistake);
            return cause is null ? new InputException(message) : new InputException(message, cause);
        }
        // The YAML parser reports these at a misleading location, or not at all.
        if (YamlMistakes.Before(lines) is { } early) throw Wrong(early, null);
        return Parse(yaml, schema.Kind, mark => new SourceLocation(file, (int)mark.Line) { Folder = folder },
            new SourceLocation(file, 1) { Folder = folder },
            (mark, reason, cause) => Wrong(YamlMistakes.Behind(lines, (int)mark.Line - 1, (int)mark.Column - 1, reason), cause));
    }

    /// <summary>
    /// Reads the value of a <c>--set</c> option, which is YAML too: <c>none</c>, <c>1e-4</c>, <c>[q_proj, v_proj]</c>.
    /// </summary>
    /// <param name="yaml">The option's value.</param>
    /// <param name="option">The option as messages name it.</param>
    /// <param name="schema">The kind of file, for messages.</param>
    /// <exception cref="InputException">Not valid YAML, or a feature of YAML that these files do not use.</exception>
    public static ConfigurationNode ParseOption(string yaml, string option, Schema schema)
    {
        var location = new SourceLocation("", 0, option);
        return yaml.Length == 0 ? new Scalar(location, "", Quoted: true) : Parse(yaml, schema.Kind, _ => location, location,
            (mark, reason, cause) => new InputException($"{location}: this is not valid YAML: "
                + YamlMistakes.Behind([yaml], 0, (int)mark.Column - 1, reason).What, cause));
    }

    private static ConfigurationNode Parse(string yaml, string kind, Func<Mark, SourceLocation> at, SourceLocation start,
        Func<Mark, string, Exception, InputException> wrong)
    {
        var parser = new Parser(new StringReader(yaml));
        try
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _)) return new Scalar(start, "", Quoted: false);
            var root = Read(parser, kind, at, 0);
            parser.Consume<DocumentEnd>();
            if (parser.TryConsume<DocumentStart>(out var second))
                throw new InputException($"{at(second.Start)}: a second YAML document starts here; a {kind} is one document");
            return root;
        }
        catch (YamlException e)
        {
            throw wrong(e.Start, Reason(e), e);
        }
        // The parser fails on some texts, such as a map that is left open, with exceptions of its own code.
        catch (Exception e) when (InputBoundary.IsOfContent(e))
        {
            throw wrong(parser.Current?.End ?? Mark.Empty, "the text ends, or goes on, where this cannot be", e);
        }
    }

    private static ConfigurationNode Read(Parser parser, string kind, Func<Mark, SourceLocation> at, int depth)
    {
        var location = at(parser.Current!.Start);
        if (depth > DeepestNesting)
            throw new InputException($"{location}: nested more than {DeepestNesting} levels deep; a {kind} needs fewer");
        if (parser.TryConsume<AnchorAlias>(out _) || parser.Current is NodeEvent { Anchor.IsEmpty: false })
            throw new InputException($"{location}: anchors (&) and aliases (*) are not allowed in a {kind}; write the value " +
                "out, or put quotes around a text that starts with & or *");
        if (parser.Current is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag })
            throw new InputException($"{location}: tags ({tag.Value}) are not allowed in a {kind}; write the value alone");
        if (parser.Current is YamlDotNet.Core.Events.Scalar { Style: ScalarStyle.Plain, Value: var text }
            && YamlMistakes.IsCurlyQuoted(text))
            throw new InputException($"{location}: the quotation marks of {text} are typographic, so they would be part of the "
                + "text; write \" or '");
        if (parser.TryConsume<YamlDotNet.Core.Events.Scalar>(out var scalar))
            return new Scalar(location, scalar.Value, scalar.Style != ScalarStyle.Plain);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<ConfigurationNode>();
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Read(parser, kind, at, depth + 1));
            return new Sequence(location, items);
        }
        parser.Consume<MappingStart>();
        var entries = new List<Entry>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyLocation = at(parser.Current!.Start);
            if (Read(parser, kind, at, depth + 1) is not Scalar key)
                throw new InputException($"{keyLocation}: a key of a {kind} is a plain word, not a list or a map");
            entries.Add(new Entry(keyLocation, key.Text, Read(parser, kind, at, depth + 1)));
        }
        return new Mapping(location, entries);
    }

    // YamlDotNet's messages begin with their own position, which SourceLocation already gives.
    private static string Reason(YamlException e)
    {
        var text = e.Message;
        var start = text.IndexOf("): ", StringComparison.Ordinal);
        return (start < 0 ? text : text[(start + 3)..]).TrimEnd('.', ' ');
    }

    /// <summary>The value for a message: <c>the text "abc"</c>, <c>a list</c>, ...</summary>
    public abstract string Describe();

    /// <summary>A remedy for characters in the value that its author most likely means otherwise; null for none.</summary>
    public string? Hint => this is Scalar scalar ? YamlMistakes.Hint(scalar.Text, scalar.Quoted) : null;

    /// <summary>As <see cref="Hint"/>, as the end of a message about a file that does not exist; empty for none.</summary>
    /// <param name="path">The path as it was written.</param>
    public static string HintOf(string path) =>
        YamlMistakes.Hint(Path.GetFileName(path), quoted: false) is { } hint ? $" ({hint})" : "";

    /// <summary>A deep copy of the tree's lists and maps.</summary>
    public ConfigurationNode Copy() => this switch
    {
        Sequence list => list with { Items = [.. list.Items.Select(item => item.Copy())] },
        Mapping map => map with { Entries = [.. map.Entries.Select(entry => entry with { Value = entry.Value.Copy() })] },
        _ => this,
    };

    /// <summary>A map with this node as its one entry.</summary>
    public Mapping AsEntry(string name) => new(Location, [new Entry(Location, name, this)]);

    /// <summary>The entries of a list; any other node is a list of one.</summary>
    public IReadOnlyList<ConfigurationNode> AsList => this is Sequence list ? list.Items : [this];

    /// <summary>The texts of a list of words, or of one word; null where any entry is empty, a list or a map.</summary>
    public IReadOnlyList<string>? Words => AsList.All(item => item is Scalar { Text.Length: > 0 })
        ? [.. AsList.Cast<Scalar>().Select(scalar => scalar.Text)] : null;

    /// <summary>Whether it is YAML's null, which keeps the default.</summary>
    public virtual bool IsNull => false;

    /// <summary>One value.</summary>
    /// <param name="Location">The location of the value in its source.</param>
    /// <param name="Text">Its text, without quotes.</param>
    /// <param name="Quoted">Whether it was in quotes, so that it is a text and not a number, true, false or null.</param>
    public sealed record Scalar(SourceLocation Location, string Text, bool Quoted) : ConfigurationNode(Location)
    {
        /// <inheritdoc/>
        public override bool IsNull => !Quoted && Text is "" or "~" or "null" or "Null" or "NULL";

        /// <inheritdoc/>
        public override string Describe() => IsNull ? "nothing" : Quoted ? $"the text \"{Text}\"" : Text;
    }

    /// <summary>A list.</summary>
    /// <param name="Location">The location of the list in its source.</param>
    /// <param name="Items">Its entries.</param>
    public sealed record Sequence(SourceLocation Location, List<ConfigurationNode> Items) : ConfigurationNode(Location)
    {
        /// <inheritdoc/>
        public override string Describe() => "a list";
    }

    /// <summary>A map.</summary>
    /// <param name="Location">The location of the map in its source.</param>
    /// <param name="Entries">Its entries in the order of the file; duplicate keys are kept.</param>
    public sealed record Mapping(SourceLocation Location, List<Entry> Entries) : ConfigurationNode(Location)
    {
        /// <inheritdoc/>
        public override string Describe() => Entries.Count == 0 ? "an empty map" : $"a map ({Entries[0].Name}: ...)";
    }

    /// <summary>One line <c>name: value</c> of a map.</summary>
    /// <param name="Location">The location of the key in its source.</param>
    /// <param name="Name">The key.</param>
    /// <param name="Value">The value.</param>
    public sealed record Entry(SourceLocation Location, string Name, ConfigurationNode Value);
}
