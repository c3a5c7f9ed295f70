using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>A family of models: how its configuration and its weight names become layers.</summary>
public interface IModelFamily
{
    /// <summary>The values of <c>model_type</c> in <c>config.json</c> that this family builds.</summary>
    IReadOnlyList<string> ModelTypes { get; }

    /// <summary>Builds a model from its configuration, taking its weights from the builder.</summary>
    /// <param name="c">The configuration.</param>
    /// <param name="b">Hands out the layers.</param>
    /// <exception cref="Text.InputException">The configuration asks for something this family does not do.</exception>
    CausalModel Build(ModelConfig c, ModelBuilder b);
}
