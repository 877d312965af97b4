"""Turns a Whisper file of diting's cache (ggml) into a model folder that faster-whisper reads (CTranslate2, int8).

    convert.py GGML_FILE FOLDER

Both programs then run the very same weights. Nothing else is fetched: the merges of the tokeniser follow from the order
of its tokens, and everything past the text tokens is fixed by how Whisper was published.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec

GGML_MAGIC = 0x67676D6C
# ggml's numbers for the types of tensors.
F32, F16, Q8_0 = 0, 1, 8
Q8_0_BLOCK = np.dtype([("scale", "<f2"), ("values", "i1", 32)])

NUM_TEXT_TOKENS = 50257
# In the order of their tokens.
LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy "
    "sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo "
    "uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
).split()
# The large models of the third generation added one.
LATER_LANGUAGES = ["yue"]
TASKS = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
TIMESTAMPS = [f"{step * 0.02:.2f}" for step in range(1501)]

# Heads of the decoder that follow the audio, by the number of its layers: only word times need them.
ALIGNMENT_HEADS = {
    6: [(3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)],
    12: [(5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)],
}


class Ggml:
    """A Whisper file: its sizes, its text tokens as bytes, its tensors as float32 by name."""

    def __init__(self, path):
        self._data = memoryview(path.read_bytes())
        self._at = 0
        magic, *sizes = self._ints(12)
        if magic != GGML_MAGIC:
            raise SystemExit(f"{path} is no ggml file")
        (self.num_tokens, _, _, self.audio_heads, self.audio_layers, _, _, self.text_heads, self.text_layers,
         self.num_mels, _) = sizes
        rows, columns = self._ints(2)
        # CTranslate2's side computes its mel filters itself; they are the same by definition.
        self._take(rows * columns * 4)
        (num_stored,) = self._ints(1)
        self.tokens = [bytes(self._take(*self._ints(1))) for _ in range(num_stored)]
        self.tensors = {}
        while self._at < len(self._data):
            num_dims, name_length, kind = self._ints(3)
            # ggml writes the fastest extent first.
            shape = tuple(reversed(self._ints(num_dims)))
            name = bytes(self._take(name_length)).decode()
            self.tensors[name] = self._values(kind, int(np.prod(shape))).reshape(shape)

    def _take(self, num_bytes):
        taken = self._data[self._at:self._at + num_bytes]
        if len(taken) != num_bytes:
            raise SystemExit("the ggml file is cut off")
        self._at += num_bytes
        return taken

    def _ints(self, count):
        return np.frombuffer(self._take(4 * count), "<i4").tolist()

    def _values(self, kind, count):
        if kind == F32:
            return np.frombuffer(self._take(4 * count), "<f4")
        if kind == F16:
            return np.frombuffer(self._take(2 * count), "<f2").astype(np.float32)
        if kind == Q8_0:
            blocks = np.frombuffer(self._take(count // 32 * Q8_0_BLOCK.itemsize), Q8_0_BLOCK)
            return blocks["values"] * blocks["scale"].astype(np.float32)[:, None]
        raise SystemExit(f"tensors of ggml's type {kind} are not read here")


def special_tokens(num_tokens):
    """The tokens behind the text, in order."""
    num_languages = num_tokens - NUM_TEXT_TOKENS - 2 - len(TASKS) - len(TIMESTAMPS)
    languages = (LANGUAGES + LATER_LANGUAGES)[:num_languages]
    if len(languages) != num_languages:
        raise SystemExit(f"no published model has {num_tokens} tokens")
    names = ["endoftext", "startoftranscript", *languages, *TASKS, *TIMESTAMPS]
    return [f"<|{name}|>" for name in names]


def byte_characters():
    """The printable character that stands for each byte in byte-level BPE."""
    itself = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in itself else chr(next(others)) for byte in range(256)]


def merge(rank_of, token):
    """The two tokens that `token` was made from: what is left of its bytes when only earlier merges are done."""
    parts = [token[at:at + 1] for at in range(len(token))]
    while len(parts) > 2:
        candidates = [(rank_of.get(left + right, len(rank_of)), at)
                      for at, (left, right) in enumerate(zip(parts, parts[1:]))]
        rank, at = min(candidates)
        if rank >= rank_of[token]:
            raise SystemExit(f"token {token!r} follows from no merge")
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return parts


def tokenizer(tokens, specials):
    """The tokeniser in the form of the `tokenizers` library."""
    characters = byte_characters()
    rank_of = {token: rank for rank, token in enumerate(tokens)}

    def spell(token):
        return "".join(characters[byte] for byte in token)

    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [{
        "id": len(tokens) + place, "content": content, "special": place < len(specials) - len(TIMESTAMPS),
        "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
    } for place, content in enumerate(specials)]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False,
            "vocab": {spell(token): rank for rank, token in enumerate(tokens)},
            "merges": [[spell(part) for part in merge(rank_of, token)] for token in tokens if len(token) > 1],
        },
    }


def fill(spec, tensors):
    """Puts the tensors into the places that CTranslate2 has for them."""
    def dense(target, *names):
        """One matrix, or several stacked: a missing bias (keys have none) is zero among others and absent alone."""
        weights = [tensors[f"{name}.weight"] for name in names]
        target.weight = np.concatenate(weights)
        biases = [tensors.get(f"{name}.bias") for name in names]
        if any(bias is not None for bias in biases):
            target.bias = np.concatenate([np.zeros(len(weight), np.float32) if bias is None else bias.ravel()
                                          for weight, bias in zip(weights, biases)])

    def norm(target, name):
        target.gamma, target.beta = tensors[f"{name}.weight"], tensors[f"{name}.bias"]

    def block(layer, name, attends_to_audio):
        own = layer.self_attention
        norm(own.layer_norm, f"{name}.attn_ln")
        dense(own.linear[0], *(f"{name}.attn.{part}" for part in ("query", "key", "value")))
        dense(own.linear[1], f"{name}.attn.out")
        if attends_to_audio:
            cross = layer.attention
            norm(cross.layer_norm, f"{name}.cross_attn_ln")
            dense(cross.linear[0], f"{name}.cross_attn.query")
            dense(cross.linear[1], f"{name}.cross_attn.key", f"{name}.cross_attn.value")
            dense(cross.linear[2], f"{name}.cross_attn.out")
        norm(layer.ffn.layer_norm, f"{name}.mlp_ln")
        dense(layer.ffn.linear_0, f"{name}.mlp.0")
        dense(layer.ffn.linear_1, f"{name}.mlp.2")

    encoder, decoder = spec.encoder, spec.decoder
    dense(encoder.conv1, "encoder.conv1")
    dense(encoder.conv2, "encoder.conv2")
    encoder.position_encodings.encodings = tensors["encoder.positional_embedding"]
    norm(encoder.layer_norm, "encoder.ln_post")
    decoder.embeddings.weight = decoder.projection.weight = tensors["decoder.token_embedding.weight"]
    decoder.position_encodings.encodings = tensors["decoder.positional_embedding"]
    norm(decoder.layer_norm, "decoder.ln")
    for side, layers in (("encoder", encoder.layer), ("decoder", decoder.layer)):
        for number, layer in enumerate(layers):
            block(layer, f"{side}.blocks.{number}", side == "decoder")


def main(source, target):
    model = Ggml(Path(source))
    specials = special_tokens(model.num_tokens)
    if len(model.tokens) != NUM_TEXT_TOKENS:
        raise SystemExit(f"{len(model.tokens)} text tokens are those of no multilingual model")
    tokens = tokenizer(model.tokens, specials)

    spec = WhisperSpec(model.audio_layers, model.audio_heads, model.text_layers, model.text_heads)
    fill(spec, model.tensors)
    spec.register_vocabulary([*tokens["model"]["vocab"], *specials])
    end = NUM_TEXT_TOKENS
    # No text begins with a space alone or with the end; faster-whisper names all other bans itself.
    spec.config.suppress_ids_begin = [tokens["model"]["vocab"]["Ġ"], end]
    spec.config.suppress_ids = []
    spec.config.lang_ids = list(range(end + 2, model.num_tokens - len(TASKS) - len(TIMESTAMPS)))
    spec.config.alignment_heads = ALIGNMENT_HEADS.get(model.text_layers)
    spec.validate()
    spec.optimize(quantization="int8")

    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    spec.save(str(target))
    (target / "tokenizer.json").write_text(json.dumps(tokens, ensure_ascii=False), "utf-8")
    (target / "preprocessor_config.json").write_text(json.dumps({"feature_size": model.num_mels}), "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
