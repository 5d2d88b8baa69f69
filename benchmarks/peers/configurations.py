"""The models that PyTorch is measured with: their settings in the form in which vicmae's files carry them, the views that a step encodes, and a
step's operations. Needs no PyTorch.
"""
import copy
import math

TRUNK = dict(
    height=224, width=224, channels=3, patch=16, dim=768, depth=12, heads=12, mlpRatio=4.0, frames=1, tube=1, classToken=True,
    positions="sincos",
)
DECODER = dict(
    dim=512, depth=8, heads=16, mlpRatio=4.0, normPix=True, ownClassToken=False, embedsLast=False, targetFrames=0, normPer="patch",
)
SIZES = {
    "b16": dict(trunk={}, decoder={}, headHidden=4096),
    "ti8": dict(
        trunk=dict(height=64, width=64, patch=8, dim=192, heads=3), decoder=dict(dim=96, depth=4, heads=3), headHidden=512
    ),
}
VICMAE = dict(
    method="vicmae", variant="paper", maskRatio=0.75, pooling="mean", headHidden=4096, headOut=128, temperature=0.1, reconstructionWeight=1.0,
    contrastiveWeight=dict(value=0.03), segments=2, negatives=0,
)
METHODS = {
    "vicmae": dict(trunk={}, decoder={}, objective=VICMAE),
    "mae": dict(trunk={}, decoder={}, objective=dict(method="mae", maskRatio=0.75, repeat=1)),
    "st-mae": dict(
        trunk=dict(frames=16, tube=2, positions="learned"),
        decoder=dict(depth=4, ownClassToken=True, targetFrames=8),
        objective=dict(method="st-mae", maskRatio=0.9, repeat=4),
    ),
    "omnimae": dict(
        trunk=dict(frames=16, tube=2, classToken=False, positions="sinusoid"),
        decoder=dict(dim=384, depth=4, embedsLast=True, normPer="channel"),
        objective=dict(method="omnimae", imageMaskRatio=0.75, videoMaskRatio=0.9, imageBatch=0, repeat=4),
    ),
}


def configuration(shape):
    """The settings and the samples of a shape as in ti8:8:method=st-mae:frames=8; of ViC-MAE, the paper's form with 0.75 of the patches masked."""
    name, samples, *changes = shape.split(":")
    pairs = [change.split("=", 1) for change in changes]
    method = METHODS[next((value for key, value in pairs if key == "method"), "vicmae")]
    size = SIZES[name]
    config = dict(
        trunk={**TRUNK, **size["trunk"], **method["trunk"]},
        decoder={**DECODER, **size["decoder"], **method["decoder"]},
        objective=copy.copy(method["objective"]),
    )
    config["decoder"]["dim"] = min(config["decoder"]["dim"], size["decoder"].get("dim", DECODER["dim"]))
    if "headHidden" in config["objective"]:
        config["objective"]["headHidden"] = size["headHidden"]
    for key, value in pairs:
        if key == "method":
            continue
        if key == "variant":
            config["objective"][key] = value
            continue
        number = float(value) if "." in value else int(value)
        if key == "image":
            config["trunk"]["height"] = config["trunk"]["width"] = number
            continue
        decoders = key[len("decoder") :] if key.startswith("decoder") else key
        decoders = decoders[0].lower() + decoders[1:]
        part, setting = next(
            (p, k) for p, k in (("trunk", key), ("objective", key), ("decoder", decoders)) if k in config[p]
        )
        config[part][setting] = number
    return config, int(samples)


def batches(config, samples):
    """What a step encodes: for each batch of views its frames (of an image that is repeated, the tube's), the frames that are stored, patches, visible
    patches, views of a sample, and samples.
    """
    trunk, objective = config["trunk"], config["objective"]
    places = (trunk["height"] // trunk["patch"]) * (trunk["width"] // trunk["patch"])

    def batch(frames, stored, views, count, ratio, rounded=False):
        patches = frames // trunk["tube"] * places
        left = patches * (1 - ratio)
        kept = math.floor(left + 0.5) if rounded else int(left)
        return dict(frames=frames, stored=stored, patches=patches, kept=kept, views=views, samples=count)

    if objective["method"] == "omnimae":
        images = objective["imageBatch"] or samples * objective["repeat"]
        return [
            batch(trunk["tube"], 1, 1, images, objective["imageMaskRatio"], True),
            batch(trunk["frames"], trunk["frames"], objective["repeat"], samples, objective["videoMaskRatio"], True),
        ]
    if objective.get("negatives"):
        raise ValueError("The peer has no further frames as negatives (--negatives)")
    views = objective["segments"] if objective["method"] == "vicmae" else objective["repeat"]
    return [batch(trunk["frames"], trunk["frames"], views, samples, objective["maskRatio"])]


def target_tube(config, frames):
    """Frames that each patch of a view of `frames` frames predicts."""
    return config["trunk"]["tube"] * (config["decoder"]["targetFrames"] or frames) // frames


def flops(config, samples):
    """Operations of both passes, as FlopCount.java counts them: the matrix products and attention."""
    trunk, decoder, objective = config["trunk"], config["decoder"], config["objective"]
    colours = trunk["patch"] ** 2 * trunk["channels"]

    def block(tokens, c):
        return 2.0 * tokens * (4 * c["dim"] ** 2 + 2 * c["dim"] * int(c["dim"] * c["mlpRatio"])) + 4.0 * tokens**2 * c["dim"]

    heads = 0.0
    if objective["method"] == "vicmae":
        hidden = objective["headHidden"]
        head = 2.0 * (trunk["dim"] * hidden + hidden * hidden + hidden * objective["headOut"])
        heads = (2 if objective["variant"] == "paper" else 1) * head
    total = 0.0
    for b in batches(config, samples):
        visible = trunk["classToken"] + b["kept"]
        tokens = trunk["classToken"] + b["patches"]
        embed = 2.0 * b["kept"] * trunk["tube"] * colours * trunk["dim"]
        maps = 2.0 * (tokens if decoder["embedsLast"] else visible) * trunk["dim"] * decoder["dim"]
        maps += 2.0 * tokens * decoder["dim"] * target_tube(config, b["frames"]) * colours
        encoding = trunk["depth"] * block(visible, trunk) + heads
        decoding = decoder["depth"] * block(tokens, decoder) + maps
        # The backward pass computes two products for each one forward; the images need no gradient.
        total += b["views"] * b["samples"] * (2 * embed + 3 * (encoding + decoding))
    return total
