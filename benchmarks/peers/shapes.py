"""The shapes that PyTorch is measured with: those of Suite.java, for (--short, the CPU, a card). Needs no PyTorch."""

KERNELS = {
    "MatrixProduct": (["20x16x24"], ["400x768x3072", "1088x192x768"], ["25600x768x3072", "50432x512x2048"]),
    "Attention": (
        ["2x5x2x16"],
        ["8x50x12x64", "8x197x16x32", "64x17x3x64", "64x65x3x32"],
        ["512x50x12x64", "512x99x12x64", "512x197x12x64", "512x197x16x32"],
    ),
    "LayerNorm": (["10x12"], ["1576x768", "4160x192"], ["25600x768", "25600x1024", "100864x512"]),
    "Pointwise": (["5x12"], ["400x3072", "1088x768"], ["25600x3072"]),
    "PatchEmbedding": (["2x8x4x2x12"], ["8x224x16x49x768", "64x64x8x16x192"], ["512x224x16x49x768"]),
    "Pooling": (["3x5x8"], ["64x50x768", "64x17x192"], ["512x50x768"]),
    "BatchNorm": (["6x10"], ["256x4096", "32x512"], ["256x4096"]),
    "MaskedMse": (["4x8x4x2"], ["8x224x16x49", "64x64x8x16"], ["512x224x16x49"]),
    "InfoNce": (["12x10"], ["1024x128", "8192x128"], ["1024x128", "8192x128", "65536x128"]),
    "InfoNceTwoSided": (["12x14x10"], ["1024x1024x128"], ["1024x1024x128", "4096x4096x128"]),
    "VicReg": (["12x10"], ["1024x128", "256x512"], ["1024x128", "256x2048"]),
    "SimSiam": (["12x10"], ["8192x128"], ["8192x128"]),
    "AdamW": (["1000"], ["20000000"], ["100000000"]),
    "TrainingStep": (
        [
            "ti8:2:depth=1:decoderDepth=1:headHidden=16:image=16:dim=24:decoderDim=12",
            "ti8:2:method=mae:depth=1:decoderDepth=1:image=16:dim=24:decoderDim=12",
            "ti8:2:method=st-mae:depth=1:decoderDepth=1:image=16:dim=24:decoderDim=12:repeat=2",
            "ti8:2:method=omnimae:depth=1:decoderDepth=1:image=16:dim=24:decoderDim=12:repeat=1",
        ],
        [
            "ti8:32",
            "b16:4",
            "b16:8:method=mae",
            "ti8:8:method=st-mae:frames=8:targetFrames=4:repeat=1",
            "ti8:8:method=omnimae:frames=8:repeat=1",
        ],
        ["b16:256", "b16:256:method=mae", "b16:16:method=st-mae", "b16:16:method=omnimae"],
    ),
}

ROWS = [f"{256 << i}x128" for i in range(9)]

SCALING = {
    # The last two are for cards with so much memory that a matrix of the logits fits for 65 536 rows.
    "InfoNce": (["8x16", "16x16"], ROWS, ROWS + ["131072x128", "262144x128"]),
    "TrainingStep": (
        KERNELS["TrainingStep"][0][:1],
        [f"ti8:{samples}" for samples in (4, 8, 16, 32, 64)]
        + [f"ti8:8:{change}" for change in ("image=32", "image=96", "image=128", "depth=3", "depth=6", "depth=24")],
        [f"b16:{samples}" for samples in (32, 64, 128, 256, 512)]
        + [f"b16:64:{change}" for change in ("image=112", "image=336", "depth=6", "depth=24")],
    ),
}
