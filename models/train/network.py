"""The llama architecture as llama.cpp runs it: RMS norm, rotary pairs interleaved, gated feed-forward, tied embeddings."""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    words: int
    width: int = 128
    layers: int = 5
    heads: int = 4
    inner: int = 352
    context: int = 320
    epsilon: float = 1e-5
    theta: float = 10000.0


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotate(x, cos, sin):
    """x: batch, heads, length, head; pairs are neighbours (2i, 2i+1)."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.heads = s.heads
        self.attn_norm = Norm(s.width, s.epsilon)
        self.attn_q = nn.Linear(s.width, s.width, bias=False)
        self.attn_k = nn.Linear(s.width, s.width, bias=False)
        self.attn_v = nn.Linear(s.width, s.width, bias=False)
        self.attn_output = nn.Linear(s.width, s.width, bias=False)
        self.ffn_norm = Norm(s.width, s.epsilon)
        self.ffn_gate = nn.Linear(s.width, s.inner, bias=False)
        self.ffn_up = nn.Linear(s.width, s.inner, bias=False)
        self.ffn_down = nn.Linear(s.inner, s.width, bias=False)

    def forward(self, x, cos, sin, mask):
        b, t, w = x.shape
        h = self.attn_norm(x)
        split = lambda y: y.view(b, t, self.heads, w // self.heads).transpose(1, 2)
        q, k, v = (split(p(h)) for p in (self.attn_q, self.attn_k, self.attn_v))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = (q @ k.transpose(-1, -2)).float() / math.sqrt(w // self.heads) + mask
        y = scores.softmax(-1).to(v.dtype) @ v
        x = x + self.attn_output(y.transpose(1, 2).reshape(b, t, w))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Network(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.words, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width, shape.epsilon)
        head = shape.width // shape.heads
        rates = shape.theta ** (-torch.arange(0, head, 2).float() / head)
        angles = torch.arange(shape.context).float()[:, None] * rates
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        mask = torch.full((shape.context, shape.context), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = 0.02 / math.sqrt(2 * shape.layers) if "output" in name or "down" in name else 0.02
                nn.init.normal_(p, std=scale)

    def hidden(self, tokens):
        t = tokens.shape[1]
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, self.cos[:t], self.sin[:t], self.mask[:t, :t])
        return self.output_norm(x)

    def logits(self, hidden):
        return hidden @ self.token_embd.weight.t().to(hidden.dtype)
