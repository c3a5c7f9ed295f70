using System.Text.Json;
using AlpacaCot.Text.Templates;
using AlpacaCot.Text.Templates.Jinja;

namespace AlpacaCot.Text.Tests.Templates;

/// <summary>The engine against what Jinja2 3.1 gives with the settings of transformers; every expectation was taken from
/// it.</summary>
public sealed class JinjaTests
{
    private static readonly JsonElement Messages = JsonElement.Parse("""
        [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hi 😀你"}, {"role": "assistant", "content": ""}]
        """);

    private static string Render(string template, string variables = "{}") =>
        new ChatTemplate(JinjaTemplate.Parse(template, "t"), "t", "<s>", "</s>").Render(new ChatInput
        {
            Messages = Messages,
            Variables = JsonElement.Parse(variables).EnumerateObject().ToDictionary(v => v.Name, v => v.Value),
            Now = new DateTime(2024, 7, 6, 15, 4, 5),
        }).Text;

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_says_what_jinja2_says(string template, string expected) => Assert.Equal(expected, Render(template));

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        using var stream = typeof(JinjaTests).Assembly.GetManifestResourceStream("jinja-cases.json")!;
        foreach (var item in JsonDocument.Parse(stream).RootElement.EnumerateArray())
            cases.Add(item[0].GetString()!, item[1].GetString()!);
        return cases;
    }

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "line 1: rendering exceeds")]
    [InlineData("{% macro f(x) %}{{ f(x) }}{% endmacro %}\n{{ f(1) }}", "line 1: macro calls are nested more than")]
    [InlineData("{% for x in [1] recursive %}\n{{ loop([1]) }}{% endfor %}", "line 2: macro calls are nested more than")]
    [InlineData("{% set ns = namespace(a=[1]) %}{% for i in range(60) %}\n{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
        "rendering exceeds")]
    [InlineData("{% set ns = namespace(a=[1]) %}{% for i in range(99999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a|tojson }}",
        "nested too deeply")]
    [InlineData("{% set ns = namespace(a='xxxxxxxx') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
        "too long")]
    [InlineData("{{ 'x' * 999999999 }}", "too long")]
    [InlineData("{{ '%999999999d' % 1 }}", "too large")]
    [InlineData("{{ range(100001) }}", "a range is limited to")]
    [InlineData("a\n\n{{ nothing.at.all }}", "line 3: 'nothing' is undefined")]
    [InlineData("\n{{ messages.append(1) }}", "line 2: append would modify a list")]
    [InlineData("{{ raise_exception('No ' ~ 1) }}", "line 1: the template rejects the conversation: No 1.")]
    [InlineData("{{ 'a' + 1 }}", "'+' is not defined for a str and a int")]
    [InlineData("{{ messages|lengh }}", "unknown filter 'lengh'. Did you mean \"length\"?")]
    [InlineData("{{ 1 / 0 }}", "division by zero")]
    public void What_cannot_be_rendered_is_refused_with_its_line(string template, string part) =>
        Assert.Contains(part, Assert.Throws<InputException>(() => Render(template)).Message);

    /// <summary>Operations on long texts, repeated: each is charged by the length it works on.</summary>
    [Theory]
    [InlineData("a == b")]
    [InlineData("a < b")]
    [InlineData("a is eq b")]
    [InlineData("a is sameas b")]
    [InlineData("[a] == [b]")]
    [InlineData("[a, b]|min == 1")]
    [InlineData("'y' in a")]
    [InlineData("a in {'k': 1}")]
    [InlineData("{'k': 1}[a]")]
    [InlineData("a[5]")]
    [InlineData("a[-1]")]
    [InlineData("a|length")]
    [InlineData("a|title")]
    [InlineData("a|escape")]
    [InlineData("[a]|e")]
    [InlineData("a|upper")]
    [InlineData("a|wordcount")]
    [InlineData("a|urlencode")]
    [InlineData("a is lower")]
    [InlineData("a.isdigit()")]
    [InlineData("a.find('y')")]
    [InlineData("a.count('y')")]
    [InlineData("a.strip('y')")]
    [InlineData("a.startswith(('y', a, b))")]
    [InlineData("a.partition('y')")]
    [InlineData("'%s' % a")]
    [InlineData("'{0}'.format(a)")]
    [InlineData("strftime_now(a)")]
    public void Work_on_long_texts_is_charged(string expression)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var template = "{% set a = 'x' * 1000000 %}{% set b = ('x' * 999999) ~ 'x' %}{% for i in range(100000) %}{% if "
            + expression + " %}{% endif %}{% endfor %}";
        Assert.Contains("rendering exceeds", Assert.Throws<InputException>(() => Render(template)).Message);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
    }

    [Theory]
    [InlineData("{% set a = 'a' * 1000000 %}{{ (a[:500000] ~ 'b') in a }}", "rendering exceeds")]   // the worst case of a search
    [InlineData("{% set a = 'x' * 1000000 %}{{ ('{0}' * 100000).format(a) }}", "too long")]
    [InlineData("{% set a = 'x' * 1000000 %}{{ ('%s' * 1000) % (((a,) * 1000)) }}", "too long")]
    [InlineData("{{ ('%9999d' * 100000) % ((1,) * 100000) }}", "too long")]
    [InlineData("{% set a = 'x' * 1000000 %}{{ range(1000)|list|tojson(separators=(a, ':')) }}", "too long")]
    public void A_long_result_is_refused_before_it_is_made(string template, string part) =>
        Assert.Contains(part, Assert.Throws<InputException>(() => Render(template)).Message);

    [Fact]
    public void A_message_of_a_template_is_short() => Assert.InRange(Assert.Throws<InputException>(() =>
        Render("{{ raise_exception('x' * 10000000) }}")).Message.Length, 1000, 1200);

    [Fact]
    public void Escape_changes_five_characters() => Assert.Equal("&lt;é&#39;&#34;&amp;&gt;", Render("{{ '<é\\'\"&>'|escape }}"));

    [Theory]
    [InlineData("\n{% if a %}x", "line 2: the if block of line 2 is unclosed: '{% endif %}' is missing")]
    [InlineData("{{ a", "line 1: unclosed tag: '}}' is missing")]
    [InlineData("{# a", "unclosed comment")]
    [InlineData("{{ 'a }}", "unclosed string")]
    [InlineData("{% endfor %}", "unknown tag 'endfor'")]
    [InlineData("{% include 'x' %}", "a chat template is a single file")]
    [InlineData("{{ a b }}", "expected '}}', found 'b'")]
    [InlineData("{% break %}", "break outside a loop")]
    [InlineData("{{ (a] }}", "unexpected ']'")]
    public void What_is_not_well_formed_is_refused_with_its_line(string template, string part) =>
        Assert.Contains(part, Assert.Throws<InputException>(() => JinjaTemplate.Parse(template, "t")).Message);

    [Fact]
    public void Nesting_is_bounded()
    {
        foreach (var deep in (string[])[
            "{{ " + new string('(', 5000) + "1" + new string(')', 5000) + " }}",
            "{{ " + new string('-', 5000) + "1 }}",
            string.Concat(Enumerable.Repeat("{% if 1 %}", 5000)) + string.Concat(Enumerable.Repeat("{% endif %}", 5000))])
            Assert.Contains("levels deep", Assert.Throws<InputException>(() => JinjaTemplate.Parse(deep, "t")).Message);
        var endless = JinjaTemplate.Parse("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 100_000)) + " }}", "t");
        Assert.Contains("nested too deeply", Assert.Throws<InputException>(() =>
            new ChatTemplate(endless, "t").Render(new ChatInput { Messages = Messages })).Message);
    }

    [Fact]
    public void The_day_is_written_as_asked() =>
        Assert.Equal("06 Jul 2024|Saturday, 6 July|03:04 PM|2024-07-06 15:04:05|%",
            Render("{{ strftime_now('%d %b %Y|%A, %-d %B|%I:%M %p|%F %T|%%') }}"));
}
