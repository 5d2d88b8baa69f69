"""Loads an exported encoder into a plain vision transformer with timm's names, strictly, and prints its features of one image.

python3 strict_load.py FILE DIM DEPTH HEADS PATCH HEIGHT WIDTH: the class token on one line, the mean of the patches' tokens on the next.
"""
import sys

import torch
import torch.nn.functional as F
from torch import nn

file = sys.argv[1]
dim, depth, heads, patch, height, width = map(int, sys.argv[2:8])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        shares = (q @ k.transpose(-2, -1) / (dim // heads) ** 0.5).softmax(-1)
        return self.proj((shares @ v).transpose(1, 2).reshape(n, t, dim))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + height // patch * (width // patch), dim))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.Sequential(*[Block() for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1) + self.pos_embed
        return self.norm(self.blocks(x))


with torch.no_grad():
    model = VisionTransformer()
    state = torch.load(file, map_location="cpu")
    model.load_state_dict(state, strict=True)
    i = torch.arange(3 * height * width)
    tokens = model(((i * 37 + 11) % 101 / 64 - 0.75).reshape(1, 3, height, width))[0]
    print(next(iter(state.values())).dtype)
    for row in (tokens[0], tokens[1:].mean(0)):
        print(*(f"{v:.8g}" for v in row.tolist()))
