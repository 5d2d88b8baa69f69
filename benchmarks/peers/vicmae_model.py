"""ViC-MAE (arXiv 2303.12001), MAE (2111.06377), ST-MAE (2205.09113) and OmniMAE (2206.08356), and their fine-tuning, in plain PyTorch, under the parameter
names that vicmae's files have: the peers of the benchmarks.

A model is made from the configuration that such a file carries, and takes its weights. Works with PyTorch 1.13 and newer.
"""
import json
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F

from configurations import batches, target_tube

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
    """One linear map of a patch, or of a tube of patches: [N, C, H, W] or [N, C, T, H, W] to [N, L, D]."""

    def __init__(self, c):
        super().__init__()
        size = (c["patch"], c["patch"]) if c["tube"] == 1 else (c["tube"], c["patch"], c["patch"])
        self.proj = (nn.Conv2d if c["tube"] == 1 else nn.Conv3d)(c["channels"], c["dim"], size, stride=size)

    def forward(self, views):
        return self.proj(views).flatten(2).transpose(1, 2)


def projection_head(dim, hidden, out):
    layers = []
    for width in (dim, hidden):
        layers += [nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, out))


def reconstruction(views, prediction, restore, kept, patch, normalise, tube=1, deviation=None):
    """The mean squared error of the masked patches, those with ranks from `kept` on. Pixels are normalised by patch or, if
    `deviation` is given (what each channel of the views was divided by), multiplied by it and normalised by channel.
    """
    views = views[:, :, None] if views.dim() == 4 else views
    n, c, t, h, w = views.shape
    target = views.reshape(n, c, t // tube, tube, h // patch, patch, w // patch, patch)
    target = target.permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4, 6).flatten(1, 3)
    target = target.flatten(2) if deviation is None else target * deviation.to(target)
    if normalise:
        mean = target.mean(dim=2, keepdim=True)
        target = (target - mean) / torch.sqrt(target.var(dim=2, keepdim=True) + 1e-6)
    mask = (restore >= kept).to(prediction.dtype)
    return (((prediction - target.flatten(2)) ** 2).mean(dim=2) * mask).sum() / mask.sum()


class Model(nn.Module):
    """What a file of vicmae holds."""

    @classmethod
    def load(cls, path, fused=False):
        """The model of a file of vicmae, with its weights."""
        metadata, tensors = read_safetensors(path)
        return of(json.loads(metadata["config"]), fused).take(tensors, path)

    def take(self, tensors, path):
        own = self.state_dict()
        tensors = {name: value.reshape(own[name].shape) if name in own else value for name, value in tensors.items()}
        missing, _ = self.load_state_dict(tensors, strict=False)
        left = [name for name in missing if not name.endswith("num_batches_tracked")]
        if left:
            raise SystemExit(f"{path} has no {', '.join(left)}")
        return self


