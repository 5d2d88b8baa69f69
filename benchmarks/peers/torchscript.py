#!/usr/bin/env python3
"""Traces the model of a vicmae file to TorchScript, for DJL: torchscript.py WEIGHTS.safetensors BATCH OUT.pt

The traced module takes the views of a step and then the noise of their masks, for ViC-MAE two views [BATCH, C, H, W] and two of [BATCH, patches],
and gives the weighted sum of the losses. That of a classifier takes the views and their targets.
"""
import sys
import warnings

import torch

from vicmae_model import MaskedAutoencoder


class Step(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        return sum(weight * loss for weight, loss in zip(self.model.weights(), self.model(*inputs)))


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    weights, batch, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    model = MaskedAutoencoder.load(weights).train()
    views, noises = model.shapes(batch)
    example = *(torch.randn(shape) for shape in views), *(torch.rand(shape) for shape in noises)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Tracing runs the model, which would move BatchNorm's running statistics: they are put back.
        state = {name: value.clone() for name, value in model.state_dict().items()}
        traced = torch.jit.trace(Step(model), example, check_trace=False)
        model.load_state_dict(state)
    traced.save(out)


if __name__ == "__main__":
    main()
