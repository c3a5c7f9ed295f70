using System.Globalization;
using AlpacaCot.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace AlpacaCot.Training.Recipes;

/// <summary>Where a value of a recipe stands: a line of its file, or an option of the command line.</summary>
internal readonly record struct Place(string File, int Line, string? Option = null)
{
    /// <summary>The folder that relative paths of this value mean, where it is not that of the recipe.</summary>
    public string? Folder { get; init; }

    public override string ToString() => Option ?? (Line > 0 ? $"{File}:{Line.ToString(CultureInfo.InvariantCulture)}" : File);
}

/// <summary>
/// The YAML of a recipe as a tree in which every node knows its place. Unlike YamlDotNet's own tree it keeps duplicate keys, so
/// that they are reported together with all other errors.
/// </summary>
internal abstract record RecipeNode(Place Place)
{
    private const int DeepestNesting = 16;

    /// <summary>Reads the one document of a recipe.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">What messages call it.</param>
    /// <param name="folder">What its relative paths mean, where it is not the folder of the recipe.</param>
    public static RecipeNode Parse(string yaml, string file, string? folder = null)
    {
        // The one mistake everybody makes, which a YAML parser reports far from where it is.
        foreach (var (i, line) in yaml.Split('\n').Index())
            if (line.TrimStart(' ').StartsWith('\t') && line.Trim() is { Length: > 0 } text && text[0] != '#')
                throw new InputException($"{new Place(file, i + 1)}: this is not valid YAML: the line is indented with a " +
                    "tab; use spaces");
        return Parse(yaml, mark => new Place(file, (int)mark.Line) { Folder = folder }, new Place(file, 1) { Folder = folder });
    }

    /// <summary>
    /// Reads the value of a <c>--set</c> option, which is YAML too: <c>none</c>, <c>1e-4</c>, <c>[q_proj, v_proj]</c>.
    /// </summary>
    public static RecipeNode ParseOption(string yaml, string option)
    {
        var place = new Place("", 0, option);
        return yaml.Length == 0 ? new Scalar(place, "", Quoted: true) : Parse(yaml, _ => place, place);
    }

    private static RecipeNode Parse(string yaml, Func<Mark, Place> at, Place start)
    {
        var parser = new Parser(new StringReader(yaml));
        try
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _)) return new Scalar(start, "", Quoted: false);
            var root = Read(parser, at, 0);
            parser.Consume<DocumentEnd>();
            if (parser.TryConsume<DocumentStart>(out var second))
                throw new InputException($"{at(second.Start)}: a second YAML document starts here; a recipe is one document");
            return root;
        }
        catch (YamlException e)
        {
            throw new InputException($"{at(e.Start)}: this is not valid YAML: {Reason(e)}", e);
        }
    }

    private static RecipeNode Read(Parser parser, Func<Mark, Place> at, int depth)
    {
        var place = at(parser.Current!.Start);
        if (depth > DeepestNesting) throw new InputException($"{place}: nested deeper than any recipe is");
        if (parser.TryConsume<AnchorAlias>(out _) || parser.Current is NodeEvent { Anchor.IsEmpty: false })
            throw new InputException($"{place}: anchors (&) and aliases (*) are not understood in a recipe; write the value " +
                "out, or put quotes around a text that starts with & or *");
        if (parser.Current is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag })
            throw new InputException($"{place}: tags ({tag.Value}) are not understood in a recipe; write the value alone");
        if (parser.TryConsume<YamlDotNet.Core.Events.Scalar>(out var scalar))
            return new Scalar(place, scalar.Value, scalar.Style != ScalarStyle.Plain);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<RecipeNode>();
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Read(parser, at, depth + 1));
            return new Sequence(place, items);
        }
        parser.Consume<MappingStart>();
        var entries = new List<Entry>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyPlace = at(parser.Current!.Start);
            if (Read(parser, at, depth + 1) is not Scalar key)
                throw new InputException($"{keyPlace}: a key of a recipe is a plain word, not a list or a map");
            entries.Add(new Entry(keyPlace, key.Text, Read(parser, at, depth + 1)));
        }
        return new Mapping(place, entries);
    }

    // YamlDotNet's reasons come with their own position in front and often with a second half nobody needs.
    private static string Reason(YamlException e)
    {
        var text = e.Message;
        var start = text.IndexOf("): ", StringComparison.Ordinal);
        return (start < 0 ? text : text[(start + 3)..]).TrimEnd('.', ' ');
    }

    /// <summary>What stands here, for a message: <c>the text "abc"</c>, <c>a list</c>, ...</summary>
    public abstract string Describe();

    /// <summary>The same tree again, to be changed on its own.</summary>
    public RecipeNode Copy() => this switch
    {
        Sequence list => list with { Items = [.. list.Items.Select(item => item.Copy())] },
        Mapping map => map with { Entries = [.. map.Entries.Select(entry => entry with { Value = entry.Value.Copy() })] },
        _ => this,
    };

    /// <summary>Whether it is YAML's null, which stands for the default.</summary>
    public virtual bool IsNull => false;

    internal sealed record Scalar(Place Place, string Text, bool Quoted) : RecipeNode(Place)
    {
        public override bool IsNull => !Quoted && Text is "" or "~" or "null" or "Null" or "NULL";
        public override string Describe() => IsNull ? "nothing" : Quoted ? $"the text \"{Text}\"" : Text;
    }

    internal sealed record Sequence(Place Place, List<RecipeNode> Items) : RecipeNode(Place)
    {
        public override string Describe() => "a list";
    }

    internal sealed record Mapping(Place Place, List<Entry> Entries) : RecipeNode(Place)
    {
        public override string Describe() => Entries.Count == 0 ? "an empty map" : $"a map ({Entries[0].Name}: ...)";
    }

    /// <summary>One line <c>name: value</c> of a map.</summary>
    internal sealed record Entry(Place Place, string Name, RecipeNode Value);
}
