#!/usr/bin/env python3
"""PyTorch's figures for the shapes of vicmae's benchmarks, in the JSON that './vicmae results' reads.

  torch_step.py [NAMES] [--into h200.json | --out torch.json] [--scaling] [--device cuda] [--weights model.safetensors] [--short]

Measures on a card (or, to see that it runs, on the CPU): the kernels and losses in eager mode and with torch.compile, attention through
scaled_dot_product_attention (PyTorch 2.0 and newer), and whole steps with AdamW, fused where PyTorch has that. NAMES are regular expressions of
benchmarks, as jmh takes them. With --into the rows stand beside those that './vicmae jmh --out h200.json' measured on the same card. The file is
written after every row. Needs PyTorch alone; torch.compile is left out where this PyTorch does not have it.
"""
import argparse
import re
import shlex
import sys

import torch
import torch.nn.functional as F

import shapes
from configurations import configuration, flops
from torch_bench import Bench, Results, forms
from torch_kernels import KERNELS, optimizer_of
from torch_losses import LOSSES
from vicmae_model import MaskedAutoencoder, of


def differences(ours, others, path=""):
    """Settings that are not the same, of those that the peer reads."""
    for key, value in ours.items():
        other = others.get(key)
        if isinstance(value, dict):
            yield from differences(value, other, key + ".")
        elif str(other).lower() != str(value).lower():
            yield f"{path}{key} is {other}"


def build(config, weights):
    fused = hasattr(F, "scaled_dot_product_attention")
    if not weights:
        return of(config, fused)
    model = MaskedAutoencoder.load(weights, fused)
    other = list(differences(config, model.config))
    if other:
        raise ValueError(f"{weights} holds another model: {', '.join(other)}")
    return model


def step(bench, dtype, shape, weights, parts):
    config, samples = configuration(shape)
    views, noises = of(config).shapes(samples)
    inputs = [bench.tensor(*s) for s in views] + [torch.rand(s, device=bench.device) for s in noises]
    for part in parts:
        model = build(config, weights).to(bench.device).train()
        optimizer = optimizer_of([p for p in model.parameters() if p.requires_grad], bench)
        parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        # Weights are read twice and their gradients written; an update reads and writes parameters, gradients and moments.
        cost = parameters * 4.0 * (3 + 8 if part == "step" else 3), flops(config, samples)
        for who, form in forms(model):
            def work():
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast(bench.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                    losses = form(*inputs)
                sum(weight * loss for weight, loss in zip(model.weights(), losses)).backward()
                if part == "step":
                    optimizer.step()

            bench.row("TrainingStep", who, dtype, shape, work, cost, part)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="regular expressions of the benchmarks; all, if there is none")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cuda", "cpu"))
    parser.add_argument("--weights", help="a model of vicmae for the steps; else PyTorch's own random weights")
    parser.add_argument("--short", action="store_true", help="tiny shapes, to see that it runs")
    parser.add_argument("--scaling", action="store_true", help="InfoNCE and the step as the work grows, as 'jmh --scaling'")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--out", default="torch.json", help="a file of its own (torch.json)")
    target.add_argument("--into", help="a file of jmh's, to which the rows are added; rows of PyTorch in it are replaced")
    arguments = parser.parse_args()

    suite = shapes.SCALING if arguments.scaling else shapes.KERNELS
    chosen = [name for name in suite if not arguments.names or any(re.search(n, name) for n in arguments.names)]
    if not chosen:
        sys.exit(f"There is no benchmark {' or '.join(arguments.names)}; there are {', '.join(suite)}")
    command = "python3 benchmarks/peers/torch_step.py " + shlex.join(sys.argv[1:])
    results = Results(arguments.into or arguments.out, arguments.into, arguments.device, command.strip())
    bench = Bench(arguments.device, arguments.short, results, forward=not arguments.scaling)
    size = 0 if arguments.short else 1 if arguments.device == "cpu" else 2
    work = {**KERNELS, **LOSSES, "TrainingStep": (None, True)}
    for name in chosen:
        run, bf16 = work[name]
        for shape in suite[name][size]:
            for dtype in (torch.bfloat16, torch.float32) if bf16 and not arguments.scaling else (torch.float32,):
                try:
                    if run:
                        run(bench, dtype, shape)
                    else:
                        step(bench, dtype, shape, arguments.weights, ("passes",) if arguments.scaling else ("passes", "step"))
                except Exception as error:  # as of tensors for which there is no memory: the next ones may be smaller
                    bench.failed(name, dtype, shape, error)
    print(f"Results: {results.path}")


if __name__ == "__main__":
    main()
