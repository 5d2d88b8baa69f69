"""The kernels' work with PyTorch's operators, eager and compiled. Costs are those of the benchmarks' classes of the same names."""
import torch
import torch.nn.functional as F

from torch_bench import forms
from vicmae_model import reconstruction

CHANNELS = 3


def activation_bytes(dtype):
    return 2 if dtype == torch.bfloat16 else 4


def sizes(shape):
    return [int(size) for size in shape.split("x")]


def matrix_product(bench, dtype, shape):
    rows, inputs, outputs = sizes(shape)
    act = activation_bytes(dtype)
    x, w, b = (bench.tensor(*size, dtype=dtype, gradient=True) for size in ((rows, inputs), (outputs, inputs), (outputs,)))
    flops, moved = 2.0 * rows * inputs * outputs, act * (rows * inputs + inputs * outputs + 2 * rows * outputs)
    bench.passes("MatrixProduct", lambda x, w, b: F.gelu(F.linear(x, w, b)), (x, w, b), dtype, shape, (moved, flops),
                 (moved + act * rows * inputs + 8 * inputs * outputs, 2 * flops), bench.tensor(rows, outputs, dtype=dtype))


def attention(bench, dtype, shape):
    samples, tokens, heads, width = sizes(shape)
    act, dim = activation_bytes(dtype), heads * width

    def attend(qkv):
        q, k, v = qkv.view(samples, tokens, 3, heads, width).permute(2, 0, 3, 1, 4).unbind(0)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v)
        else:  # before PyTorch 2.0
            y = torch.softmax(q @ k.transpose(2, 3) * width**-0.5, dim=3) @ v
        return y.transpose(1, 2).reshape(samples, tokens, dim)

    row, product, lse = samples * tokens * dim, 2.0 * samples * heads * tokens * tokens * width, 4 * samples * tokens * heads
    bench.passes("Attention", attend, (bench.tensor(samples, tokens, 3 * dim, dtype=dtype, gradient=True),), dtype, shape,
                 (act * 4 * row + lse, 2 * product), (act * 8 * row + lse, 5 * product), bench.tensor(samples, tokens, dim, dtype=dtype))


def layer_norm(bench, dtype, shape):
    rows, width = sizes(shape)
    act = activation_bytes(dtype)
    inputs = bench.tensor(rows, width, gradient=True), bench.tensor(width, gradient=True), bench.tensor(width, gradient=True)
    bench.passes("LayerNorm", lambda x, g, b: F.layer_norm(x, (width,), g, b, 1e-6).to(dtype), inputs, dtype, shape,
                 ((4 + act) * rows * width, 0), ((8 + act) * rows * width, 0), bench.tensor(rows, width, dtype=dtype))


def pointwise(bench, dtype, shape):
    rows, width = sizes(shape)
    size, act = rows * width, activation_bytes(dtype)
    x, other, bias = (bench.tensor(*s, dtype=dtype) for s in ((rows, width), (rows, width), (width,)))
    floats = [tensor.float() for tensor in (x, other, bias)]
    half = x.to(torch.bfloat16)
    for part, function, inputs, moved in (
        ("bias", lambda x, b: x + b, (x, bias), 2 * act * size),
        ("bias-residual", lambda x, residual, b: residual + x + b, floats, 12 * size),
        ("bias-gelu", lambda x, b: F.gelu(x + b), (x, bias), 3 * act * size),
        ("gelu-backward", lambda dy, x: torch.ops.aten.gelu_backward(dy, x), (other, x), 3 * act * size),
        ("column-sum", lambda x: x.sum(0, dtype=torch.float32), (x,), act * size),
        ("to-bf16", lambda x: x.to(torch.bfloat16), floats[:1], 6 * size),
        ("to-float", lambda x: x.float(), (half,), 6 * size),
    ):
        bench.passes("Pointwise", function, inputs, dtype, shape, (moved, 0), part=part)


