"""Makes resources/io/github/vicmae/eval/dinov2-*: checkpoints in the form of DINOv2's, and the features that PyTorch computes.

Run by hand where there is a PyTorch 1.13 or newer: python3 dinov2.py FOLDER. Each line of the text: the side of the image, then the class token
or, on the next line, the mean of the patch tokens.
"""
import math
import sys
import torch
from torch import nn
import torch.nn.functional as F

DIM, DEPTH, HEADS, PATCH, GRID = 16, 2, 2, 4, 6


def layer_norm(d):
    return nn.LayerNorm(d, eps=1e-6)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(DIM, 3 * DIM)
        self.proj = nn.Linear(DIM, DIM)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        scores = (q * (d // HEADS) ** -0.5) @ k.transpose(-2, -1)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(DIM, 4 * DIM)
        self.fc2 = nn.Linear(4 * DIM, DIM)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return x * self.gamma


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = layer_norm(DIM)
        self.attn = Attention()
        self.ls1 = LayerScale()
        self.norm2 = layer_norm(DIM)
        self.mlp = Mlp()
        self.ls2 = LayerScale()

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, DIM, PATCH, PATCH)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Dino(nn.Module):
    def __init__(self, registers):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, DIM))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + GRID * GRID, DIM))
        self.mask_token = nn.Parameter(torch.zeros(1, DIM))
        if registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, registers, DIM))
        self.registers = registers
        self.patch_embed = PatchEmbed()
        self.blocks = nn.ModuleList([Block() for _ in range(DEPTH)])
        self.norm = layer_norm(DIM)

    def positions(self, side):
        to = side // PATCH
        if to == GRID:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, GRID, GRID, DIM).permute(0, 3, 1, 2)
        if self.registers:
            grid = F.interpolate(grid, size=(to, to), mode="bicubic", antialias=True)
        else:
            grid = F.interpolate(grid, scale_factor=((to + 0.1) / GRID,) * 2, mode="bicubic")
        assert grid.shape[-1] == to
        return torch.cat((self.pos_embed[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, DIM)), 1)

    def forward(self, x):
        tokens = torch.cat((self.cls_token.expand(len(x), -1, -1), self.patch_embed(x)), 1)
        tokens = tokens + self.positions(x.shape[-1])
        if self.registers:
            tokens = torch.cat((tokens[:, :1], self.register_tokens.expand(len(x), -1, -1), tokens[:, 1:]), 1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        return tokens[:, 0], tokens[:, 1 + self.registers:].mean(1)


def image(side):
    """Exact in floats: the test makes the same."""
    i = torch.arange(3 * side * side, dtype=torch.int64)
    return (((i * 37 + 11) % 101).float() / 64 - 0.75).reshape(1, 3, side, side)


out = sys.argv[1]
for registers in (0, 2):
    torch.manual_seed(registers)
    model = Dino(registers).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.3 * torch.randn_like(p))
        name = f"{out}/dinov2-{registers}-registers"
        torch.save(model.state_dict(), name + ".pth")
        with open(name + ".txt", "w") as f:
            for side in (24, 16, 32):
                for row in model(image(side)):
                    f.write(f"{side} " + " ".join(f"{v:.8g}" for v in row[0].tolist()) + "\n")
