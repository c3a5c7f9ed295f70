using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Type of a SentencePiece piece, numbered as in <c>sentencepiece_model.proto</c>.</summary>
internal enum PieceKind { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 }

/// <summary>SentencePiece's <c>Decode</c>: marks become spaces, the dummy prefix is dropped, byte pieces are joined.</summary>
internal sealed class SentencePieceDecoding : IDetokenizer
{
    private readonly Dictionary<int, AddedToken> _added;
    private readonly string?[] _tokens;
    private readonly PieceKind[] _kinds;
    private readonly string _unknownSurface;
    private readonly bool _stripsFirst, _stripsAll;

    public SentencePieceDecoding(string?[] tokens, PieceKind[] kinds, IEnumerable<AddedToken> added, string unknownSurface,
        bool stripsFirst, bool stripsAll)
    {
        _added = added.ToDictionary(token => token.Id);
        (_tokens, _kinds, _unknownSurface) = (tokens, kinds, unknownSurface);
        (_stripsFirst, _stripsAll) = (stripsFirst, stripsAll);
    }

    public IDecodingState Start(bool skipSpecial) => new State(this, skipSpecial);

    private string Surface(int id) => _added.TryGetValue(id, out var added) ? added.Text : _tokens[id] ?? "";

    private sealed class State(SentencePieceDecoding rules, bool skipSpecial) : IDecodingState
    {
        private PendingBytes _bytes;
        private bool _begun, _prefixGone;

        public void Add(int id, StringBuilder output)
        {
            var kind = rules.KindOf(id);
            var before = output.Length;
            if (kind == PieceKind.Byte)
            {
                _bytes.Add((byte)Characters.ByteOf(rules.Surface(id)), output);
                _begun = true;
                return;
            }
            _bytes.Flush(output);
            if (kind is PieceKind.Control or PieceKind.Unknown)
            {
                if (!skipSpecial) output.Append(rules.Surface(id));
                else if (kind == PieceKind.Unknown) output.Append(rules._unknownSurface);
            }
            else
            {
                var piece = rules.Surface(id).AsSpan();
                if (!_begun && !_prefixGone && rules._stripsFirst && piece is [Characters.Space, ..])
                {
                    piece = piece[1..];
                    _prefixGone = !rules._stripsAll;
                }
                output.Append(piece).Replace(Characters.Space, ' ', output.Length - piece.Length, piece.Length);
            }
            _begun |= output.Length > before;
        }

        public void Flush(StringBuilder output) => _bytes.Flush(output);
    }

    private PieceKind KindOf(int id) => !_added.TryGetValue(id, out var added) ? _kinds[id]
        : added.Special ? PieceKind.Control : PieceKind.UserDefined;
}