def patch_embedding(bench, dtype, shape):
    """All patches are convolved and then those that are kept are taken, as the published code does."""
    samples, side, patch, kept, width = sizes(shape)
    act, patches, pixels = activation_bytes(dtype), (side // patch) ** 2, CHANNELS * patch * patch
    keep = torch.rand(samples, patches, device=bench.device).argsort(1)[:, :kept]

    def embed(images, weight, bias, cls, positions):
        tokens = F.conv2d(images.to(dtype), weight, bias, stride=patch).flatten(2).transpose(1, 2) + positions[:, 1:]
        some = torch.gather(tokens, 1, keep[:, :, None].expand(-1, -1, width))
        return torch.cat([(cls + positions[:, :1]).expand(samples, -1, -1), some], dim=1)

    weights = (bench.tensor(*s, dtype=dtype) for s in ((width, CHANNELS, patch, patch), (width,), (1, 1, width), (1, 1 + patches, width)))
    rows = samples * kept
    moved = rows * pixels * 4 + act * pixels * width + 4 * (rows + samples) * width
    bench.passes("PatchEmbedding", embed, (bench.tensor(samples, CHANNELS, side, side), *weights), dtype, shape,
                 (moved, 2.0 * rows * pixels * width))


def pooling(bench, dtype, shape):
    samples, tokens, width = sizes(shape)
    row = 4 * samples * width
    x = bench.tensor(samples, tokens, width)
    for part, function, written in (
        ("mean", lambda x: x[:, 1:].mean(dim=1), row),
        ("max", lambda x: x[:, 1:].max(dim=1), 2 * row),  # with the places, which the backward pass needs
        ("gem", lambda x: x[:, 1:].clamp(min=1e-6).pow(3).mean(dim=1).pow(1 / 3), row),
    ):
        bench.passes("Pooling", function, (x,), dtype, shape, ((tokens - 1) * row + written, 0), part=part)


def batch_norm(bench, dtype, shape):
    rows, width = sizes(shape)
    size = 4 * rows * width
    mean, variance = torch.zeros(width, device=bench.device), torch.ones(width, device=bench.device)
    inputs = bench.tensor(rows, width, gradient=True), bench.tensor(width, gradient=True), bench.tensor(width, gradient=True)
    bench.passes("BatchNorm", lambda x, g, b: F.batch_norm(x, mean, variance, g, b, True, 0.1, 1e-5), inputs, dtype, shape,
                 (2 * size, 0), (3 * size, 0), bench.tensor(rows, width))


def masked_mse(bench, dtype, shape):
    """The model's own reconstruction loss, and its gradient."""
    samples, side, patch, kept = sizes(shape)
    act, patches, pixels = activation_bytes(dtype), (side // patch) ** 2, CHANNELS * patch * patch
    prediction, images = bench.tensor(samples, 1 + patches, pixels, dtype=dtype, gradient=True), bench.tensor(samples, CHANNELS, side, side)
    restore = torch.rand(samples, patches, device=bench.device).argsort(1)
    moved = samples * (patches - kept) * pixels * (4 + act) + samples * (1 + patches) * pixels * act

    def loss(prediction, images):
        return reconstruction(images, prediction[:, 1:], restore, kept, patch, True)

    for who, form in forms(loss):
        def both():
            prediction.grad = None
            form(prediction, images).backward()

        bench.row("MaskedMse", who, dtype, shape, both, (moved, 0))


def adamw(bench, dtype, shape):
    size, = sizes(shape)
    parameter = torch.nn.Parameter(bench.tensor(size))
    parameter.grad = bench.tensor(size)
    optimizer = optimizer_of([parameter], bench)
    bench.row("AdamW", "torch", dtype, shape, optimizer.step, (32 * size, 0))


def optimizer_of(parameters, bench):
    """AdamW with the library's settings, fused where PyTorch has that."""
    settings = dict(lr=1e-5, betas=(0.9, 0.95), weight_decay=0.05)
    try:
        return torch.optim.AdamW(parameters, fused=bench.cuda, **settings)
    except TypeError:
        return torch.optim.AdamW(parameters, **settings)


# By the name of the benchmark: the work, and whether it comes in bfloat16.
KERNELS = {
    "MatrixProduct": (matrix_product, True),
    "Attention": (attention, True),
    "LayerNorm": (layer_norm, True),
    "Pointwise": (pointwise, True),
    "PatchEmbedding": (patch_embedding, True),
    "Pooling": (pooling, False),
    "BatchNorm": (batch_norm, False),
    "MaskedMse": (masked_mse, True),
    "AdamW": (adamw, False),
}
