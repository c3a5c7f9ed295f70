using System.Diagnostics;
using System.Text;
using SkiaSharp;

namespace AlpacaCot.Studies.Figures;

/// <summary>The installed fonts used in figures: one for Latin text, and one with Chinese
/// characters.</summary>
internal static class FigureFont
{
    /// <summary>The font families of an SVG, in order of preference.</summary>
    public const string SvgFamilies = "Noto Sans, DejaVu Sans, Helvetica, Arial, Noto Sans CJK SC, Noto Sans SC, PingFang SC, "
        + "Microsoft YaHei, WenQuanYi Micro Hei, sans-serif";

    /// <summary>The warning where Chinese characters are missing.</summary>
    public const string Remedy = "no font on this machine has Chinese characters, so the PNG shows boxes instead (the SVG "
        + "contains them); install one, for example with: apt install fonts-noto-cjk";

    private const int Probe = '中';

    private static readonly string[] SansSerif = ["Noto Sans", "DejaVu Sans", "Liberation Sans", "Arial", "Helvetica"];
    private static readonly string[] Chinese = ["Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
        "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Microsoft YaHei", "PingFang SC", "SimSun", "Droid Sans Fallback"];

    private static readonly Lazy<(SKTypeface Plain, SKTypeface Bold)> Latin = new(() =>
    {
        var installed = SKFontManager.Default.FontFamilies.ToHashSet();
        var family = Array.Find(SansSerif, installed.Contains);
        return (Face(family, SKFontStyle.Normal), Face(family, SKFontStyle.Bold));

        static SKTypeface Face(string? family, SKFontStyle style) =>
            (family is null ? null : SKTypeface.FromFamilyName(family, style)) ?? SKTypeface.Default;
    });

    // Null: none is installed. Skia's own search for a character is not available on Linux.
    private static readonly Lazy<SKTypeface?> Han = new(() =>
    {
        var installed = SKFontManager.Default.FontFamilies.ToList();
        return Chinese.Where(installed.Contains).Concat(installed.Order(StringComparer.Ordinal)).Select(SKTypeface.FromFamilyName)
            .FirstOrDefault(face => face?.ContainsGlyph(Probe) == true) ?? FromFontconfig();
    });

    /// <summary>Whether a text has a character that is missing in all fonts.</summary>
    public static bool Lacks(string text) =>
        text.EnumerateRunes().Any(rune => Han.Value?.ContainsGlyph(rune.Value) != true
            && !Latin.Value.Plain.ContainsGlyph(rune.Value));

    /// <summary>Splits a text into runs of one font.</summary>
    public static List<(string Text, SKTypeface Face)> Runs(string text, bool bold)
    {
        var main = bold ? Latin.Value.Bold : Latin.Value.Plain;
        var runs = new List<(string, SKTypeface)>();
        var (run, face) = (new StringBuilder(), main);
        foreach (var rune in text.EnumerateRunes())
        {
            var next = !main.ContainsGlyph(rune.Value) && Han.Value is { } han && han.ContainsGlyph(rune.Value) ? han : main;
            if (next != face && run.Length > 0)
            {
                runs.Add((run.ToString(), face));
                run.Clear();
            }
            face = next;
            run.Append(rune.ToString());
        }
        if (run.Length > 0) runs.Add((run.ToString(), face));
        return runs;
    }

    // Fontconfig also knows the folders of the user and of the system's configuration.
    private static SKTypeface? FromFontconfig()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            using var process = Process.Start(new ProcessStartInfo("fc-list", [":lang=zh-cn", "--format", "%{index}\t%{file}\n"])
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var files = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return files.Order(StringComparer.Ordinal).Select(line => line.Split('\t'))
                .Where(parts => parts.Length == 2 && int.TryParse(parts[0], out var index) && index < 0x10000)
                .Select(parts => SKTypeface.FromFile(parts[1], int.Parse(parts[0])))
                .FirstOrDefault(face => face?.ContainsGlyph(Probe) == true);
        }
        catch (System.ComponentModel.Win32Exception)   // fontconfig is not installed
        {
            return null;
        }
    }
}