class MaskedAutoencoder(Model):
    """Encoder and decoder of any of the methods. `config` is the dictionary that vicmae writes; `fused` takes PyTorch's
    scaled_dot_product_attention.
    """

    def __init__(self, config, fused=False):
        super().__init__()
        self.config = config
        trunk, decoder = config["trunk"], config["decoder"]
        dim, width = trunk["dim"], decoder["dim"]
        places = (trunk["height"] // trunk["patch"]) * (trunk["width"] // trunk["patch"])
        times = trunk["frames"] // trunk["tube"]
        self.class_token, self.own_class_token = trunk["classToken"], decoder["ownClassToken"]
        self.batches = batches(config, 1)
        self.patch_embed = PatchEmbed(trunk)
        if self.class_token:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.blocks = nn.ModuleList(Block(dim, trunk["heads"], trunk["mlpRatio"], fused) for _ in range(trunk["depth"]))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.decoder_embed = nn.Linear(dim, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim if decoder["embedsLast"] else width))
        if self.own_class_token:
            self.decoder_cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.add_positions("pos_embed", places, times, dim, self.class_token)
        if not decoder["embedsLast"]:
            self.add_positions("decoder_pos_embed", places, times, width, self.class_token or self.own_class_token)
        self.decoder_blocks = nn.ModuleList(
            Block(width, decoder["heads"], decoder["mlpRatio"], fused) for _ in range(decoder["depth"])
        )
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        pixels = target_tube(config, trunk["frames"]) * trunk["patch"] ** 2 * trunk["channels"]
        self.decoder_pred = nn.Linear(width, pixels)
        # What views are divided by: targets that are normalised by channel have it undone.
        self.deviation = torch.tensor([0.229, 0.224, 0.225] if trunk["channels"] == 3 else [0.5] * trunk["channels"])

    def add_positions(self, name, places, times, dim, class_token):
        """One fixed table, or three trained ones whose sums are the positions."""
        if self.config["trunk"]["positions"] == "learned":
            for part, count in dict(spatial=places, temporal=times, **{"class": 1} if class_token else {}).items():
                setattr(self, f"{name}_{part}", nn.Parameter(torch.zeros(1, count, dim)))
        else:
            setattr(self, name, nn.Parameter(torch.zeros(1, class_token + times * places, dim), requires_grad=False))

    def positions(self, name, count):
        """The positions of `count` patches [1, count, D], and of the class token [1, 1, D], if there is one."""
        if self.config["trunk"]["positions"] == "learned":
            spatial, temporal = getattr(self, name + "_spatial"), getattr(self, name + "_temporal")
            return (temporal[:, :, None] + spatial[:, None]).flatten(1, 2), getattr(self, name + "_class", None)
        table = getattr(self, name)
        return (table[:, 1 : 1 + count], table[:, :1]) if self.class_token else (table[:, :count], None)

    def shapes(self, samples):
        """The shapes of all views, batch after batch, and of their noise."""
        c = self.config["trunk"]
        views, noises = [], []
        for batch in batches(self.config, samples):
            frames = [batch["stored"]] if batch["stored"] > 1 else []
            views += [[batch["samples"], c["channels"], *frames, c["height"], c["width"]]] * batch["views"]
            noises += [[batch["samples"], batch["patches"]]] * batch["views"]
        return views, noises

    def encode(self, views, noise, kept):
        """The encoder's tokens, and each patch's rank."""
        if self.config["trunk"]["tube"] > 1 and views.dim() == 4:  # an image is repeated for the frames of a tube
            views = views[:, :, None].expand(-1, -1, self.config["trunk"]["tube"], -1, -1)
        x = self.patch_embed(views)
        patches, first = self.positions("pos_embed", x.shape[1])
        x = x + patches
        order = torch.argsort(noise, dim=1)
        restore = torch.argsort(order, dim=1)
        x = torch.gather(x, 1, order[:, :kept, None].expand(-1, -1, x.shape[2]))
        if self.class_token:
            x = torch.cat([(self.cls_token + first).expand(x.shape[0], -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), restore

    def decode(self, x, restore):
        """The prediction for each patch."""
        last = self.config["decoder"]["embedsLast"]
        x = x if last else self.decoder_embed(x)
        first, x = (x[:, :1], x[:, 1:]) if self.class_token else (None, x)
        hidden = self.mask_token.expand(x.shape[0], restore.shape[1] - x.shape[1], -1)
        x = torch.gather(torch.cat([x, hidden], dim=1), 1, restore[:, :, None].expand(-1, -1, x.shape[2]))
        if last:
            x = self.decoder_embed(x + self.positions("pos_embed", x.shape[1])[0])
        else:
            if self.own_class_token:
                first = self.decoder_cls_token.expand(x.shape[0], -1, -1)
            patches, of_first = self.positions("decoder_pos_embed", x.shape[1])
            x = x + patches if first is None else torch.cat([first + of_first, x + patches], dim=1)
        for block in self.decoder_blocks:
            x = block(x)
        x = self.decoder_pred(self.decoder_norm(x))
        return x if last or first is None else x[:, 1:]

    def reconstruction(self, views, prediction, restore, kept):
        trunk, decoder = self.config["trunk"], self.config["decoder"]
        if trunk["tube"] > 1 and views.dim() == 4:
            views = views[:, :, None].expand(-1, -1, trunk["tube"], -1, -1)
        tube = trunk["tube"]
        if decoder["targetFrames"]:
            frames = views.shape[2]
            views = views[:, :, torch.linspace(0, frames - 1, decoder["targetFrames"]).long()]
            tube = target_tube(self.config, frames)
        deviation = self.deviation if decoder["normPer"] == "channel" else None
        return reconstruction(views, prediction, restore, kept, trunk["patch"], decoder["normPix"], tube, deviation)

    def forward(self, *inputs):
        """The views, batch after batch, then their noise: the losses, one for each batch."""
        count = len(inputs) // 2
        losses, at = [], 0
        for batch in self.batches:
            errors = []
            for views, noise in zip(inputs[at : at + batch["views"]], inputs[count + at : count + at + batch["views"]]):
                x, restore = self.encode(views, noise, batch["kept"])
                errors.append(self.reconstruction(views, self.decode(x, restore), restore, batch["kept"]))
            losses.append(sum(errors) / len(errors))
            at += batch["views"]
        return tuple(losses)

    def weights(self):
        """The weights of the losses."""
        return [1.0] * len(self.batches)


class ViCMae(MaskedAutoencoder):
    """With pooled features and a contrastive loss."""

    def __init__(self, config, fused=False):
        super().__init__(config, fused)
        own, dim = config["objective"], config["trunk"]["dim"]
        if own["segments"] != 2:
            raise ValueError("The peer has two views of a sample; use segments=2")
        self.paper = own["variant"].lower() == "paper"
        sizes = dim, own["headHidden"], own["headOut"]
        if self.paper:
            self.predictor = projection_head(*sizes)
            self.target = projection_head(*sizes)
        else:
            self.projector = projection_head(*sizes)

    def pool(self, x):
        kind = self.config["objective"]["pooling"].lower()
        tokens = x[:, 1:]
        if kind == "cls":
            return x[:, 0]
        if kind == "max":
            return tokens.amax(dim=1)
        if kind == "gem":
            return tokens.clamp(min=1e-6).pow(3).mean(dim=1).pow(1 / 3)
        return tokens.mean(dim=1)

    def features(self, images):
        """The pooled features of whole images, [N, D]."""
        x = self.patch_embed(images)
        patches, first = self.positions("pos_embed", x.shape[1])
        x = torch.cat([(self.cls_token + first).expand(x.shape[0], -1, -1), x + patches], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.pool(self.norm(x))

    def contrast(self, rows, columns):
        rows, columns = F.normalize(rows.float(), dim=1), F.normalize(columns.float(), dim=1)
        logits = rows @ columns.t() / self.config["objective"]["temperature"]
        count = logits.shape[0]
        own = torch.eye(count, dtype=torch.bool, device=logits.device)
        positives = (torch.arange(count, device=logits.device) + count // 2) % count
        return F.cross_entropy(logits.masked_fill(own, float("-inf")), positives)

    def forward(self, first, second, first_noise, second_noise):
        """The reconstruction loss and the contrastive loss."""
        kept = self.batches[0]["kept"]
        a, a_restore = self.encode(first, first_noise, kept)
        b, b_restore = self.encode(second, second_noise, kept)
        pooled = self.pool(a), self.pool(b)
        if self.paper:
            rows = torch.cat([self.predictor(p) for p in pooled])
            columns = torch.cat([self.target(p) for p in pooled])
        else:
            rows = columns = torch.cat([self.projector(p) for p in pooled])
        contrastive = self.contrast(rows, columns)
        first_error = self.reconstruction(first, self.decode(a, a_restore), a_restore, kept)
        second_error = self.reconstruction(second, self.decode(b, b_restore), b_restore, kept)
        return 0.5 * (first_error + second_error), contrastive

    def weights(self):
        """The weights of the losses at the end of a run."""
        own = self.config["objective"]
        return [own["reconstructionWeight"], own["contrastiveWeight"]["value"]]


class Classifier(Model):
    """Fine-tuning: all patches, no last norm, the mean of the patch tokens, fc_norm, head, cross-entropy with soft targets."""

    def __init__(self, config, fused=False):
        super().__init__()
        self.config = config
        c = config["trunk"]
        if c["positions"] != "tuned" or not c["classToken"]:
            raise ValueError("The peer has MAE's positions, trained, and a class token")
        places = (c["height"] // c["patch"]) * (c["width"] // c["patch"])
        times = c["frames"] // c["tube"]
        self.patch_embed = PatchEmbed(c)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, c["dim"]))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + places, c["dim"]))
        if times > 1:
            self.pos_embed_temporal = nn.Parameter(torch.zeros(1, times, c["dim"]))
        self.blocks = nn.ModuleList(Block(c["dim"], c["heads"], c["mlpRatio"], fused) for _ in range(c["depth"]))
        self.fc_norm = nn.LayerNorm(c["dim"], eps=1e-6)
        self.head = nn.Linear(c["dim"], len(config["objective"]["classes"]))

    def shapes(self, samples):
        """The shape of the views, and that of the targets."""
        c = self.config["trunk"]
        frames = [c["frames"]] if c["frames"] > 1 else []
        return [[samples, c["channels"], *frames, c["height"], c["width"]]], [[samples, self.head.out_features]]

    def forward(self, views, targets):
        x = self.patch_embed(views)
        positions = self.pos_embed[:, 1:]
        if hasattr(self, "pos_embed_temporal"):
            positions = (self.pos_embed_temporal[:, :, None] + positions[:, None]).flatten(1, 2)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(x.shape[0], -1, -1)
        x = torch.cat([first, x + positions], dim=1)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.fc_norm(x[:, 1:].mean(dim=1)))
        return (-(targets * F.log_softmax(logits.float(), dim=1)).sum(dim=1).mean(),)

    def weights(self):
        return [1.0]


MODELS = {"vicmae": ViCMae, "finetune": Classifier}


def of(config, fused=False):
    """The model of a configuration, without weights."""
    return MODELS.get(config["objective"]["method"], MaskedAutoencoder)(config, fused)
