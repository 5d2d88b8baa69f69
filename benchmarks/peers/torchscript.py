#!/usr/bin/env python3
"""Traces the model of a vicmae file to TorchScript, for DJL: torchscript.py WEIGHTS.safetensors BATCH OUT.pt

The traced module takes two views [BATCH, C, H, W] and the noise of their masks [BATCH, patches], and gives the weighted sum of both losses,
1 times the reconstruction and LAMBDA times the contrastive one.
"""
import sys
import warnings

import torch

from vicmae_model import ViCMae

LAMBDA = 0.03


class Step(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, first, second, first_noise, second_noise):
        reconstruction, contrastive = self.model(first, second, first_noise, second_noise)
        return reconstruction + LAMBDA * contrastive


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    weights, batch, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    model = ViCMae.load(weights).train()
    config = model.config
    image = batch, config["channels"], config["height"], config["width"]
    example = torch.randn(image), torch.randn(image), torch.rand(batch, model.patches), torch.rand(batch, model.patches)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Tracing runs the model, which would move BatchNorm's running statistics: they are put back.
        state = {name: value.clone() for name, value in model.state_dict().items()}
        traced = torch.jit.trace(Step(model), example, check_trace=False)
        model.load_state_dict(state)
    traced.save(out)


if __name__ == "__main__":
    main()
