using AlpacaCot.Models.Adapters;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Tests;

/// <summary>Every method of the registry, on a family that it can work on: a new one is tried without a word here.</summary>
internal static class MethodCases
{
    /// <summary>Methods, each with a family and the form of its base.</summary>
    public static TheoryData<string, string, string> All() => Of(Form);

    /// <summary>Methods, each with a family, on bases in 4 bits.</summary>
    public static TheoryData<string, string, string> OnNf4() => Of(_ => "nf4");

    /// <summary>A small form of a method, with dropout where it has any.</summary>
    public static AdapterRecipe Recipe(string method)
    {
        (string Key, string Value)[] small =
        [
            ("rank", method == "vera" ? "16" : "4"), ("target_rank", "2"), ("dropout", "0.1"), ("interval", "2"),
            ("trained_layers", "1"), ("loftq_iterations", "2"), ("start_text", "Say the number"), ("encoder_size", "16"),
            ("virtual_tokens", "4"), ("encoder", "lstm"),
        ];
        var keys = AdapterMethods.Named(method)!.KeysOf(method);
        return AdapterRecipe.Parse($"{{ method: {method}"
            + string.Concat(small.Where(s => keys.Contains(s.Key)).Select(s => $", {s.Key}: {s.Value}")) + " }");
    }

    private static string Form(string method) => method == "loftq" ? "nf4" : "none";

    private static TheoryData<string, string, string> Of(Func<string, string> form)
    {
        var cases = new TheoryData<string, string, string>();
        foreach (var method in AdapterMethods.Names)
            foreach (var family in Families(method)) cases.Add(method, family, form(method));
        return cases;
    }

    private static string[] Families(string method) => method switch
    {
        "bitfit" => ["gpt2"], // a LLaMA has no biases
        "p_tuning_v2" => ["llama", "chatglm"],
        _ => ["llama"],
    };
}
