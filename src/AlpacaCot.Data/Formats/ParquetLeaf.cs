using System.Globalization;
using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// One primitive column of a row group, read value by value with its definition and repetition levels (Dremel).
/// </summary>
internal sealed class ParquetLeaf : IDisposable
{
    private readonly RawColumnData _data;
    private readonly Action<Utf8JsonWriter, int> _write;
    private readonly int _maxDefinition, _count;
    private readonly bool _repeats;
    private int _at, _value;

    private ParquetLeaf(RawColumnData data, DataField field)
    {
        (_data, _maxDefinition, _repeats) = (data, field.MaxDefinitionLevel, field.MaxRepetitionLevel > 0);
        (_write, var values) = Writer(data);
        _count = _maxDefinition > 0 ? data.DefinitionLevels.Length : _repeats ? data.RepetitionLevels.Length : values;
        if (_repeats && data.RepetitionLevels.Length < _count)
            throw new InvalidDataException($"column {field.Path} lacks levels");
    }

    /// <summary>Reads a whole column of a row group.</summary>
    public static ParquetLeaf Read(ParquetRowGroupReader group, DataField field) =>
        new(group.ReadRawColumnDataBaseAsync(field, CancellationToken.None).AsTask().GetAwaiter().GetResult(), field);

    public bool IsAtEnd => _at >= _count;
    public int Definition => IsAtEnd ? throw Short() : _maxDefinition == 0 ? 0 : _data.DefinitionLevels[_at];
    public int Repetition => IsAtEnd ? throw Short() : _repeats ? _data.RepetitionLevels[_at] : 0;
    public bool HasValue => Definition == _maxDefinition;

    public void Advance()
    {
        if (HasValue) _value++;
        _at++;
    }

    public void WriteValue(Utf8JsonWriter json) => _write(json, _value);

    /// <summary>Writes the current value of a column that contains JSON text.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        if (_data is RawColumnData<ReadOnlyMemory<char>> text)
            json.WriteRawValue(text.Values[_value].Span, skipInputValidation: false);
        else WriteValue(json);
    }

    private static InvalidDataException Short() => new("a column has fewer values than the others");

    private static (Action<Utf8JsonWriter, int>, int) Writer(RawColumnData data) => data switch
    {
        RawColumnData<ReadOnlyMemory<char>> c => ((json, i) => json.WriteStringValue(c.Values[i].Span), c.Values.Length),
        RawColumnData<ReadOnlyMemory<byte>> c => ((json, i) => json.WriteBase64StringValue(c.Values[i].Span), c.Values.Length),
        RawColumnData<bool> c => ((json, i) => json.WriteBooleanValue(c.Values[i]), c.Values.Length),
        RawColumnData<long> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<ulong> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<int> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<uint> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<short> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<ushort> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<byte> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<sbyte> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<decimal> c => ((json, i) => json.WriteNumberValue(c.Values[i]), c.Values.Length),
        RawColumnData<double> c => ((json, i) => WriteNumber(json, c.Values[i]), c.Values.Length),
        RawColumnData<float> c => ((json, i) => WriteNumber(json, c.Values[i]), c.Values.Length),
        RawColumnData<DateTime> c => ((json, i) => json.WriteStringValue(c.Values[i]), c.Values.Length),
        RawColumnData<Guid> c => ((json, i) => json.WriteStringValue(c.Values[i]), c.Values.Length),
        RawColumnData<TimeSpan> c => ((json, i) =>
            json.WriteStringValue(c.Values[i].ToString("c", CultureInfo.InvariantCulture)), c.Values.Length),
        _ => throw new InvalidDataException(
            $"values of the type {data.GetType().GenericTypeArguments.FirstOrDefault()?.Name} cannot be read"),
    };

    private static void WriteNumber<T>(Utf8JsonWriter json, T value) where T : System.Numerics.IFloatingPointIeee754<T>
    {
        if (!T.IsFinite(value)) json.WriteStringValue(value.ToString(null, CultureInfo.InvariantCulture));
        else json.WriteRawValue(value.ToString("R", CultureInfo.InvariantCulture));
    }

    public void Dispose() => _data.Dispose();
}
