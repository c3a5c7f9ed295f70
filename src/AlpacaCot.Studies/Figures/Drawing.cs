using System.Globalization;
using System.Security;
using System.Text;
using AlpacaCot.Text;
using SkiaSharp;
using static System.FormattableString;

namespace AlpacaCot.Studies.Figures;

/// <summary>The alignment of a text relative to its point.</summary>
internal enum Anchor
{
    Start,
    Middle,
    End,
}

/// <summary>
/// A figure of rectangles, lines and text in two formats: SVG, whose texts remain text and are drawn with the viewer's fonts,
/// and PNG, drawn with the fonts of this machine.
/// </summary>
internal sealed class Drawing(int width, int height)
{
    private readonly List<Action<SKCanvas>> _painted = [];
    private readonly StringBuilder _svg = new();

    public int Width => width;
    public int Height => height;

    /// <summary>Whether a text has characters that are missing in this machine's fonts; the PNG shows boxes instead.</summary>
    public bool LacksCharacters { get; private set; }

    public void Rectangle(double x, double y, double w, double h, string colour, double corner = 0)
    {
        Svg($"""<rect x="{x:0.##}" y="{y:0.##}" width="{w:0.##}" height="{h:0.##}" rx="{corner:0.##}" fill="{colour}"/>""");
        _painted.Add(canvas =>
        {
            using var paint = new SKPaint { Color = SKColor.Parse(colour), IsAntialias = true };
            canvas.DrawRoundRect(SKRect.Create((float)x, (float)y, (float)w, (float)h), (float)corner, (float)corner, paint);
        });
    }

    public void Line(double x1, double y1, double x2, double y2, string colour, double thickness = 1)
    {
        Svg($"""
            <line x1="{x1:0.##}" y1="{y1:0.##}" x2="{x2:0.##}" y2="{y2:0.##}" stroke="{colour}" stroke-width="{thickness:0.##}"/>
            """);
        _painted.Add(canvas =>
        {
            using var paint = new SKPaint { Color = SKColor.Parse(colour), IsAntialias = true, StrokeWidth = (float)thickness };
            canvas.DrawLine((float)x1, (float)y1, (float)x2, (float)y2, paint);
        });
    }

    public void Circle(double x, double y, double radius, string colour)
    {
        Svg($"""<circle cx="{x:0.##}" cy="{y:0.##}" r="{radius:0.##}" fill="{colour}"/>""");
        _painted.Add(canvas =>
        {
            using var paint = new SKPaint { Color = SKColor.Parse(colour), IsAntialias = true };
            canvas.DrawCircle((float)x, (float)y, (float)radius, paint);
        });
    }

    /// <summary>A line through points; a closed one is filled in a pale colour; a dotted one has gaps of two dots.</summary>
    public void Path(IReadOnlyList<(double X, double Y)> points, string colour, double thickness, bool closed = false,
        double opacity = 1, bool dotted = false)
    {
        if (points.Count < 2) return;
        var path = string.Join(' ', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:0.#},{p.Y:0.#}")));
        var (name, inside) = closed ? ("polygon", colour) : ("polyline", "none");
        var pattern = dotted ? Invariant($" stroke-dasharray=\"{thickness:0.##} {2 * thickness:0.##}\"") : "";
        Svg($"""
            <{name} points="{path}" fill="{inside}" fill-opacity="0.12" stroke="{colour}" stroke-width="{thickness:0.##}"
             stroke-opacity="{opacity:0.##}" stroke-linejoin="round"{pattern}/>
            """);
        _painted.Add(canvas =>
        {
            using var line = new SKPath();
            line.AddPoly([.. points.Select(p => new SKPoint((float)p.X, (float)p.Y))], closed);
            using var paint = new SKPaint { IsAntialias = true, StrokeJoin = SKStrokeJoin.Round, StrokeWidth = (float)thickness };
            if (closed)
            {
                paint.Color = SKColor.Parse(colour).WithAlpha(31);
                canvas.DrawPath(line, paint);
            }
            using var dots = dotted ? SKPathEffect.CreateDash([(float)thickness, 2 * (float)thickness], 0) : null;
            paint.PathEffect = dots;
            (paint.Style, paint.Color) = (SKPaintStyle.Stroke, SKColor.Parse(colour).WithAlpha((byte)(255 * opacity)));
            canvas.DrawPath(line, paint);
        });
    }

    /// <summary>Draws one line of text whose baseline starts, is centred or ends at a point.</summary>
    public void Text(string text, double x, double y, double size, string colour, Anchor anchor = Anchor.Start, bool bold = false)
    {
        LacksCharacters |= FigureFont.Lacks(text);
        var (textAnchor, weight) = (anchor switch { Anchor.Middle => "middle", Anchor.End => "end", _ => "start" },
            bold ? "bold" : "normal");
        Svg($"""
            <text x="{x:0.##}" y="{y:0.##}" font-size="{size:0.##}" font-weight="{weight}" fill="{colour}"
             text-anchor="{textAnchor}">{SecurityElement.Escape(text)}</text>
            """);
        _painted.Add(canvas =>
        {
            var at = x - Measure(text, size, bold) * anchor switch { Anchor.Middle => 0.5, Anchor.End => 1, _ => 0 };
            using var paint = new SKPaint { Color = SKColor.Parse(colour), IsAntialias = true };
            foreach (var (run, face) in FigureFont.Runs(text, bold))
            {
                using var font = new SKFont(face, (float)size) { Subpixel = true, Edging = SKFontEdging.Antialias };
                canvas.DrawText(run, (float)at, (float)y, SKTextAlign.Left, font, paint);
                at += font.MeasureText(run);
            }
        });
    }

    /// <summary>The width of a text in pixels.</summary>
    public static double Measure(string text, double size, bool bold = false)
    {
        var width = 0.0;
        foreach (var (run, face) in FigureFont.Runs(text, bold))
        {
            using var font = new SKFont(face, (float)size) { Subpixel = true };
            width += font.MeasureText(run);
        }
        return width;
    }

    /// <summary>Writes <c>path.png</c>, with two pixels for every unit, and <c>path.svg</c>.</summary>
    public void Write(string path)
    {
        using var surface = SKSurface.Create(new SKImageInfo(2 * width, 2 * height));
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.Scale(2);
        foreach (var paint in _painted) paint(surface.Canvas);
        using var image = surface.Snapshot();
        using var png = image.Encode(SKEncodedImageFormat.Png, 100);
        AtomicFile.Write(path + ".png", stream => png.SaveTo(stream));
        AtomicFile.WriteText(path + ".svg", ToSvg());
    }

    /// <summary>The figure as SVG.</summary>
    public string ToSvg() => string.Create(CultureInfo.InvariantCulture, $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"
         font-family="{FigureFont.SvgFamilies}">
        <rect width="100%" height="100%" fill="#FFFFFF"/>
        {_svg}</svg>

        """).ReplaceLineEndings("\n");

    private void Svg(FormattableString element) => _svg.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
