using System.Text;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>One row of a tab-separated file.</summary>
/// <param name="Fields">Its fields.</param>
/// <param name="Number">Its number, counted from 1.</param>
/// <param name="File">The file.</param>
internal readonly record struct TabRow(string[] Fields, long Number, string File)
{
    /// <summary>Where it is, for messages.</summary>
    public string Origin => $"{File}, record {Number}";
}

/// <summary>
/// Tab-separated rows without a header. With quotes they are read by the rules of Python's <c>csv.reader</c> with a tab as
/// delimiter: a field that begins with a quote ends at the next single one, two stand for one, and line ends in between belong to
/// it; quotes elsewhere are text. Without, every tab and line end counts and every quote is text.
/// </summary>
internal static class TabRows
{
    private const int LongestField = 131_072;   // as in Python: a longer one means a quote that was never closed

    public static IEnumerable<TabRow> Read(string file, bool quotes, int columns, ReadOptions reading)
    {
        var number = 0L;
        foreach (var fields in Rows(file, quotes, reading))
        {
            number++;
            if (fields.Length == columns)
            {
                yield return new(fields, number, file);
                continue;
            }
            var bad = $"{file}, record {number}: it has {fields.Length} columns, expected {columns} with tabs between them"
                + (quotes ? "; if quotes are plain text here, read it without quotes." : ".");
            if (!reading.SkipBad) throw new InputException(bad);
            reading.OnBadRecord?.Invoke(bad);
        }
        if (number == 0) throw new InputException($"{file}: the file is empty.");
    }

    private static IEnumerable<string[]> Rows(string file, bool quotes, ReadOptions reading)
    {
        using var plain = RecordFile.Open(file);
        using var stream = Unpacking.Open(plain, reading.LargestExpansion, out _, out _);
        using var reader = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true), true, 1 << 16);
        var fields = new List<string>();
        var field = new StringBuilder();
        // Closing: the last character was a quote in a quoted field.
        var (row, quoted, closing, begun) = (1L, false, false, false);
        while (Next() is >= 0 and var code)
        {
            var c = (char)code;
            if (c == '\r')
            {
                if (reader.Peek() == '\n') continue;
                c = '\n';
            }
            if (quoted && !closing)
            {
                if (c == '"') closing = true;
                else Add(c);
                continue;
            }
            if (closing && c == '"')
            {
                Add('"');
                closing = false;
                continue;
            }
            if (c is '\t' or '\n')
            {
                EndField();
                if (c == '\t')
                {
                    begun = true;
                    continue;
                }
                yield return fields.ToArray();
                fields.Clear();
                row++;
                begun = false;
                continue;
            }
            if (quotes && c == '"' && field.Length == 0 && !quoted) quoted = true;
            else
            {
                (quoted, closing) = (quoted && !closing, false);
                Add(c);
            }
            begun = true;
        }
        if (!begun) yield break;
        EndField();
        yield return fields.ToArray();

        int Next()
        {
            try
            {
                return reader.Read();
            }
            catch (InvalidDataException damaged)
            {
                throw new InputException($"{file}: near record {row}: {damaged.Message}.", damaged);
            }
            catch (DecoderFallbackException wrong)
            {
                throw new InputException(
                    $"{file}: near record {row} there are bytes that are not UTF-8; convert the file to UTF-8.", wrong);
            }
        }

        void Add(char c)
        {
            if (field.Length >= LongestField && quoted)
                throw new InputException($"{file}, record {row}: a quoted field is longer than {LongestField} characters, so its "
                    + "closing quote is missing; if quotes are plain text here, read the file without quotes.");
            field.Append(c);
        }

        void EndField()
        {
            fields.Add(field.ToString());
            field.Clear();
            (quoted, closing) = (false, false);
        }
    }
}
