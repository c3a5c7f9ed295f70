using AlpacaCot.Text.Examples;
using AlpacaCot.Text.Tokenization;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests.Recipes;

/// <summary>What a recipe trains on, with the embedded base model's tokenizer.</summary>
public sealed class RecipeContentTests : IDisposable
{
    private static readonly string Base = Checkout.Path("samples/base");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private PreparedData Prepared(string data, string template, string training = "", string file = "d.jsonl")
    {
        if (data.Length > 0) _folder.Write(file, data);
        var recipe = RecipeFile.Parse($"model: {Base}\ntemplate: {template}\ndata: [{{ path: {file} }}]\nadapter: lora\n"
            + $"training: {{ cutoff_length: 128{training} }}\noutput: out\n", "r.yaml", folder: _folder.Path);
        var tokenizer = Tokenizer.Load(Base);
        return PreparedData.Load(recipe, tokenizer, RecipeTemplate.Of(recipe, tokenizer).Format, new SupervisedTuning());
    }

    private static string Learnt(PreparedData prepared, int index)
    {
        var labels = prepared.Train.Rows[index].Labels;
        return Tokenizer.Load(Base).Decode([.. labels.Where(label => label != TokenizedExample.Ignored)], skipSpecial: false);
    }

    private string Case(string name) => _folder.Write(name, File.ReadAllBytes(ReferenceData.Path($"cases/data/{name}")));

    [Fact]
    public void Skip_bad_leaves_out_what_the_template_cannot_render()
    {
        Case("skip.jsonl");
        var prepared = Prepared("", "vicuna", ", skip_bad: true", "skip.jsonl");
        Assert.Equal(2, prepared.Train.Rows.Count);
        Assert.Equal(2, prepared.Notes.Count(note => note.Contains("skip.jsonl, record ")));
        Assert.Contains(prepared.Notes, note => note.Contains("2 records left out"));
        Assert.Contains("skip.jsonl, record 2: turn 3 is a tool turn",
            Assert.Throws<Text.InputException>(() => Prepared("", "vicuna", "", "skip.jsonl")).Message);
    }

    [Fact]
    public void A_jinja_file_is_a_template()   // axolotl PR 1732
    {
        Case("chatml.jinja");
        Case("leak.jsonl");
        var prepared = Prepared("", "chatml.jinja", "", "leak.jsonl");
        Assert.Equal(3, prepared.Train.Rows.Count);
        Assert.Equal("one<|im_end|>\n", Learnt(prepared, 0));
    }

    [Fact]
    public void Marks_of_the_data_decide_what_is_learnt()
    {
        Case("openai_weight.jsonl");
        Assert.Equal("4<|im_end|>\n", Learnt(Prepared("", "chatml", "", "openai_weight.jsonl"), 0));
        Case("kto.jsonl");
        Assert.Contains("kto.jsonl, record 2: its \"label\" is false",
            Assert.Throws<Text.InputException>(() => Prepared("", "alpaca", "", "kto.jsonl")).Message);
        Assert.Equal(1, Prepared("", "alpaca", ", skip_bad: true", "kto.jsonl").Train.Rows.Count);
    }

    [Fact]
    public void Long_prompts_are_kept_where_they_are_learnt()
    {
        Case("three.jsonl");
        var prepared = Prepared("", "alpaca-short", ", train_on_inputs: true", "three.jsonl");
        Assert.Equal((1, 0), (prepared.Train.Rows.Count, prepared.Dropped));
    }

    [Fact]
    public void Train_on_and_reasoning_are_keys()
    {
        const string Two = """
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "so"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}
            """;
        Assert.Equal("<think>\nso\n</think>\n\nb<|im_end|>\nd<|im_end|>\n", Learnt(Prepared(Two, "chatml"), 0));
        Assert.Equal("d<|im_end|>\n", Learnt(Prepared(Two, "chatml", ", train_on: last"), 0));
        Assert.Equal("b<|im_end|>\nd<|im_end|>\n", Learnt(Prepared(Two, "chatml", ", reasoning: drop"), 0));
        Assert.Equal("a<|im_end|>\nc<|im_end|>\n",
            Learnt(Prepared(Two, "chatml", ", train_on: roles, train_on_roles: [user]"), 0));
        Assert.Contains("train_on_roles", Assert.Throws<Text.InputException>(() =>
            Prepared(Two, "chatml", ", train_on: roles, train_on_roles: [robot]")).Message);
        var recipe = RecipeFile.Parse($"model: {Base}\ndata: d.jsonl\nadapter: lora\ntraining: {{ train_on: per-turn, "
            + "reasoning: mask, "
            + "train_on_roles: [tool, assistant] }\noutput: out\n", "r.yaml", folder: _folder.Path);
        var again = RecipeFile.Parse(RecipeFile.Write(recipe), "again.yaml", folder: _folder.Path).Training;
        Assert.Equal((TrainOn.PerTurn, ReasoningUse.Mask), (again.TrainOn, again.Reasoning));
        Assert.Equal(recipe.Training.TrainOnRoles, again.TrainOnRoles);
    }

    [Fact]
    public void An_image_and_a_call_without_a_form_stop_the_run_with_their_record()
    {
        Case("image_parts.jsonl");
        Assert.Contains("image_parts.jsonl, record 1, turn 1, part 1 is an image",
            Assert.Throws<Text.InputException>(() => Prepared("", "chatml", "", "image_parts.jsonl")).Message);
        Case("toolcalls.jsonl");
        Assert.Contains("toolcalls.jsonl, record 1: the record defines tools, for which the template alpaca has no form",
            Assert.Throws<Text.InputException>(() => Prepared("", "alpaca", "", "toolcalls.jsonl")).Message);
        Case("reasoning.jsonl");
        Assert.Equal("<think>\n17*3 = 51\n</think>\n\n51<|im_end|>\n", Learnt(Prepared("", "chatml", "", "reasoning.jsonl"), 0));
        Case("gpt_first.jsonl");
        Assert.Equal("Hi, I am your guide.<|im_end|>\nOn the hill.<|im_end|>\n",
            Learnt(Prepared("", "chatml", "", "gpt_first.jsonl"), 0));
        Assert.Contains("turn 1 is an assistant turn",
            Assert.Throws<Text.InputException>(() => Prepared("", "alpaca", "", "gpt_first.jsonl")).Message);
    }

    [Fact]
    public void Long_plain_text_becomes_several_examples()
    {
        var prepared = Prepared($$"""{"text": "{{string.Concat(Enumerable.Repeat("the old castle on the hill ", 100))}}"}""",
            "plain");
        Assert.InRange(prepared.Train.Rows.Count, 3, 100);
        Assert.Contains(prepared.Notes, note => note.Contains("1 long text cut into"));
    }
}
