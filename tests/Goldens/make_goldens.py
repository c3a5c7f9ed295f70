#!/usr/bin/env python3
"""Writes the golden values of this folder: small models with random weights, and what they compute.

    python3 tests/Goldens/make_goldens.py            writes every file
    python3 tests/Goldens/make_goldens.py --check    compares every file with a fresh computation and writes nothing

The models are written from their papers and published configurations, in plain Python and double precision, with the standard
library alone. Each number is a scalar of a small reverse-mode differentiator; a row of a batch is computed as a sequence
without padding. Central differences check the gradients, and greedy choices must win by a margin. The output is the same in
every run: weights are drawn from a seeded generator, and results are rounded to fp32.

Each family's folder has the layout that FamilyGolden reads:
    inputs.json                batches: input_ids, attention_mask, position_ids, labels (-100: no label), all [rows, length]
    model/                     config.json and model.safetensors (fp32)
    base.safetensors           logits.<batch> [rows, length, vocabulary], grad.<batch>.<weight>; zero at padding
    base.json                  loss.<batch>: mean negative log-likelihood of the labels; generate: greedy continuations
    lora/                      a PEFT adapter folder, r = 2, alpha = 4
    lora_out.*                 the same values with the adapter; gradients of A and B
    adamw.json                 losses before and after each of 3 AdamW steps on A and B
llama/adamw_full.json holds 3 steps on all weights. quantization.json holds 4-bit and 8-bit codes of one matrix.
"""

import json
import math
import random
import statistics
import struct
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
VOCABULARY = 64
HIDDEN = 16
LAYERS = 2
HEADS = 4
RANK = 2
ALPHA = 4


# ---- A differentiator of scalars -------------------------------------------------------------------------------------------

class Scalar:
    """A number that knows which numbers it was computed from, and its derivative in each."""

    __slots__ = ("value", "gradient", "sources")

    def __init__(self, value, sources=()):
        self.value = value
        self.gradient = 0.0
        self.sources = sources
        if Tape.recording and sources:
            Tape.entries.append(self)

    def __add__(self, other):
        if isinstance(other, Scalar):
            return Scalar(self.value + other.value, ((self, 1.0), (other, 1.0)))
        return Scalar(self.value + other, ((self, 1.0),))

    def __sub__(self, other):
        return Scalar(self.value - other.value, ((self, 1.0), (other, -1.0)))

    def __mul__(self, other):
        if isinstance(other, Scalar):
            return Scalar(self.value * other.value, ((self, other.value), (other, self.value)))
        return Scalar(self.value * other, ((self, other),))

    def __truediv__(self, other):
        quotient = self.value / other.value
        return Scalar(quotient, ((self, 1 / other.value), (other, -quotient / other.value)))


class Tape:
    """The order in which scalars were computed."""

    entries = []
    recording = True

    @staticmethod
    def clear():
        Tape.entries = []

    @staticmethod
    def backward(last):
        last.gradient = 1.0
        for entry in reversed(Tape.entries):
            gradient = entry.gradient
            if gradient != 0.0:
                for source, derivative in entry.sources:
                    source.gradient += gradient * derivative


def function(value, derivative):
    return lambda x: Scalar(value(x.value), ((x, derivative(x.value)),))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def normal_cdf(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def normal_density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


exp = function(math.exp, math.exp)
log = function(math.log, lambda x: 1 / x)
tanh = function(math.tanh, lambda x: 1 - math.tanh(x) ** 2)
inverse_root = function(lambda x: x ** -0.5, lambda x: -0.5 * x ** -1.5)
silu = function(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))))
gelu = function(lambda x: x * normal_cdf(x), lambda x: normal_cdf(x) + x * normal_density(x))


def gelu_tanh(x):
    """Hendrycks and Gimpel's approximation of GELU."""
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * 0.5 * (tanh(inner) + 1.0)


def dot(a, b):
    value = sum(p.value * q.value for p, q in zip(a, b))
    if not Tape.recording:
        return Scalar(value)
    return Scalar(value, [(p, q.value) for p, q in zip(a, b)] + [(q, p.value) for p, q in zip(a, b)])


def total(values):
    return Scalar(sum(v.value for v in values), [(v, 1.0) for v in values])


def add(a, b):
    return [p + q for p, q in zip(a, b)]


def softmax(scores):
    largest = max(s.value for s in scores)
    powers = [exp(s + -largest) for s in scores]
    whole = total(powers)
    return [p / whole for p in powers]


# ---- Parts of models -------------------------------------------------------------------------------------------------------

