"""Turns a checkpoint into GGUF: `python3 export.py FOLDER OUT.gguf [--samples N]`.

With --samples it also writes OUT.gguf.samples.json: questions of the valid and unseen sets and what this network
answers, word by word the likeliest, with the weights as the file holds them. llama.cpp has to answer the same.
"""
import argparse
import json
import os

import numpy as np
import torch

import gguf
from network import Network, Shape

CONTROL, USER_DEFINED = 3, 4


def metadata(shape, words, name, trained, dialect):
    return {
        "general.architecture": "llama",
        "general.name": name,
        "general.license": "apache-2.0",
        "general.description": f"Rewrites pieces of eBPF; trained for {trained} steps by models/train of Velocity",
        "llama.context_length": shape.context,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.inner,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.heads,
        "llama.attention.layer_norm_rms_epsilon": shape.epsilon,
        "llama.rope.dimension_count": shape.width // shape.heads,
        "llama.rope.freq_base": shape.theta,
        "llama.vocab_size": len(words),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": gguf.strings(words),
        "tokenizer.ggml.token_type": gguf.integers([CONTROL if i < 3 else USER_DEFINED for i in range(len(words))]),
        "tokenizer.ggml.merges": gguf.strings([]),
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "velocity.dialect": dialect,
    }


def tensors(model):
    out = {}
    for name, p in model.state_dict().items():
        out[name] = p.detach().cpu().float().numpy()
    return out


def greedy(model, question, end=2, most=160):
    tokens = list(question)
    with torch.no_grad():
        while len(tokens) < model.shape.context and len(tokens) < len(question) + most:
            h = model.hidden(torch.tensor([tokens]))
            best = int(model.logits(h[0, -1]).argmax())
            if best == end:
                break
            tokens.append(best)
    return tokens[len(question) :]


def questions(folder, name, count):
    tokens = np.fromfile(os.path.join(folder, f"{name}.tokens"), dtype=np.uint16)
    index = np.fromfile(os.path.join(folder, f"{name}.index"), dtype=np.uint32).reshape(-1, 3)
    return [tokens[a:b].tolist() for a, b, _ in index[:count]]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("out")
    p.add_argument("--name", default="velocity-window")
    # The version of the words and of the question; vocabulary.ts has to agree.
    p.add_argument("--dialect", default="window-1")
    p.add_argument("--samples", type=int, default=0)
    o = p.parse_args()
    saved = torch.load(os.path.join(o.folder, "checkpoint.pt"), map_location="cpu")
    shape = Shape(**saved["shape"])
    model = Network(shape)
    model.load_state_dict(saved["model"])
    words = json.load(open(os.path.join(o.folder, "words.json")))
    kept = gguf.write(o.out, metadata(shape, words, o.name, saved["step"], o.dialect), tensors(model))
    print(f"{o.out}: {os.path.getsize(o.out)} bytes, step {saved['step']}")
    if o.samples == 0:
        return
    model.load_state_dict({name: torch.from_numpy(t.copy()) for name, t in kept.items()})
    asked = [q for n in ("valid", "unseen") for q in questions(o.folder, n, o.samples // 2)]
    made = [{"question": q, "answer": greedy(model, q)} for q in asked]
    json.dump(made, open(o.out + ".samples.json", "w"))


main()
