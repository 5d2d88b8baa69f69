#!/usr/bin/env python3
"""PyTorch's figures for the shapes of vicmae's benchmarks, in the JSON that './vicmae results' reads.

  torch_step.py [--device cuda] [--weights model.safetensors] [--short] [--out torch.json]

Measures on a card (or, to see that it runs, on the CPU): the kernels in eager mode and with torch.compile, attention through
scaled_dot_product_attention (PyTorch 2.0 and newer), and whole steps with AdamW, fused where PyTorch has that. Times are medians, on a card between CUDA events.
Needs PyTorch alone; torch.compile and fused AdamW are left out, with the reason, where this PyTorch does not have them.
"""
import argparse
import datetime
import json
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from vicmae_model import ViCMae

B16 = dict(
    variant="paper", height=224, width=224, channels=3, patch=16, dim=768, depth=12, heads=12, decoderDim=512, decoderDepth=8,
    decoderHeads=16, mlpRatio=4.0, headHidden=4096, headOut=128, temperature=0.1, maskRatio=0.75, normPix=True, pooling="mean",
)
TI8 = dict(B16, height=64, width=64, patch=8, dim=192, heads=3, decoderDim=96, decoderDepth=4, decoderHeads=3, headHidden=512)
TINY = dict(TI8, height=16, width=16, dim=24, depth=1, decoderDim=12, decoderDepth=1, headHidden=16)
LAMBDA = 0.03


