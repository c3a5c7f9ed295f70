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
    public static AdapterSpec Spec(string method) => new()
    {
        Method = method, Rank = method is "vera" ? 16 : 4, TargetRank = method == "adalora" ? 2 : null,
        Dropout = AdapterRecipes.Named(method).Keys.Contains("dropout") ? 0.1 : 0,
        Interval = method == "adalora" ? 2 : null, TrainedLayers = method == "freeze" ? 1 : null,
        LoftqIterations = method == "loftq" ? 2 : null,
        StartText = method == "prompt_tuning" ? "Say the number" : null, EncoderSize = 16, VirtualTokens = 4,
        Encoder = method == "p_tuning" ? "lstm" : null,
    };

    private static string Form(string method) => method == "loftq" ? "nf4" : "none";

    private static TheoryData<string, string, string> Of(Func<string, string> form)
    {
        var cases = new TheoryData<string, string, string>();
        foreach (var method in AdapterRecipes.All.Select(m => m.Name))
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
