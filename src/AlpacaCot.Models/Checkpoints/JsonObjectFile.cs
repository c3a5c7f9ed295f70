using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints;

/// <summary>Reads JSON files whose content is one object in which no key occurs twice.</summary>
internal static class JsonObjectFile
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false };

    /// <summary>Reads and validates a file.</summary>
    /// <exception cref="InputException">The file cannot be read or is not a JSON object.</exception>
    public static JsonElement Read(string path)
    {
        try
        {
            var file = File.ReadAllBytes(path);
            JsonEncoding.Require(path, file);
            using var document = JsonDocument.Parse(file.AsMemory(), Options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new InputException($"{path} is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} is not valid JSON: {e.Message}", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw ReadProblem.Explain(e, path);
        }
        catch (Exception e) when (InputBoundary.IsOfContent(e))
        {
            throw new InputException($"{path} cannot be read: {InputBoundary.Reason(e)}", e);
        }
    }
}
