"""Trains the shipped model on what generate.ts made: `OMP_NUM_THREADS=1 python3 train.py FOLDER --steps N`.

Goes on from FOLDER/checkpoint.pt when it is there. The order of the pairs depends on the seed and the step alone.
"""
import argparse
import json
import math
import os
import time
from dataclasses import asdict

import numpy as np
import torch
import torch.nn.functional as F

from network import Network, Shape


class Pairs:
    def __init__(self, folder, name, longest=10**9):
        self.tokens = np.fromfile(os.path.join(folder, f"{name}.tokens"), dtype=np.uint16)
        self.index = np.fromfile(os.path.join(folder, f"{name}.index"), dtype=np.uint32).reshape(-1, 3).astype(np.int64)
        self.index = self.index[self.index[:, 2] - self.index[:, 0] <= longest]
        self.lengths = self.index[:, 2] - self.index[:, 0]

    def batch(self, rows, device):
        """Inputs, and the targets at the places of the answers; -100 elsewhere."""
        longest = int(self.lengths[rows].max()) - 1
        x = np.zeros((len(rows), longest), dtype=np.int64)
        y = np.full((len(rows), longest), -100, dtype=np.int64)
        for i, r in enumerate(rows):
            start, answer, end = self.index[r]
            t = self.tokens[start:end].astype(np.int64)
            x[i, : len(t) - 1] = t[:-1]
            y[i, answer - start - 1 : len(t) - 1] = t[answer - start :]
        return torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)


def plan(pairs, tokens, seed, epoch):
    """Batches of about `tokens` tokens, of pairs about equally long, in random order."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(pairs.lengths))
    batches = []
    for chunk in np.array_split(order, max(1, len(order) // 8192)):
        chunk = chunk[np.argsort(pairs.lengths[chunk], kind="stable")]
        at = 0
        while at < len(chunk):
            count = 1
            while at + count < len(chunk) and (count + 1) * pairs.lengths[chunk[at + count]] <= tokens:
                count += 1
            batches.append(chunk[at : at + count])
            at += count
    return [batches[i] for i in rng.permutation(len(batches))]


def loss_of(model, x, y, amp):
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=amp):
        h = model.hidden(x)
        wanted = y != -100
        logits = model.logits(h[wanted])
    return F.cross_entropy(logits.float(), y[wanted]), wanted.sum()


def measure(model, pairs, device, amp, limit=128):
    """Mean loss, and the share of answers with every word right when the words before are given."""
    model.eval()
    total, words, right, n = 0.0, 0, 0, 0
    order = np.argsort(pairs.lengths, kind="stable")
    with torch.no_grad():
        for at in range(0, len(order), limit):
            x, y = pairs.batch(order[at : at + limit], device)
            with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=amp):
                logits = model.logits(model.hidden(x)).float()
            total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-100, reduction="sum").item()
            words += (y != -100).sum().item()
            right += ((logits.argmax(-1) == y) | (y == -100)).all(-1).sum().item()
            n += len(x)
    model.train()
    return total / words, right / n


def rate(step, steps, peak, warm=200, fall=0.35):
    """Constant after warming up, then down to a twentieth along a straight line."""
    if step < warm:
        return peak * (step + 1) / warm
    left = (steps - step) / (steps * fall)
    return peak * max(0.05, min(1.0, left))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--steps", type=int, default=6000)
    p.add_argument("--tokens", type=int, default=2048)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--width", type=int, default=96)
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--heads", type=int, default=3)
    p.add_argument("--inner", type=int, default=256)
    p.add_argument("--longest", type=int, default=64, help="pairs of more words are left out")
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--report", type=int, default=500)
    o = p.parse_args()
    torch.manual_seed(o.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    words = json.load(open(os.path.join(o.folder, "words.json")))
    shape = Shape(words=len(words), width=o.width, layers=o.layers, heads=o.heads, inner=o.inner)
    model = Network(shape).to(device)
    matrices = [q for q in model.parameters() if q.dim() == 2]
    vectors = [q for q in model.parameters() if q.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=o.rate, betas=(0.9, 0.95), foreach=True)
    train, valid, unseen = (Pairs(o.folder, n, o.longest) for n in ("train", "valid", "unseen"))
    others = {"valid": valid, "unseen": unseen}
    if os.path.exists(os.path.join(o.folder, "members.index")):
        others["members"] = Pairs(o.folder, "members", o.longest)
    path = os.path.join(o.folder, "checkpoint.pt")
    step, spent = 0, 0.0
    if os.path.exists(path):
        saved = torch.load(path, map_location=device)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["seconds"]
    print(f"{sum(q.numel() for q in model.parameters())} parameters, {len(train.lengths)} pairs, from step {step}", flush=True)

    def save():
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seconds": spent}
        torch.save({**state, "shape": asdict(shape), "options": vars(o)}, path + ".new")
        os.replace(path + ".new", path)

    per_epoch = len(plan(train, o.tokens, o.seed, 0))
    epoch, batches = -1, []
    since, losses = time.time(), []
    while step < o.steps:
        e, i = divmod(step, per_epoch)
        if e != epoch:
            epoch, batches = e, plan(train, o.tokens, o.seed, e)
        x, y = train.batch(batches[i % len(batches)], device)
        for g in optimiser.param_groups:
            g["lr"] = rate(step, o.steps, o.rate)
        loss, _ = loss_of(model, x, y, o.bf16)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        step += 1
        if step % o.report == 0 or step == o.steps:
            spent += time.time() - since
            seen = {name: [round(q, 4) for q in measure(model, pairs, device, o.bf16)] for name, pairs in others.items()}
            line = {"step": step, "seconds": round(spent), "epoch": round(step / per_epoch, 2), "train": round(float(np.mean(losses)), 4)}
            print(json.dumps({**line, **seen}), flush=True)
            save()
            since, losses = time.time(), []


main()