class Bench:
    def __init__(self, device, brief):
        self.device = torch.device(device)
        self.brief = brief
        self.rows = []
        self.limits = {}

    def seconds(self, work):
        """The median time of one call, and half the spread of the middle half."""
        for _ in range(1 if self.brief else 5):
            work()
        self.wait()
        times = []
        budget = time.perf_counter() + (0.05 if self.brief else 1.5)
        while len(times) < 3 or (time.perf_counter() < budget and len(times) < 500):
            if self.device.type == "cuda":
                start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                start.record()
                work()
                end.record()
                end.synchronize()
                times.append(start.elapsed_time(end) / 1e3)
            else:
                begin = time.perf_counter()
                work()
                times.append(time.perf_counter() - begin)
        times.sort()
        return statistics.median(times), (times[3 * len(times) // 4] - times[len(times) // 4]) / 2

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def copy_rate(self, size):
        """Bytes a second, read and written, of a copy of so many bytes."""
        count = max(64 << 10, min(1 << 30, int(size))) // 8
        if count not in self.limits:
            source, target = torch.empty(count, device=self.device), torch.empty(count, device=self.device)
            self.limits[count] = 8 * count / self.seconds(lambda: target.copy_(source))[0]
        return self.limits[count]

    def product_rate(self, dtype):
        side = 256 if self.brief else 8192 if self.device.type == "cuda" else 1536
        if dtype not in self.limits:
            a, b = (torch.randn(side, side, device=self.device).to(dtype) for _ in range(2))
            self.limits[dtype] = 2 * side**3 / self.seconds(lambda: a @ b.t())[0]
        return self.limits[dtype]

    def row(self, benchmark, who, dtype, shape, work, size=None, flops=0, part=None):
        """Measures, or notes why not."""
        entry = dict(
            benchmark=benchmark, implementation=who, device=self.device.type, precision="bf16" if dtype == torch.bfloat16 else "fp32",
            shape=shape,
        )
        if part:
            entry["pass"] = part
        try:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            latency, error = self.seconds(work)
            entry.update(latency=latency, error=error, deviceTime=latency, flops=float(flops))
            if size:
                entry.update(bytes=float(size), copyRate=self.copy_rate(size))
            if flops:
                entry.update(productRate=self.product_rate(dtype))
            if self.device.type == "cuda":
                entry.update(memory=float(torch.cuda.max_memory_allocated()))
        except Exception as error:  # a peer that fails is a row with a reason
            entry.update(missing=(str(error).strip() or type(error).__name__).splitlines()[0])
        print(f"  {benchmark} {shape} {entry['precision']} {part or ''} {who}: "
              + (f"{1e3 * entry['latency']:.4f} ms" if "latency" in entry else entry["missing"]), flush=True)
        self.rows.append(entry)

    def tensor(self, *shape, dtype=torch.float32, gradient=False):
        return torch.randn(*shape, device=self.device).to(dtype).requires_grad_(gradient)


def attend(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return torch.softmax(q @ k.transpose(2, 3) * q.shape[3] ** -0.5, dim=3) @ v  # before PyTorch 2.0


def forms(function):
    """Eager and compiled, where this PyTorch compiles."""
    yield "torch", function
    if hasattr(torch, "compile"):
        yield "torch.compile", torch.compile(function)


def both_passes(bench, benchmark, function, inputs, gradient, dtype, shape, forward_cost, backward_cost):
    for who, form in forms(function):
        def forward():
            with torch.no_grad():
                form(*inputs)

        def both():
            for tensor in inputs:
                tensor.grad = None
            form(*inputs).backward(gradient)

        bench.row(benchmark, who, dtype, shape, forward, *forward_cost, part="forward")
        total = tuple(a + b for a, b in zip(forward_cost, backward_cost))
        bench.row(benchmark, who, dtype, shape, both, *total, part="both")


def kernels(bench, samples, dtype):
    act = 2 if dtype == torch.bfloat16 else 4
    brief = bench.brief
    n = 2 * samples
    tokens, dim, heads = (5, 24, 3) if brief else (50, 768, 12)
    rows = n * tokens
    x, w, b = bench.tensor(rows, dim, dtype=dtype, gradient=True), bench.tensor(4 * dim, dim, dtype=dtype, gradient=True), bench.tensor(
        4 * dim, dtype=dtype, gradient=True)
    flops, operands, result = 2.0 * rows * dim * 4 * dim, act * (rows * dim + 4 * dim * dim), 2 * act * rows * 4 * dim
    both_passes(bench, "MatrixProduct", lambda x, w, b: F.gelu(F.linear(x, w, b)), (x, w, b), bench.tensor(rows, 4 * dim, dtype=dtype),
                dtype, f"{rows}x{dim}x{4 * dim}", (operands + result, flops), (operands + result + act * rows * dim + 32 * dim * dim, 2 * flops))
    del x, w, b

    for length in (5,) if brief else (50, 99, 197):
        qkv = bench.tensor(n, length, 3 * dim, dtype=dtype, gradient=True)

        def attention(qkv, length=length):
            q, k, v = qkv.view(n, length, 3, heads, dim // heads).permute(2, 0, 3, 1, 4).unbind(0)
            return attend(q, k, v).transpose(1, 2).reshape(n, length, dim)

        row, product = n * length * dim, 2.0 * n * heads * length * length * (dim // heads)
        both_passes(bench, "Attention", attention, (qkv,), bench.tensor(n, length, dim, dtype=dtype), dtype,
                    f"{n}x{length}x{heads}x{dim // heads}", (act * 4 * row, 2 * product), (act * 8 * row, 5 * product))
        del qkv

    for width in (dim,) if brief else (768, 1024):
        x, g, b = bench.tensor(rows, width, gradient=True), bench.tensor(width, gradient=True), bench.tensor(width, gradient=True)
        both_passes(bench, "LayerNorm", lambda x, g, b: F.layer_norm(x, (x.shape[1],), g, b, 1e-6).to(dtype), (x, g, b),
                    bench.tensor(rows, width, dtype=dtype), dtype, f"{rows}x{width}", ((4 + act) * rows * width, 0),
                    ((8 + act) * rows * width, 0))
        del x, g, b


def losses(bench):
    for count in (8, 16) if bench.brief else (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536):
        width = 128

        def infonce(x):
            unit = F.normalize(x, dim=1)
            logits = unit @ unit.t() / 0.1
            own = torch.eye(count, dtype=torch.bool, device=x.device)
            positives = (torch.arange(count, device=x.device) + count // 2) % count
            return F.cross_entropy(logits.masked_fill(own, float("-inf")), positives)

        try:
            x = bench.tensor(count, width, gradient=True)
        except RuntimeError as error:
            sys.exit(f"There is no memory left for {count} rows: {error}")
        for who, form in forms(infonce):
            def both():
                x.grad = None
                form(x).backward()

            bench.row("InfoNce", who, torch.float32, f"{count}x{width}", both, 12.0 * count * width, 5.0 * count * count * width, part="both")


def further_losses(bench):
    """InfoNCE of two heads, VICReg and SimSiam, with one gradient for the single number that each gives."""
    one = torch.ones((), device=bench.device)
    for rows, columns, width in ((12, 14, 10),) if bench.brief else ((1024, 1024, 128), (4096, 4096, 128)):
        def two_sided(x, y, rows=rows, columns=columns):
            logits = F.normalize(x, dim=1) @ F.normalize(y, dim=1).t() / 0.1
            own = torch.eye(rows, columns, dtype=torch.bool, device=x.device)
            positives = (torch.arange(rows, device=x.device) + rows // 2) % rows
            return F.cross_entropy(logits.masked_fill(own, float("-inf")), positives)

        inputs = bench.tensor(rows, width, gradient=True), bench.tensor(columns, width, gradient=True)
        size, product = 4.0 * (rows + columns) * width, 2.0 * rows * columns * width
        both_passes(bench, "InfoNceTwoSided", two_sided, inputs, one, torch.float32, f"{rows}x{columns}x{width}", (size, product),
                    (2 * size, 3 * product))

    def spread(view):
        centred = view - view.mean(0)
        covariances = centred.t() @ centred / (len(view) - 1)
        variances = covariances.diagonal()
        hinge = F.relu(1 - (variances + 1e-4).sqrt()).mean()
        return 12.5 * hinge + (covariances.square().sum() - variances.square().sum()) / view.shape[1]

    def vicreg(x):
        first, second = x.chunk(2)
        return 25 * F.mse_loss(first, second) + spread(first) + spread(second)

    def simsiam(x):
        return -F.cosine_similarity(x, x.detach().roll(len(x) // 2, 0)).mean()

    for name, function, shapes in (("VicReg", vicreg, ((1024, 128), (256, 2048))), ("SimSiam", simsiam, ((8192, 128),))):
        for rows, width in ((12, 10),) if bench.brief else shapes:
            size, product = 4.0 * rows * width, 2.0 * rows * width * width if name == "VicReg" else 0
            both_passes(bench, name, function, (bench.tensor(rows, width, gradient=True),), one, torch.float32, f"{rows}x{width}",
                        (size, product), (2 * size, product))


def step(bench, name, config, samples, dtype, weights):
    image = samples, config["channels"], config["height"], config["width"]
    patches = (config["height"] // config["patch"]) * (config["width"] // config["patch"])
    views = [bench.tensor(*image) for _ in range(2)]
    noises = [torch.rand(samples, patches, device=bench.device) for _ in range(2)]
    fused_attention = hasattr(F, "scaled_dot_product_attention")
    for who, compiled in (("torch", False), ("torch.compile", True)):
        for part in ("passes", "step"):
            def run(work):
                bench.row("TrainingStep", who, dtype, f"{name}:{samples}", work, part=part)

            if compiled and not hasattr(torch, "compile"):
                def refuse():
                    raise RuntimeError(f"PyTorch {torch.__version__} has no torch.compile")

                run(refuse)
                continue
            model = ViCMae.load(weights, fused_attention) if weights else ViCMae(config, fused_attention)
            model = model.to(bench.device).train()
            try:
                optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), weight_decay=0.05,
                                              fused=bench.device.type == "cuda")
            except TypeError:
                optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), weight_decay=0.05)
            form = torch.compile(model) if compiled else model

            def work():
                if part == "step":
                    optimizer.zero_grad(set_to_none=True)
                else:
                    model.zero_grad(set_to_none=True)
                with torch.autocast(bench.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                    reconstruction, contrastive = form(*views, *noises)
                (reconstruction + LAMBDA * contrastive).backward()
                if part == "step":
                    optimizer.step()

            run(work)
            del model, optimizer, form


def machine(device):
    described = {"os": platform.platform(), "python": platform.python_version(), "torch": torch.__version__}
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        described.update(card=properties.name, memory=f"{properties.total_memory >> 20} MiB", cuda=torch.version.cuda,
                         capability=f"{properties.major}.{properties.minor}", multiprocessors=properties.multi_processor_count)
    else:
        described["threads"] = torch.get_num_threads()
    return described


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cuda", "cpu"))
    parser.add_argument("--weights", help="a model of vicmae for the steps; else PyTorch's own random weights")
    parser.add_argument("--short", action="store_true", help="tiny shapes, to see that it runs")
    parser.add_argument("--samples", type=int, default=256, help="pairs of a step and of the kernels' shapes (256)")
    parser.add_argument("--out", default="torch.json")
    arguments = parser.parse_args()
    bench = Bench(arguments.device, arguments.short)
    samples = 2 if arguments.short else arguments.samples
    models = [("tiny", TINY)] if arguments.short else [("b16", B16)] if arguments.device == "cuda" else [("ti8", TI8)]

    def write():
        with open(arguments.out, "w") as file:
            json.dump(dict(schema=1, title=f"PyTorch {torch.__version__} on {arguments.device}", command="benchmarks/peers/torch_step.py "
                           + " ".join(sys.argv[1:]), date=datetime.date.today().isoformat(), machine=machine(arguments.device),
                           rows=bench.rows), file, indent=2)

    for dtype in (torch.bfloat16, torch.float32):
        kernels(bench, samples, dtype)
        for name, config in models:
            step(bench, name, config, samples, dtype, arguments.weights)
        write()
    losses(bench)
    write()
    further_losses(bench)
    write()
    print(f"Results: {arguments.out}")


if __name__ == "__main__":
    main()