class Model:
    """Weights by their checkpoint names, and the parts that families are composed of. Shapes are those of the checkpoint."""

    inputs_first = False  # GPT-2 stores [inputs, outputs]
    with_adapter = False

    def __init__(self, config, seed):
        self.config = config
        self.random = random.Random(seed)
        self.shapes = {}
        self.weights = {}
        self.adapter = {}
        self.build()

    # -- weights

    def new(self, name, shape, deviation, mean=0.0):
        count = math.prod(shape)
        spread = deviation * math.sqrt(3)
        self.shapes[name] = list(shape)
        self.weights[name] = [Scalar(single(mean + self.random.uniform(-spread, spread))) for _ in range(count)]

    def new_linear(self, name, inputs, outputs, bias=False):
        self.new(name + ".weight", [inputs, outputs] if self.inputs_first else [outputs, inputs], 0.3)
        if bias:
            self.new(name + ".bias", [outputs], 0.2)

    def new_norm(self, name, mean=1.0, bias=False, width=HIDDEN):
        self.new(name + ".weight", [width], 0.2, mean)
        if bias:
            self.new(name + ".bias", [width], 0.2)

    def new_adapter(self, targets):
        for name in [n[:-len(".weight")] for n in self.shapes if n.endswith(".weight")]:
            if name.split(".")[-1] not in targets:
                continue
            first, second = self.shapes[name + ".weight"]
            inputs, outputs = (first, second) if self.inputs_first else (second, first)
            self.adapter[name] = (
                [Scalar(single(self.random.uniform(-0.5, 0.5))) for _ in range(RANK * inputs)],
                [Scalar(single(self.random.uniform(-0.5, 0.5))) for _ in range(outputs * RANK)])

    # -- layers

    def row(self, name, i):
        width = self.shapes[name][1]
        return self.weights[name][i * width:(i + 1) * width]

    def linear(self, name, x):
        first, second = self.shapes[name + ".weight"]
        weight = self.weights[name + ".weight"]
        if self.inputs_first:
            y = [dot(weight[o::second], x) for o in range(second)]
        else:
            y = [dot(weight[o * second:(o + 1) * second], x) for o in range(first)]
        if name + ".bias" in self.weights:
            y = add(y, self.weights[name + ".bias"])
        if self.with_adapter and name in self.adapter:
            a, b = self.adapter[name]
            inner = [dot(a[r * len(x):(r + 1) * len(x)], x) for r in range(RANK)]
            y = add(y, [dot(b[o * RANK:(o + 1) * RANK], inner) * (ALPHA / RANK) for o in range(len(y))])
        return y

    def rms_norm(self, name, x, epsilon, offset=0.0):
        factor = inverse_root(dot(x, x) * (1 / len(x)) + epsilon)
        return [v * factor * (w + offset) for v, w in zip(x, self.weights[name + ".weight"])]

    def layer_norm(self, name, x, epsilon):
        mean = total(x) * (1 / len(x))
        centred = [v - mean for v in x]
        factor = inverse_root(dot(centred, centred) * (1 / len(x)) + epsilon)
        return [v * factor * w + b
                for v, w, b in zip(centred, self.weights[name + ".weight"], self.weights[name + ".bias"])]

    @staticmethod
    def rotate(vector, position, base, turned, neighbours=False):
        """Su et al., 2021. Pair p turns by position * base^(-2p / turned); the dimensions behind `turned` stay."""
        result = list(vector)
        for p in range(turned // 2):
            i, j = (2 * p, 2 * p + 1) if neighbours else (p, p + turned // 2)
            angle = position * base ** (-2 * p / turned)
            cosine, sine = math.cos(angle), math.sin(angle)
            result[i] = vector[i] * cosine + vector[j] * -sine
            result[j] = vector[j] * cosine + vector[i] * sine
        return result

    @staticmethod
    def attend(queries, keys, values, scale, bias=None, window=None, cap=None):
        """Causal attention: queries [t][head][d], keys and values [t][group][d]; gives [t][head * d]."""
        heads, groups = len(queries[0]), len(keys[0])
        result = []
        for t, query in enumerate(queries):
            seen = range(0 if window is None else max(0, t - window + 1), t + 1)
            out = []
            for head in range(heads):
                group = head * groups // heads
                scores = [dot(query[head], keys[s][group]) * scale for s in seen]
                if cap is not None:
                    scores = [tanh(s * (1 / cap)) * cap for s in scores]
                if bias is not None:
                    scores = [s + bias(head, t, at) for s, at in zip(scores, seen)]
                shares = softmax(scores)
                out += [dot(shares, [values[s][group][d] for s in seen]) for d in range(len(values[0][0]))]
            result.append(out)
        return result

    @staticmethod
    def split(vector, parts):
        width = len(vector) // parts
        return [vector[i * width:(i + 1) * width] for i in range(parts)]


class Llama(Model):
    """Touvron et al., 2023: RMS norms, rotary positions, grouped queries, SwiGLU, no biases, a head of its own."""

    groups = 2
    query_bias = False
    tied = False
    head_dimension = HIDDEN // HEADS
    embedding_deviation = 0.7

    def build(self):
        c = self.config
        width, inner = self.head_dimension, c["intermediate_size"]
        self.new("model.embed_tokens.weight", [VOCABULARY, HIDDEN], self.embedding_deviation)
        for i in range(LAYERS):
            at = f"model.layers.{i}"
            self.build_norms(at)
            self.new_linear(f"{at}.self_attn.q_proj", HIDDEN, HEADS * width, self.query_bias)
            self.new_linear(f"{at}.self_attn.k_proj", HIDDEN, self.groups * width, self.query_bias)
            self.new_linear(f"{at}.self_attn.v_proj", HIDDEN, self.groups * width, self.query_bias)
            self.new_linear(f"{at}.self_attn.o_proj", HEADS * width, HIDDEN)
            self.build_inner(at, inner)
        self.build_norm("model.norm")
        if not self.tied:
            self.new_linear("lm_head", HIDDEN, VOCABULARY)

    def build_norm(self, name):
        self.new_norm(name)

    def build_norms(self, at):
        self.build_norm(f"{at}.input_layernorm")
        self.build_norm(f"{at}.post_attention_layernorm")

    def build_inner(self, at, inner):
        self.new_linear(f"{at}.mlp.gate_proj", HIDDEN, inner)
        self.new_linear(f"{at}.mlp.up_proj", HIDDEN, inner)
        self.new_linear(f"{at}.mlp.down_proj", inner, HIDDEN)

    def norm(self, name, x):
        return self.rms_norm(name, x, self.config["rms_norm_eps"])

    def inner(self, at, x):
        gate, up = self.linear(f"{at}.mlp.gate_proj", x), self.linear(f"{at}.mlp.up_proj", x)
        return self.linear(f"{at}.mlp.down_proj", [silu(g) * u for g, u in zip(gate, up)])

    def attention(self, layer, xs):
        at, base, width = f"model.layers.{layer}.self_attn", self.config["rope_theta"], self.head_dimension
        def turned(name, x, t, parts):
            return [self.rotate(v, t, base, width) for v in self.split(self.linear(f"{at}.{name}", x), parts)]
        queries = [turned("q_proj", x, t, HEADS) for t, x in enumerate(xs)]
        keys = [turned("k_proj", x, t, self.groups) for t, x in enumerate(xs)]
        values = [self.split(self.linear(f"{at}.v_proj", x), self.groups) for x in xs]
        return [self.linear(f"{at}.o_proj", y) for y in self.mix(layer, queries, keys, values)]

    def mix(self, layer, queries, keys, values):
        return self.attend(queries, keys, values, self.head_dimension ** -0.5)

    def block(self, layer, xs):
        at = f"model.layers.{layer}"
        mixed = self.attention(layer, [self.norm(f"{at}.input_layernorm", x) for x in xs])
        xs = [add(x, y) for x, y in zip(xs, mixed)]
        return [add(x, self.inner(at, self.norm(f"{at}.post_attention_layernorm", x))) for x in xs]

    def embed(self, ids):
        return [self.row("model.embed_tokens.weight", i) for i in ids]

    def head(self, x):
        if not self.tied:
            return self.linear("lm_head", x)
        return [dot(self.row("model.embed_tokens.weight", o), x) for o in range(VOCABULARY)]

    def logits(self, ids):
        xs = self.embed(ids)
        for layer in range(LAYERS):
            xs = self.block(layer, xs)
        return [self.head(self.norm("model.norm", x)) for x in xs]


class Qwen2(Llama):
    """Yang et al., 2024: LLaMA with biases on queries, keys and values; here with the embedding as head."""

    query_bias = True
    tied = True


class Mixtral(Llama):
    """Jiang et al., 2024: the best experts of each token, mixed by the softmax over their own router scores."""

    def build_inner(self, at, inner):
        self.new_linear(f"{at}.block_sparse_moe.gate", HIDDEN, self.config["num_local_experts"])
        for e in range(self.config["num_local_experts"]):
            expert = f"{at}.block_sparse_moe.experts.{e}"
            self.new_linear(f"{expert}.w1", HIDDEN, inner)
            self.new_linear(f"{expert}.w2", inner, HIDDEN)
            self.new_linear(f"{expert}.w3", HIDDEN, inner)

    def inner(self, at, x):
        scores = self.linear(f"{at}.block_sparse_moe.gate", x)
        order = sorted(range(len(scores)), key=lambda e: -scores[e].value)
        chosen = order[:self.config["num_experts_per_tok"]]
        assert scores[chosen[-1]].value - scores[order[len(chosen)]].value > 1e-3, "two experts are nearly equal"
        shares = softmax([scores[e] for e in chosen])
        outputs = []
        for e in chosen:
            expert = f"{at}.block_sparse_moe.experts.{e}"
            gate, up = self.linear(f"{expert}.w1", x), self.linear(f"{expert}.w3", x)
            outputs.append(self.linear(f"{expert}.w2", [silu(g) * u for g, u in zip(gate, up)]))
        return [dot(shares, [y[d] for y in outputs]) for d in range(HIDDEN)]


class Gemma2(Llama):
    """Gemma Team, 2024: gains stored less one, GeGLU, norms around each branch, bounded scores and logits, windows in even
    layers, scaled embeddings that are the head too."""

    tied = True
    head_dimension = 8
    embedding_deviation = 0.15  # times the root of the width

    def build_norm(self, name):
        self.new_norm(name, mean=0.0)

    def build_norms(self, at):
        super().build_norms(at)
        self.build_norm(f"{at}.pre_feedforward_layernorm")
        self.build_norm(f"{at}.post_feedforward_layernorm")

    def norm(self, name, x):
        return self.rms_norm(name, x, self.config["rms_norm_eps"], offset=1.0)

    def inner(self, at, x):
        gate, up = self.linear(f"{at}.mlp.gate_proj", x), self.linear(f"{at}.mlp.up_proj", x)
        return self.linear(f"{at}.mlp.down_proj", [gelu_tanh(g) * u for g, u in zip(gate, up)])

    def mix(self, layer, queries, keys, values):
        c = self.config
        return self.attend(queries, keys, values, c["query_pre_attn_scalar"] ** -0.5,
                           window=c["sliding_window"] if layer % 2 == 0 else None, cap=c["attn_logit_softcapping"])

    def block(self, layer, xs):
        at = f"model.layers.{layer}"
        mixed = self.attention(layer, [self.norm(f"{at}.input_layernorm", x) for x in xs])
        xs = [add(x, self.norm(f"{at}.post_attention_layernorm", y)) for x, y in zip(xs, mixed)]
        return [add(x, self.norm(f"{at}.post_feedforward_layernorm",
                                 self.inner(at, self.norm(f"{at}.pre_feedforward_layernorm", x)))) for x in xs]

    def embed(self, ids):
        return [[v * math.sqrt(HIDDEN) for v in x] for x in super().embed(ids)]

    def head(self, x):
        cap = self.config["final_logit_softcapping"]
        return [tanh(y * (1 / cap)) * cap for y in super().head(x)]


class Gpt2(Model):
    """Radford et al., 2019: learned positions, layer norms with biases, GELU by tanh, matrices [inputs, outputs]."""

    inputs_first = True

    def build(self):
        self.new("transformer.wte.weight", [VOCABULARY, HIDDEN], 0.5)
        self.new("transformer.wpe.weight", [self.config["n_positions"], HIDDEN], 0.3)
        for i in range(LAYERS):
            at = f"transformer.h.{i}"
            self.new_norm(f"{at}.ln_1", bias=True)
            self.new_linear(f"{at}.attn.c_attn", HIDDEN, 3 * HIDDEN, True)
            self.new_linear(f"{at}.attn.c_proj", HIDDEN, HIDDEN, True)
            self.new_norm(f"{at}.ln_2", bias=True)
            self.new_linear(f"{at}.mlp.c_fc", HIDDEN, 4 * HIDDEN, True)
            self.new_linear(f"{at}.mlp.c_proj", 4 * HIDDEN, HIDDEN, True)
        self.new_norm("transformer.ln_f", bias=True)

    def logits(self, ids):
        epsilon = self.config["layer_norm_epsilon"]
        xs = [add(self.row("transformer.wte.weight", i), self.row("transformer.wpe.weight", t)) for t, i in enumerate(ids)]
        for layer in range(LAYERS):
            at = f"transformer.h.{layer}"
            fused = [self.split(self.linear(f"{at}.attn.c_attn", self.layer_norm(f"{at}.ln_1", x, epsilon)), 3) for x in xs]
            parts = [[self.split(row[part], HEADS) for row in fused] for part in range(3)]
            mixed = self.attend(*parts, (HIDDEN // HEADS) ** -0.5)
            xs = [add(x, self.linear(f"{at}.attn.c_proj", y)) for x, y in zip(xs, mixed)]
            for t, x in enumerate(xs):
                inner = self.linear(f"{at}.mlp.c_fc", self.layer_norm(f"{at}.ln_2", x, epsilon))
                xs[t] = add(x, self.linear(f"{at}.mlp.c_proj", [gelu_tanh(v) for v in inner]))
        last = [self.layer_norm("transformer.ln_f", x, epsilon) for x in xs]
        return [[dot(self.row("transformer.wte.weight", o), x) for o in range(VOCABULARY)] for x in last]


class Bloom(Model):
    """Scao et al., 2022: ALiBi (Press et al., 2021), a norm behind the embedding, one projection [head][query, key, value]."""

    def build(self):
        self.new("transformer.word_embeddings.weight", [VOCABULARY, HIDDEN], 0.5)
        self.new_norm("transformer.word_embeddings_layernorm", bias=True)
        for i in range(LAYERS):
            at = f"transformer.h.{i}"
            self.new_norm(f"{at}.input_layernorm", bias=True)
            self.new_linear(f"{at}.self_attention.query_key_value", HIDDEN, 3 * HIDDEN, True)
            self.new_linear(f"{at}.self_attention.dense", HIDDEN, HIDDEN, True)
            self.new_norm(f"{at}.post_attention_layernorm", bias=True)
            self.new_linear(f"{at}.mlp.dense_h_to_4h", HIDDEN, 4 * HIDDEN, True)
            self.new_linear(f"{at}.mlp.dense_4h_to_h", 4 * HIDDEN, HIDDEN, True)
        self.new_norm("transformer.ln_f", bias=True)

    def logits(self, ids):
        epsilon, table = self.config["layer_norm_epsilon"], "transformer.word_embeddings"
        xs = [self.layer_norm(table + "_layernorm", self.row(table + ".weight", i), epsilon) for i in ids]
        for layer in range(LAYERS):
            at = f"transformer.h.{layer}"
            fused = [[self.split(head, 3) for head in self.split(
                self.linear(f"{at}.self_attention.query_key_value", self.layer_norm(f"{at}.input_layernorm", x, epsilon)), HEADS)]
                for x in xs]
            parts = [[[head[part] for head in row] for row in fused] for part in range(3)]
            mixed = self.attend(*parts, (HIDDEN // HEADS) ** -0.5,
                                bias=lambda head, t, s: -(t - s) * 2 ** (-8 * (head + 1) / HEADS))
            xs = [add(x, self.linear(f"{at}.self_attention.dense", y)) for x, y in zip(xs, mixed)]
            for t, x in enumerate(xs):
                inner = self.linear(f"{at}.mlp.dense_h_to_4h", self.layer_norm(f"{at}.post_attention_layernorm", x, epsilon))
                xs[t] = add(x, self.linear(f"{at}.mlp.dense_4h_to_h", [gelu_tanh(v) for v in inner]))
        last = [self.layer_norm("transformer.ln_f", x, epsilon) for x in xs]
        return [[dot(self.row(table + ".weight", o), x) for o in range(VOCABULARY)] for x in last]


class GptNeoX(Model):
    """Black et al., 2022: both branches read the block's input, each by its own norm; a part of each head turns; exact GELU."""

    def build(self):
        inner = self.config["intermediate_size"]
        self.new("gpt_neox.embed_in.weight", [VOCABULARY, HIDDEN], 0.7)
        for i in range(LAYERS):
            at = f"gpt_neox.layers.{i}"
            self.new_norm(f"{at}.input_layernorm", bias=True)
            self.new_norm(f"{at}.post_attention_layernorm", bias=True)
            self.new_linear(f"{at}.attention.query_key_value", HIDDEN, 3 * HIDDEN, True)
            self.new_linear(f"{at}.attention.dense", HIDDEN, HIDDEN, True)
            self.new_linear(f"{at}.mlp.dense_h_to_4h", HIDDEN, inner, True)
            self.new_linear(f"{at}.mlp.dense_4h_to_h", inner, HIDDEN, True)
        self.new_norm("gpt_neox.final_layer_norm", bias=True)
        self.new_linear("embed_out", HIDDEN, VOCABULARY)

    def logits(self, ids):
        epsilon, base = self.config["layer_norm_eps"], self.config["rotary_emb_base"]
        heads = self.config["num_attention_heads"]
        width = HIDDEN // heads
        turned = int(width * self.config["rotary_pct"])
        xs = [self.row("gpt_neox.embed_in.weight", i) for i in ids]
        for layer in range(LAYERS):
            at = f"gpt_neox.layers.{layer}"
            fused = [[self.split(head, 3) for head in self.split(
                self.linear(f"{at}.attention.query_key_value", self.layer_norm(f"{at}.input_layernorm", x, epsilon)), heads)]
                for x in xs]
            queries, keys, values = [[[head[part] for head in row] for row in fused] for part in range(3)]
            queries, keys = [[[self.rotate(v, t, base, turned) for v in row] for t, row in enumerate(rows)]
                             for rows in (queries, keys)]
            mixed = self.attend(queries, keys, values, width ** -0.5)
            for t, x in enumerate(xs):
                inner = self.linear(f"{at}.mlp.dense_h_to_4h", self.layer_norm(f"{at}.post_attention_layernorm", x, epsilon))
                xs[t] = add(add(x, self.linear(f"{at}.attention.dense", mixed[t])),
                            self.linear(f"{at}.mlp.dense_4h_to_h", [gelu(v) for v in inner]))
        return [self.linear("embed_out", self.layer_norm("gpt_neox.final_layer_norm", x, epsilon)) for x in xs]


class ChatGlm2(Model):
    """Team GLM, 2024: neighbouring dimensions of the first half of each head turn; one projection of all queries, keys, values;
    one matrix for gate and value of SwiGLU."""

    def build(self):
        c = self.config
        inner, width, groups = c["ffn_hidden_size"], c["kv_channels"], c["multi_query_group_num"]
        self.new("transformer.embedding.word_embeddings.weight", [VOCABULARY, HIDDEN], 0.7)
        for i in range(LAYERS):
            at = f"transformer.encoder.layers.{i}"
            self.new_norm(f"{at}.input_layernorm")
            self.new_linear(f"{at}.self_attention.query_key_value", HIDDEN, (HEADS + 2 * groups) * width, True)
            self.new_linear(f"{at}.self_attention.dense", HEADS * width, HIDDEN)
            self.new_norm(f"{at}.post_attention_layernorm")
            self.new_linear(f"{at}.mlp.dense_h_to_4h", HIDDEN, 2 * inner)
            self.new_linear(f"{at}.mlp.dense_4h_to_h", inner, HIDDEN)
        self.new_norm("transformer.encoder.final_layernorm")
        self.new_linear("transformer.output_layer", HIDDEN, VOCABULARY)

    def logits(self, ids):
        c = self.config
        epsilon, width, groups = c["layernorm_epsilon"], c["kv_channels"], c["multi_query_group_num"]
        xs = [self.row("transformer.embedding.word_embeddings.weight", i) for i in ids]
        for layer in range(LAYERS):
            at = f"transformer.encoder.layers.{layer}"
            fused = [self.split(self.linear(f"{at}.self_attention.query_key_value",
                                            self.rms_norm(f"{at}.input_layernorm", x, epsilon)), HEADS + 2 * groups) for x in xs]
            def turned(parts, t):
                return [self.rotate(v, t, 10000.0 * c["rope_ratio"], width // 2, neighbours=True) for v in parts]
            queries = [turned(row[:HEADS], t) for t, row in enumerate(fused)]
            keys = [turned(row[HEADS:HEADS + groups], t) for t, row in enumerate(fused)]
            values = [row[HEADS + groups:] for row in fused]
            mixed = self.attend(queries, keys, values, width ** -0.5)
            xs = [add(x, self.linear(f"{at}.self_attention.dense", y)) for x, y in zip(xs, mixed)]
            for t, x in enumerate(xs):
                gate, value = self.split(self.linear(
                    f"{at}.mlp.dense_h_to_4h", self.rms_norm(f"{at}.post_attention_layernorm", x, epsilon)), 2)
                xs[t] = add(x, self.linear(f"{at}.mlp.dense_4h_to_h", [silu(g) * v for g, v in zip(gate, value)]))
        return [self.linear("transformer.output_layer", self.rms_norm("transformer.encoder.final_layernorm", x, epsilon))
                for x in xs]


# ---- The families' configurations -------------------------------------------------------------------------------------------

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
    "intermediate_size": 24, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 2,
    "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
    "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
}

# Name, seed, model, config.json, modules with LoRA.
FAMILIES = [
    ("llama", 1, Llama, LLAMA, ["q_proj", "v_proj"]),
    ("qwen2", 2, Qwen2, LLAMA | {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "tie_word_embeddings": True, "rms_norm_eps": 1e-6,
        "use_sliding_window": False}, ["q_proj", "down_proj"]),
    ("mixtral", 3, Mixtral, LLAMA | {
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "rope_theta": 1000000.0, "sliding_window": None,
        "intermediate_size": 8, "num_local_experts": 4, "num_experts_per_tok": 2}, ["k_proj", "o_proj"]),
    ("gemma2", 44, Gemma2, {k: v for k, v in LLAMA.items() if k != "hidden_act"} | {
        "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "tie_word_embeddings": True, "rms_norm_eps": 1e-6,
        "head_dim": 8, "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 12, "sliding_window": 4,
        "attn_logit_softcapping": 5.0, "final_logit_softcapping": 6.0}, ["q_proj", "up_proj"]),
    ("gpt2", 5, Gpt2, {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": VOCABULARY, "n_embd": HIDDEN,
        "n_layer": LAYERS, "n_head": HEADS, "n_positions": 32, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new",
        "bos_token_id": 1, "eos_token_id": 2}, ["c_attn"]),
    ("bloom", 6, Bloom, {
        "architectures": ["BloomForCausalLM"], "model_type": "bloom", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
        "n_layer": LAYERS, "n_head": HEADS, "layer_norm_epsilon": 1e-5, "apply_residual_connection_post_layernorm": False,
        "bos_token_id": 1, "eos_token_id": 2}, ["query_key_value"]),
    ("gpt_neox", 7, GptNeoX, {
        "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
        "intermediate_size": 24, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "max_position_embeddings": 32,
        "layer_norm_eps": 1e-5, "hidden_act": "gelu", "rotary_pct": 0.5, "rotary_emb_base": 10000,
        "use_parallel_residual": True, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2},
     ["query_key_value"]),
    ("chatglm2", 8, ChatGlm2, {
        "architectures": ["ChatGLMModel"], "model_type": "chatglm", "add_bias_linear": False, "add_qkv_bias": True,
        "apply_query_key_layer_scaling": True, "apply_residual_connection_post_layernorm": False, "ffn_hidden_size": 24,
        "hidden_size": HIDDEN, "kv_channels": 8, "layernorm_epsilon": 1e-5, "multi_query_attention": True,
        "multi_query_group_num": 2, "num_attention_heads": HEADS, "num_layers": LAYERS, "original_rope": True,
        "padded_vocab_size": VOCABULARY, "post_layer_norm": True, "rmsnorm": True, "rope_ratio": 2, "seq_length": 32,
        "eos_token_id": 2, "pad_token_id": 0}, ["query_key_value"]),
]


# ---- Values ----------------------------------------------------------------------------------------------------------------

def make_batch(draw):
    """Three rows of nine: one whole, one padded on the left, one on the right. The first tokens have no labels."""
    length, rows = 9, [(0, 9), (3, 9), (0, 5)]
    batch = {"input_ids": [], "attention_mask": [], "position_ids": [], "labels": []}
    for first, end in rows:
        ids = [draw.randrange(3, VOCABULARY) if first <= t < end else 0 for t in range(length)]
        batch["input_ids"].append(ids)
        batch["attention_mask"].append([int(first <= t < end) for t in range(length)])
        batch["position_ids"].append([t - first if first <= t < end else 0 for t in range(length)])
        batch["labels"].append([ids[t] if first + 2 <= t < end else -100 for t in range(length)])
    return batch


def real(batch, row):
    return [t for t, present in enumerate(batch["attention_mask"][row]) if present]


def compute(model, batch):
    """Logits of every real token, and the mean loss over the labels: that of a label is read one place before it."""
    logits, losses = [], []
    for row, ids in enumerate(batch["input_ids"]):
        places = real(batch, row)
        found = model.logits([ids[t] for t in places])
        logits.append(dict(zip(places, found)))
        for t, label in enumerate(batch["labels"][row]):
            if label != -100:
                scores = logits[row][t - 1]
                largest = max(s.value for s in scores)
                losses.append(log(total([exp(s + -largest) for s in scores])) + largest - scores[label])
    return logits, total(losses) * (1 / len(losses))


def loss_and_gradients(model, batch, leaves):
    Tape.clear()
    for leaf in leaves:
        leaf.gradient = 0.0
    logits, loss = compute(model, batch)
    Tape.backward(loss)
    Tape.clear()
    return logits, loss.value


def without_tape(action):
    Tape.recording = False
    try:
        return action()
    finally:
        Tape.recording = True


def check_gradients(model, batch, leaves, draw):
    """Central differences, exact to about the square of their step."""
    step = 1e-4
    for leaf in draw.sample(leaves, 6):
        kept, sides = leaf.value, []
        for side in (step, -step):
            leaf.value = kept + side
            sides.append(without_tape(lambda: compute(model, batch)[1].value))
        leaf.value = kept
        difference = (sides[0] - sides[1]) / (2 * step)
        assert abs(difference - leaf.gradient) < 1e-6 * max(1, abs(difference)), (difference, leaf.gradient)


def flat_logits(batch, logits):
    none = [0.0] * VOCABULARY
    return [v for row, ids in enumerate(batch["input_ids"]) for t in range(len(ids))
            for v in ([s.value for s in logits[row][t]] if t in logits[row] else none)]


def greedy(model, prompts):
    """Eight steps without a cache; the prompts of a batch are padded on the left."""
    longest, result = max(map(len, prompts)), {"prompt": [], "attention_mask": [], "new_tokens": []}
    for prompt in prompts:
        ids = list(prompt)
        for _ in range(8):
            scores = [s.value for s in without_tape(lambda: model.logits(ids))[-1]]
            best = sorted(range(VOCABULARY), key=lambda i: -scores[i])
            assert scores[best[0]] - scores[best[1]] > 1e-3, "two tokens are nearly equal; choose another seed"
            ids.append(best[0])
        padding = longest - len(prompt)
        result["prompt"].append([0] * padding + prompt)
        result["attention_mask"].append([0] * padding + [1] * len(prompt))
        result["new_tokens"].append(ids[len(prompt):])
    return result


def adamw(model, batch, leaves, rate, decay, steps=3):
    """Loshchilov and Hutter, 2019, with beta 0.9 and 0.999; the weights are put back afterwards."""
    kept = [leaf.value for leaf in leaves]
    mean, square, losses = [0.0] * len(leaves), [0.0] * len(leaves), []
    for step in range(1, steps + 1):
        losses.append(loss_and_gradients(model, batch, leaves)[1])
        for i, leaf in enumerate(leaves):
            mean[i] = 0.9 * mean[i] + 0.1 * leaf.gradient
            square[i] = 0.999 * square[i] + 0.001 * leaf.gradient ** 2
            size = math.sqrt(square[i] / (1 - 0.999 ** step)) + 1e-8
            leaf.value -= rate * (decay * leaf.value + mean[i] / (1 - 0.9 ** step) / size)
    losses.append(without_tape(lambda: compute(model, batch)[1].value))
    for leaf, value in zip(leaves, kept):
        leaf.value = value
    return {"lr": rate, "weight_decay": decay, "losses": [rounded(v) for v in losses]}


def family(name, seed, build, config, targets):
    files, draw = {}, random.Random(1000 + seed)
    model = build(config, seed)
    batch = make_batch(draw)
    prompts = [[draw.randrange(3, VOCABULARY) for _ in range(n)] for n in (6, 3)]
    rows, length = len(batch["input_ids"]), len(batch["input_ids"][0])
    leaves = [leaf for weight in model.weights.values() for leaf in weight]
    files[f"{name}/inputs.json"] = text({"cases": {"padded": batch}})
    files[f"{name}/model/config.json"] = text(config)
    files[f"{name}/model/model.safetensors"] = safetensors(
        {n: (model.shapes[n], [leaf.value for leaf in w]) for n, w in model.weights.items()})

    def outputs(prefix, leaves, gradients):
        logits, loss = loss_and_gradients(model, batch, leaves)
        check_gradients(model, batch, leaves, draw)
        tensors = {"logits.padded": ([rows, length, VOCABULARY], flat_logits(batch, logits))}
        tensors |= {f"grad.padded.{n}": (shape, [leaf.gradient for leaf in weight]) for n, shape, weight in gradients}
        files[f"{name}/{prefix}.safetensors"] = safetensors(tensors)
        ways = {"single": greedy(model, prompts[:1]), "leftpad": greedy(model, prompts)}
        files[f"{name}/{prefix}.json"] = text({"loss": {"padded": rounded(loss)}, "generate": ways})

    outputs("base", leaves, [(n, model.shapes[n], w) for n, w in model.weights.items()])
    if name == "llama":
        files[f"{name}/adamw_full.json"] = text(adamw(model, batch, leaves, 0.02, 0.1))

    model.new_adapter(targets)
    model.with_adapter = True
    parts = []
    for layer, (a, b) in model.adapter.items():
        parts.append((f"base_model.model.{layer}.lora_A", [RANK, len(a) // RANK], a))
        parts.append((f"base_model.model.{layer}.lora_B", [len(b) // RANK, RANK], b))
    files[f"{name}/lora/adapter_config.json"] = text({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": f"{name}/model", "r": RANK,
        "lora_alpha": ALPHA, "lora_dropout": 0.0, "bias": "none", "target_modules": targets,
        "fan_in_fan_out": model.inputs_first, "init_lora_weights": True, "inference_mode": True})
    files[f"{name}/lora/adapter_model.safetensors"] = safetensors(
        {f"{n}.weight": (shape, [leaf.value for leaf in w]) for n, shape, w in parts})
    trained = [leaf for _, _, weight in parts for leaf in weight]
    outputs("lora_out", trained, [(f"{n}.default.weight", shape, w) for n, shape, w in parts])
    files[f"{name}/adamw.json"] = text(adamw(model, batch, trained, 0.05, 0.1))
    return files


# ---- Quantization ----------------------------------------------------------------------------------------------------------

# Dettmers et al., 2023, appendix E.
NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]


def check_nf4():
    """The values are quantiles of the normal distribution: 8 steps to one side of zero, 7 to the other, the largest 1."""
    outermost = (1 - 1 / 32 + 1 - 1 / 30) / 2
    def quantiles(count):
        return [statistics.NormalDist().inv_cdf(outermost + (0.5 - outermost) * i / count) for i in range(count)]
    values = sorted([-q for q in quantiles(7)] + [0.0] + quantiles(8))
    assert all(abs(v / values[-1] - n) < 1e-5 for v, n in zip(values, NF4)), values


def quantization():
    """Codes of an [8, 64] matrix of fp16 numbers: 4 bits in blocks of 64 with the first of two codes in the upper half of a
    byte, and LLM.int8() (Dettmers et al., 2022): each row scaled to [-127, 127] by its largest number."""
    check_nf4()
    draw, rows, width = random.Random(77), 8, 64
    def clear(x, row):
        scaled = [v / max(map(abs, row)) for v in x]
        middles = [(a + b) / 2 for a, b in zip(NF4, NF4[1:])]
        return all(min(abs(v - m) for m in middles) > 1e-3 and abs(abs(v * 127) % 1 - 0.5) > 1e-2 for v in scaled)
    matrix = []
    for _ in range(rows):
        row = [half(draw.gauss(0, 0.05)) for _ in range(width)]
        row[draw.randrange(width)] = half(draw.choice([-1, 1]) * 0.2)
        row = [v if clear([v], row) else 0.0 for v in row]  # no code is decided by rounding
        matrix.append(row)
    largest = [max(map(abs, row)) for row in matrix]
    nf4 = [[min(range(16), key=lambda c: abs(NF4[c] - v / top)) for v in row] for row, top in zip(matrix, largest)]
    int8 = [[round(v / top * 127) for v in row] for row, top in zip(matrix, largest)]
    return text({
        "matrix": [v for row in matrix for v in row], "shape": [rows, width], "absmax": largest,
        "nf4": {"block": width, "packed": [row[i] << 4 | row[i + 1] for row in nf4 for i in range(0, width, 2)],
                "values": [rounded(NF4[c] * top) for row, top in zip(nf4, largest) for c in row]},
        "int8": {"codes": [c for row in int8 for c in row],
                 "values": [rounded(c * top / 127) for row, top in zip(int8, largest) for c in row]}})


# ---- Files -----------------------------------------------------------------------------------------------------------------

def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def half(value):
    return struct.unpack("<e", struct.pack("<e", value))[0]


def rounded(value):
    return float(f"{value:.9g}")


def text(value):
    return (json.dumps(value, indent=None, separators=(", ", ": ")) + "\n").encode()


def safetensors(tensors):
    """The length of the header as 64 bits, the header as JSON, the numbers of all tensors."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        assert len(values) == math.prod(shape), name
        content = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded + data


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    files = {"quantization.json": quantization()}
    for name, seed, build, config, targets in FAMILIES:
        files |= family(name, seed, build, config, targets)
        print(name, file=sys.stderr)
    if arguments:
        different = [name for name, content in files.items()
                     if not (FOLDER / name).is_file() or (FOLDER / name).read_bytes() != content]
        sys.exit("These files differ: " + ", ".join(different) if different else 0)
    for name, content in files.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(content)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
