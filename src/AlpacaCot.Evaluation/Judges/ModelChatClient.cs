using System.Runtime.CompilerServices;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text.Conversations;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>A local model as a chat client: it answers with its own prompt template and greedy decoding, one request at a
/// time.</summary>
/// <param name="model">The model; not owned.</param>
public sealed class ModelChatClient(LanguageModel model) : IChatClient
{
    private readonly SemaphoreSlim _one = new(1, 1);

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var turns = messages.Select(m => new Turn(m.Role == ChatRole.System ? Role.System
                : m.Role == ChatRole.Assistant ? Role.Assistant : Role.User, m.Text));
            var prompt = model.EncodePrompt(new Conversation([.. turns]));
            var most = options?.MaxOutputTokens ?? 1024;
            if (prompt.Length + 8 > model.Model.Shape.MaxPositions)
                throw new ChatFailureException(
                    $"the request is longer than the {model.Model.Shape.MaxPositions} tokens that the judge reads",
                        ChatFailure.OfRequest);
            var how = new GenerationOptions
            {
                MaxNewTokens = most, Greedy = true, StopStrings = model.Template.Stop, EndTokens = model.EndTokens,
            };
            int[] answer = [.. model.Generator.Stream(prompt, how, cancel: cancellationToken)];
            cancellationToken.ThrowIfCancellationRequested();
            return new ChatResponse(new ChatMessage(ChatRole.Assistant, model.AnswerText(answer)))
            {
                Usage = new() { InputTokenCount = prompt.Length, OutputTokenCount = answer.Length },
            };
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
        ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var whole = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (var update in whole.ToChatResponseUpdates()) yield return update;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType?.IsInstanceOfType(this) == true ? this : null;

    /// <summary>Releases the request lock; the model is not disposed.</summary>
    public void Dispose() => _one.Dispose();
}
