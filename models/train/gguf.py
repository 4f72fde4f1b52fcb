"""Writes GGUF version 3 (the GGUF specification of ggml): metadata, then tensors aligned to 32 bytes."""
import struct

import numpy as np

U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5
F32_TENSOR, Q8_0 = 0, 8
ALIGNMENT = 32
BLOCK = 32


def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    if isinstance(v, str):
        return struct.pack("<I", STRING) + text(v)
    if isinstance(v, float):
        return struct.pack("<If", F32, v)
    if isinstance(v, int):
        return struct.pack("<II", U32, v)
    kind, items = v
    body = b"".join(text(i) for i in items) if kind == STRING else struct.pack(f"<{len(items)}i", *items)
    return struct.pack("<IIQ", ARRAY, kind, len(items)) + body


def strings(items):
    return (STRING, items)


def integers(items):
    return (I32, items)


def quantise(matrix):
    """Blocks of 32: a half-precision scale, then 32 signed bytes. Rows must be multiples of 32 long."""
    blocks = matrix.astype(np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0)
    whole = np.clip(np.round(blocks * inverse), -127, 127).astype(np.int8)
    half = scale.astype(np.float16)
    raw = np.concatenate([half.view(np.uint8).reshape(-1, 2), whole.view(np.uint8)], axis=1)
    back = (half.astype(np.float32) * whole).reshape(matrix.shape)
    return raw.tobytes(), back


def write(path, metadata, tensors):
    """tensors: name → array. Two-dimensional ones become q8_0; returns what they hold afterwards."""
    infos, datas, kept, offset = b"", [], {}, 0
    for name, t in tensors.items():
        if t.ndim == 2:
            kind, (raw, kept[name]) = Q8_0, quantise(t)
        else:
            kind, raw, kept[name] = F32_TENSOR, t.astype("<f4").tobytes(), t.astype(np.float32)
        infos += text(name) + struct.pack("<I", t.ndim) + struct.pack(f"<{t.ndim}Q", *reversed(t.shape))
        infos += struct.pack("<IQ", kind, offset)
        raw += b"\0" * (-len(raw) % ALIGNMENT)
        datas.append(raw)
        offset += len(raw)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(text(k) + value(v) for k, v in metadata.items()) + infos
    head += b"\0" * (-len(head) % ALIGNMENT)
    with open(path, "wb") as f:
        f.write(head + b"".join(datas))
    return kept
