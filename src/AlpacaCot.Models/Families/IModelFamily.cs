using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>A model family: maps a configuration and checkpoint names to layers.</summary>
public interface IModelFamily
{
    /// <summary>The values of <c>model_type</c> in <c>config.json</c> that this family builds.</summary>
    IReadOnlyList<string> ModelTypes { get; }

    /// <summary>Builds a model from its configuration, taking its weights from the builder.</summary>
    /// <param name="c">The configuration.</param>
    /// <param name="b">Creates the layers from the weight source.</param>
    /// <exception cref="Text.InputException">The configuration requires something that this family does not support.</exception>
    CausalModel Build(ModelConfig c, ModelBuilder b);
}
