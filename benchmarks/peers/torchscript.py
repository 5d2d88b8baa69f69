#!/usr/bin/env python3
"""Traces the model of a vicmae file to TorchScript, for DJL: torchscript.py [--encoder] WEIGHTS.safetensors BATCH OUT.pt

The traced module takes the views of a step and then the noise of their masks, for ViC-MAE two views [BATCH, C, H, W] and two of [BATCH, patches],
and gives the weighted sum of the losses. That of a classifier takes the views and their targets. With --encoder it takes images [BATCH, C, H, W]
and gives their pooled features.
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


class Encoder(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model.features(images)


def trace_encoder(weights, batch, out):
    model = MaskedAutoencoder.load(weights).eval()
    trunk = model.config["trunk"]
    images = torch.randn(batch, trunk["channels"], trunk["height"], trunk["width"])
    with torch.no_grad():
        torch.jit.freeze(torch.jit.trace(Encoder(model).eval(), images, check_trace=False)).save(out)


def main():
    arguments = sys.argv[1:]
    encoder = arguments[:1] == ["--encoder"]
    if len(arguments) != 3 + encoder:
        raise SystemExit(__doc__)
    weights, batch, out = arguments[encoder], int(arguments[1 + encoder]), arguments[2 + encoder]
    if encoder:
        trace_encoder(weights, batch, out)
        return
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
