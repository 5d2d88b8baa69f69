"""The contrastive losses in PyTorch as its users write them, eager and compiled."""
import torch
import torch.nn.functional as F

from torch_kernels import sizes

TEMPERATURE = 0.1


def contrast(dtype):
    """InfoNCE of rows against columns with the logits in memory; products in the precision, as autocast makes them, the rest in floats."""
    def loss(x, y=None):
        rows = F.normalize(x, dim=1).to(dtype)
        columns = rows if y is None else F.normalize(y, dim=1).to(dtype)
        logits = (rows @ columns.t()).float() / TEMPERATURE
        own = torch.eye(*logits.shape, dtype=torch.bool, device=x.device)
        positives = (torch.arange(len(x), device=x.device) + len(x) // 2) % len(x)
        return F.cross_entropy(logits.masked_fill(own, float("-inf")), positives)

    return loss


def infonce(bench, dtype, shape):
    rows, width = sizes(shape)
    product, features = 2.0 * rows * rows * width, 4.0 * rows * width
    # Half of the logits and all of them again for the gradient, times the rows.
    measure(bench, "InfoNce", contrast(dtype), dtype, shape, [(rows, width)], features, (0.5 * product, 2 * product))


def two_sided(bench, dtype, shape):
    rows, columns, width = sizes(shape)
    product = 2.0 * rows * columns * width
    measure(bench, "InfoNceTwoSided", contrast(dtype), dtype, shape, [(rows, width), (columns, width)], 4.0 * (rows + columns) * width,
            (product, 3 * product))


def vicreg(bench, dtype, shape):
    def spread(view):
        centred = view - view.mean(0)
        covariances = centred.t() @ centred / (len(view) - 1)
        variances = covariances.diagonal()
        hinge = F.relu(1 - (variances + 1e-4).sqrt()).mean()
        return 12.5 * hinge + (covariances.square().sum() - variances.square().sum()) / view.shape[1]

    def loss(x):
        first, second = x.chunk(2)
        return 25 * F.mse_loss(first, second) + spread(first) + spread(second)

    rows, width = sizes(shape)
    product = 2.0 * rows * width * width
    measure(bench, "VicReg", loss, dtype, shape, [(rows, width)], 4.0 * rows * width, (product, product))


def simsiam(bench, dtype, shape):
    def loss(x):
        return -F.cosine_similarity(x, x.detach().roll(len(x) // 2, 0)).mean()

    rows, width = sizes(shape)
    measure(bench, "SimSiam", loss, dtype, shape, [(rows, width)], 4.0 * rows * width, (0, 0))


def measure(bench, name, loss, dtype, shape, inputs, features, flops):
    tensors = [bench.tensor(*size, gradient=True) for size in inputs]
    bench.passes(name, loss, tensors, dtype, shape, (features, flops[0]), (2 * features, flops[1]))


# By the name of the benchmark: the work, and whether it comes in bfloat16.
LOSSES = {
    "InfoNce": (infonce, True),
    "InfoNceTwoSided": (two_sided, True),
    "VicReg": (vicreg, False),
    "SimSiam": (simsiam, False),
}
