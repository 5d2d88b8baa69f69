"""ViC-MAE (arXiv 2303.12001) in plain PyTorch, under the parameter names that vicmae's files have: the peer of the benchmarks.

A model is made from the configuration that such a file carries, and takes its weights. Works with PyTorch 1.13 and newer.
"""
import json
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F

DTYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32}


def read_safetensors(path):
    """The metadata and the tensors, by name, of a safetensors file."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        count = 1
        for size in entry["shape"]:
            count *= size
        if count:
            flat = torch.frombuffer(data, dtype=DTYPES[entry["dtype"]], count=count, offset=8 + length + begin)
        else:
            flat = torch.empty(0, dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return metadata, tensors


class Attention(nn.Module):
    def __init__(self, dim, heads, fused):
        super().__init__()
        self.heads = heads
        self.fused = fused
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        samples, tokens, dim = x.shape
        q, k, v = self.qkv(x).view(samples, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = torch.softmax((q * (dim // self.heads) ** -0.5) @ k.transpose(2, 3), dim=3) @ v
        return self.proj(y.transpose(1, 2).reshape(samples, tokens, dim))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads, ratio, fused):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads, fused)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, int(dim * ratio))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, channels, patch, dim):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, stride=patch)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


def projection_head(dim, hidden, out):
    layers = []
    for width in (dim, hidden):
        layers += [nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, out))


def reconstruction(images, prediction, restore, kept, patch, normalise):
    """The mean squared error of the masked patches, those with ranks from `kept` on."""
    n, c, h, w = images.shape
    target = images.view(n, c, h // patch, patch, w // patch, patch).permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)
    if normalise:
        mean = target.mean(dim=2, keepdim=True)
        target = (target - mean) / torch.sqrt(target.var(dim=2, keepdim=True) + 1e-6)
    mask = (restore >= kept).to(prediction.dtype)
    return (((prediction - target) ** 2).mean(dim=2) * mask).sum() / mask.sum()


class ViCMae(nn.Module):
    """The training model. `config` is the dictionary that vicmae writes; `fused` takes PyTorch's scaled_dot_product_attention."""

    def __init__(self, config, fused=False):
        super().__init__()
        self.config = config
        patch, channels, dim, decoder = config["patch"], config["channels"], config["dim"], config["decoderDim"]
        self.patches = (config["height"] // patch) * (config["width"] // patch)
        self.kept = int(self.patches * (1 - config["maskRatio"]))
        self.patch_embed = PatchEmbed(channels, patch, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.patches, dim), requires_grad=False)
        self.blocks = nn.ModuleList(Block(dim, config["heads"], config["mlpRatio"], fused) for _ in range(config["depth"]))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.decoder_embed = nn.Linear(dim, decoder)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, 1 + self.patches, decoder), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(
            Block(decoder, config["decoderHeads"], config["mlpRatio"], fused) for _ in range(config["decoderDepth"])
        )
        self.decoder_norm = nn.LayerNorm(decoder, eps=1e-6)
        self.decoder_pred = nn.Linear(decoder, patch * patch * channels)
        self.paper = config["variant"].lower() == "paper"
        sizes = dim, config["headHidden"], config["headOut"]
        if self.paper:
            self.predictor = projection_head(*sizes)
            self.target = projection_head(*sizes)
        else:
            self.projector = projection_head(*sizes)

    @classmethod
    def load(cls, path, fused=False, **changes):
        """The model of a file of vicmae, with its weights; `changes` replace parts of the configuration."""
        metadata, tensors = read_safetensors(path)
        model = cls({**json.loads(metadata["config"]), **changes}, fused)
        missing, unexpected = model.load_state_dict(tensors, strict=False)
        fixed = {"pos_embed", "decoder_pos_embed"}
        left = [n for n in missing if n not in fixed and not n.endswith("num_batches_tracked")]
        if left:
            raise SystemExit(f"{path} has no weights for {', '.join(left)}")
        if fixed & set(missing):
            raise SystemExit(f"{path} has no position tables ({', '.join(sorted(fixed & set(missing)))})")
        return model

    def encode(self, images, noise):
        x = self.patch_embed(images) + self.pos_embed[:, 1:]
        order = torch.argsort(noise, dim=1)
        restore = torch.argsort(order, dim=1)
        keep = order[:, : self.kept, None].expand(-1, -1, x.shape[2])
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(x.shape[0], -1, -1)
        x = torch.cat([cls, torch.gather(x, 1, keep)], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), restore

    def decode(self, x, restore):
        x = self.decoder_embed(x)
        hidden = self.mask_token.expand(x.shape[0], self.patches - self.kept, -1)
        places = restore[:, :, None].expand(-1, -1, x.shape[2])
        tokens = torch.gather(torch.cat([x[:, 1:], hidden], dim=1), 1, places)
        x = torch.cat([x[:, :1], tokens], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]

    def pool(self, x):
        kind = self.config["pooling"].lower()
        tokens = x[:, 1:]
        if kind == "cls":
            return x[:, 0]
        if kind == "max":
            return tokens.amax(dim=1)
        if kind == "gem":
            return tokens.clamp(min=1e-6).pow(3).mean(dim=1).pow(1 / 3)
        return tokens.mean(dim=1)

    def contrast(self, rows, columns):
        rows, columns = F.normalize(rows.float(), dim=1), F.normalize(columns.float(), dim=1)
        logits = rows @ columns.t() / self.config["temperature"]
        count = logits.shape[0]
        own = torch.eye(count, dtype=torch.bool, device=logits.device)
        positives = (torch.arange(count, device=logits.device) + count // 2) % count
        return F.cross_entropy(logits.masked_fill(own, float("-inf")), positives)

    def forward(self, first, second, first_noise, second_noise):
        """The reconstruction loss and the contrastive loss."""
        a, a_restore = self.encode(first, first_noise)
        b, b_restore = self.encode(second, second_noise)
        pooled = self.pool(a), self.pool(b)
        if self.paper:
            rows = torch.cat([self.predictor(p) for p in pooled])
            columns = torch.cat([self.target(p) for p in pooled])
        else:
            rows = columns = torch.cat([self.projector(p) for p in pooled])
        contrastive = self.contrast(rows, columns)
        settings = self.kept, self.config["patch"], self.config["normPix"]
        first_error = reconstruction(first, self.decode(a, a_restore), a_restore, *settings)
        second_error = reconstruction(second, self.decode(b, b_restore), b_restore, *settings)
        return 0.5 * (first_error + second_error), contrastive
