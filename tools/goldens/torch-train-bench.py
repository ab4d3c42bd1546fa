#!/usr/bin/env python3
"""Training step of a decoder in PyTorch on the CPU: the other side of bench/train-step.

Same shape as the engine's benchmark: pre-norm decoder with RMSNorm, q/k norm, rotary positions, grouped-query
attention, SwiGLU and tied embeddings; one step is forward, cross entropy, backward, clip to norm 1, AdamW.
Written from the definition of the blocks; uses PyTorch's own fused attention, RMSNorm and fused AdamW, so the
comparison is against what a PyTorch user would run, not against a slow transcription.

  python tools/goldens/torch-train-bench.py                      # 6 layers, width 384, batch 8 x 256, fp32
  python tools/goldens/torch-train-bench.py --preset nano --threads 2
  python tools/goldens/torch-train-bench.py --dtype bf16         # autocast
  python tools/goldens/torch-train-bench.py --compile            # torch.compile (needs a C++ compiler)

Prints one JSON object. Needs only torch. Nothing in the product or its tests runs this file.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

PRESETS = {
    # The defaults of bench/train-step.bench.ts: 10.8 M parameters with tied embeddings.
    "train-step": dict(layers=6, width=384, heads=6, kv_heads=6, ffn=1024, vocab=512, batch=8, tokens=256),
    # The text decoder of the nano driver (packages/models, preset "nano").
    "nano": dict(layers=4, width=128, heads=4, kv_heads=2, ffn=384, vocab=4096, batch=8, tokens=192),
}


def rotary(head_dim, tokens, theta=1e6):
    inv = 1.0 / theta ** (torch.arange(0, head_dim, 2).float() / head_dim)
    angle = torch.arange(tokens).float()[:, None] * inv[None, :]
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-b, a), dim=-1) * sin


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.head_dim = c.width // c.heads
        self.heads, self.kv_heads = c.heads, c.kv_heads
        self.norm1, self.norm2 = nn.RMSNorm(c.width, 1e-6), nn.RMSNorm(c.width, 1e-6)
        self.q = nn.Linear(c.width, c.heads * self.head_dim, bias=False)
        self.k = nn.Linear(c.width, c.kv_heads * self.head_dim, bias=False)
        self.v = nn.Linear(c.width, c.kv_heads * self.head_dim, bias=False)
        self.o = nn.Linear(c.heads * self.head_dim, c.width, bias=False)
        self.q_norm, self.k_norm = nn.RMSNorm(self.head_dim, 1e-6), nn.RMSNorm(self.head_dim, 1e-6)
        self.gate = nn.Linear(c.width, c.ffn, bias=False)
        self.up = nn.Linear(c.width, c.ffn, bias=False)
        self.down = nn.Linear(c.ffn, c.width, bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        h = self.norm1(x)
        q = self.q_norm(self.q(h).view(b, t, self.heads, self.head_dim)).transpose(1, 2)
        k = self.k_norm(self.k(h).view(b, t, self.kv_heads, self.head_dim)).transpose(1, 2)
        v = self.v(h).view(b, t, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        grouped = self.heads != self.kv_heads
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, -1))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed = nn.Embedding(c.vocab, c.width)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = nn.RMSNorm(c.width, 1e-6)
        for weight in self.parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, std=0.02)
        cos, sin = rotary(c.width // c.heads, c.tokens)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.norm(x) @ self.embed.weight.T


def matmul_flops(c):
    """Multiply-adds count as two; backward is twice forward. Norms, softmax and the optimizer are left out."""
    head_dim = c.width // c.heads
    per_token = 2 * c.width * head_dim * (2 * c.heads + 2 * c.kv_heads) + 6 * c.width * c.ffn
    attention = 2 * 2 * c.tokens * c.heads * head_dim  # full square, as dense matmuls compute it
    forward = c.batch * c.tokens * (c.layers * (per_token + attention) + 2 * c.width * c.vocab)
    return 3 * forward


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="train-step")
    for name in PRESETS["train-step"]:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--without-optimizer", action="store_true", help="forward and backward only, as bench/train-step")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    given = {k: getattr(args, k) for k in PRESETS["train-step"] if getattr(args, k) is not None}
    c = argparse.Namespace(**{**PRESETS[args.preset], **given})

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    model = Decoder(c)
    params = sum(p.numel() for p in model.parameters())
    step_model = torch.compile(model) if args.compile else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    ids = torch.randint(0, c.vocab, (c.batch, c.tokens + 1))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            logits = step_model(ids[:, :-1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        if not args.without_optimizer:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    first = step()
    for _ in range(args.warmup):
        step()
    millis = []
    for _ in range(args.steps):
        start = time.perf_counter()
        last = step()
        millis.append(1000 * (time.perf_counter() - start))
    # The same batch again and again must be learnt; a benchmark of a step that does not train is worth nothing.
    assert args.without_optimizer or last < first, f"loss rose from {first} to {last}"

    median = statistics.median(millis)
    flops = matmul_flops(c)
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            cpu = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    print(json.dumps({
        "what": "decoder training step, PyTorch CPU",
        "shape": vars(c), "params": params, "dtype": args.dtype, "compiled": args.compile, "optimizer": not args.without_optimizer,
        "msPerStep": {"median": round(median, 2), "min": round(min(millis), 2), "max": round(max(millis), 2)},
        "tokensPerSec": round(1000 * c.batch * c.tokens / median),
        "matmulGflopPerStep": round(flops / 1e9, 2), "gflopPerSec": round(flops / median / 1e6, 1),
        "loss": {"first": round(first, 4), "last": round(last, 4)},
        "peakRssMb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "threads": args.threads, "torch": torch.__version__, "python": platform.python_version(),
        "cpu": cpu, "system": platform.platform(),
    }, indent=2))


if __name__ == "__main__":
    main()
