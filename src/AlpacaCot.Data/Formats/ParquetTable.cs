using System.Text.Json;
using AlpacaCot.Text;
using Parquet;
using Parquet.Schema;

namespace AlpacaCot.Data.Formats;

/// <summary>Writes records as a Parquet file: one column per field, of the narrowest type, nested like the values.</summary>
internal static class ParquetTable
{
    private const int GroupRows = 10_000, GroupCharacters = 32 << 20;

    public static void Write(Stream stream, RecordSpool spool)
    {
        if (spool.Columns.Count == 0)
            throw new InputException("There are no records to write; a Parquet file without columns would be unreadable.");
        var fields = spool.Columns.Select(column => FieldOf(column.Key, column.Value)).ToArray();
        var schema = new ParquetSchema(fields);
        var writer = ParquetWriter.CreateAsync(schema, stream).GetAwaiter().GetResult();
        writer.CustomMetadata = new Dictionary<string, string>
        {
            [ParquetRecords.JsonColumns] = JsonSerializer.Serialize(spool.Columns.Where(c => c.Value.IsJson).Select(c => c.Key)),
        };
        var columns = spool.Columns.Zip(fields, (column, field) => new TableColumn(column.Key, column.Value, field)).ToList();
        var rows = 0;
        foreach (var record in spool.Records())
        {
            foreach (var column in columns) column.Add(record);
            if (++rows < GroupRows && columns.Sum(c => c.Characters) < GroupCharacters) continue;
            WriteGroup(writer, columns);
            rows = 0;
        }
        if (rows > 0) WriteGroup(writer, columns);
        writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static void WriteGroup(ParquetWriter writer, List<TableColumn> columns)
    {
        using var group = writer.CreateRowGroup();
        foreach (var leaf in columns.SelectMany(column => column.Leaves)) leaf.Write(group);
    }

    private static Field FieldOf(string name, ColumnShape shape) => (shape.IsJson ? ColumnShape.Kinds.Json : shape.Kind) switch
    {
        ColumnShape.Kinds.Whole => new DataField(name, typeof(long), true),
        ColumnShape.Kinds.Real => new DataField(name, typeof(double), true),
        ColumnShape.Kinds.Flag => new DataField(name, typeof(bool), true),
        ColumnShape.Kinds.List => new ListField(name, FieldOf("element", shape.Item!)),
        ColumnShape.Kinds.Group => new StructField(name, [.. shape.Members.Select(member => FieldOf(member.Key, member.Value))]),
        _ => new DataField(name, typeof(string), true),
    };

    /// <summary>One field of the records, split into its primitive columns (Dremel).</summary>
    private sealed class TableColumn(string name, ColumnShape shape, Field field)
    {
        private readonly Dictionary<string, LeafBuffer> _leaves =
            LeavesOf(field).ToDictionary(leaf => leaf.Path.ToString(), leaf => new LeafBuffer(leaf));

        public IEnumerable<LeafBuffer> Leaves => _leaves.Values;
        public long Characters => _leaves.Values.Sum(leaf => leaf.Characters);

        public void Add(JsonElement record) => Add(field, shape, record.TryGetProperty(name, out var value) ? value : null, 0, 0);

        private void Add(Field at, ColumnShape kind, JsonElement? value, int definition, int repetition)
        {
            if (value is not { } given || at is DataField)
            {
                foreach (var leaf in LeavesOf(at)) _leaves[leaf.Path.ToString()].Add(value, kind, definition, repetition);
                return;
            }
            if (at is StructField group)
            {
                foreach (var member in group.Fields)
                    Add(member, kind.Members[member.Name],
                        given.TryGetProperty(member.Name, out var inner) && inner.ValueKind != JsonValueKind.Null ? inner : null,
                        definition + 1, repetition);
                return;
            }
            var list = (ListField)at;
            var first = true;
            foreach (var element in given.EnumerateArray())
            {
                Add(list.Item, kind.Item!, element, definition + 2, first ? repetition : list.MaxRepetitionLevel);
                first = false;
            }
            if (!first) return;
            foreach (var leaf in LeavesOf(list)) _leaves[leaf.Path.ToString()].Add(null, kind, definition + 1, repetition);
        }

        private static IEnumerable<DataField> LeavesOf(Field field) => field switch
        {
            StructField group => group.Fields.SelectMany(LeavesOf),
            ListField list => LeavesOf(list.Item),
            _ => [(DataField)field],
        };
    }

    private sealed class LeafBuffer(DataField field)
    {
        private readonly List<int> _definition = [], _repetition = [];
        private readonly List<ReadOnlyMemory<char>> _texts = [];
        private readonly List<long> _wholes = [];
        private readonly List<double> _reals = [];
        private readonly List<bool> _flags = [];

        public long Characters { get; private set; }

        public void Add(JsonElement? value, ColumnShape shape, int definition, int repetition)
        {
            _repetition.Add(repetition);
            _definition.Add(value is null ? definition : definition + 1);
            if (value is not { } given) return;
            if (field.ClrType == typeof(long)) _wholes.Add(given.GetInt64());
            else if (field.ClrType == typeof(double)) _reals.Add(given.GetDouble());
            else if (field.ClrType == typeof(bool)) _flags.Add(given.GetBoolean());
            else
            {
                var text = shape.IsJson ? given.GetRawText() : given.GetString()!;
                _texts.Add(text.AsMemory());
                Characters += text.Length;
            }
        }

        public void Write(ParquetRowGroupWriter group)
        {
            if (field.ClrType == typeof(long)) Write(group, _wholes);
            else if (field.ClrType == typeof(double)) Write(group, _reals);
            else if (field.ClrType == typeof(bool)) Write(group, _flags);
            else Write(group, _texts);
            _definition.Clear();
            _repetition.Clear();
            Characters = 0;
        }

        private void Write<T>(ParquetRowGroupWriter group, List<T> values) where T : struct
        {
            group.WriteAllPartsAsync<T>(field, values.ToArray(), _definition.ToArray(),
                field.MaxRepetitionLevel > 0 ? _repetition.ToArray() : null, CancellationToken.None).GetAwaiter().GetResult();
            values.Clear();
        }
    }
}
