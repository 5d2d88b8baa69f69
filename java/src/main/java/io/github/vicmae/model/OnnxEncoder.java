package io.github.vicmae.model;

import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.io.onnx.OnnxGraph;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.RegisterTokens;
import java.io.IOException;

/**
 * The encoder of images as an ONNX graph: {@code images [batch, C, H, W]}, normalised, to {@code tokens [batch, T, D]} behind the last norm, the class
 * token first if there is one, then register tokens if there are any, then the patches row by row, and {@code features [batch, D]}, the pooled tokens. All are floats.
 *
 * <p>Weights keep their published names, shapes and bytes, so that the file can be read again; what a runtime wants of them (transposed matrices, floats
 * of narrower types, the sum over a tube's frames) stands as nodes over constants, which runtimes fold when they load it.
 *
 * <p>An encoder of clips takes an image as {@link FeatureExtractor} does: repeated for all frames of a patch (OmniMAE) or of a clip (ST-MAE).
 */
public final class OnnxEncoder {
    /** The input's name. */
    public static final String IMAGES = "images";
    /** The pooled output's name. */
    public static final String FEATURES = "features";
    /** The name of the tokens' output. */
    public static final String TOKENS = "tokens";

    private static final float EPS = 1e-6f;
    private static final float GEM_FLOOR = 1e-6f;

    private final OnnxGraph g = new OnnxGraph("encoder");
    private final TensorSource weights;
    private final TrunkConfig c;
    private final PatchGrid grid;

    private OnnxEncoder(TensorSource weights, TrunkConfig c) {
        this.weights = weights;
        this.c = c;
        grid = c.positions() == PositionKind.SINUSOID ? c.imageGrid() : c.grid();
    }

    /**
     * Makes the graph.
     *
     * @param weights the encoder's, under the published names and in the shapes of {@code trunk}; it has to stay open until the graph is written
     * @param pooling of the tokens to features
     * @throws IllegalArgumentException if the encoder has no class token, and it is the pooling
     */
    public static OnnxGraph graph(TensorSource weights, TrunkConfig trunk, Pooling pooling) throws IOException {
        if (pooling == Pooling.CLS && !trunk.classToken()) {
            throw new IllegalArgumentException("This encoder has no class token; take the pooling mean, max or gem");
        }
        OnnxEncoder encoder = new OnnxEncoder(weights, trunk);
        encoder.constants();
        String x = encoder.withRegisters(encoder.embedding());
        for (int i = 0; i < trunk.depth(); i++) {
            x = encoder.block("blocks." + i, x);
        }
        String tokens = encoder.norm(TOKENS, "norm", x);
        encoder.pool(pooling, tokens);
        encoder.g.output(FEATURES, trunk.dim());
        encoder.g.output(TOKENS, encoder.tokens(), trunk.dim());
        return encoder.g;
    }

    private int tokens() {
        return grid.tokens() + c.registers();
    }

    private void constants() {
        int heads = c.heads();
        g.longs("shape.patches", 0, c.dim(), grid.places());
        g.longs("shape.heads", 0, tokens(), 3, heads, c.dim() / heads);
        g.longs("shape.tokens", 0, tokens(), c.dim());
        g.scalar("attention.scale", (float) (1 / Math.sqrt(c.dim() / (double) heads)));
        g.scalar("gelu.sqrt2", (float) Math.sqrt(2));
        g.scalar("one", 1);
        g.scalar("half", 0.5f);
        for (int i = 0; i < 3; i++) {
            g.index("index." + i, i);
        }
    }

    /** A weight in its file's type, as floats. */
    private String weight(String name) throws IOException {
        boolean floats = weights.info(name).dtype() == DType.F32;
        g.tensor(name, weights, name);
        return floats ? name : g.node(name + ".float", "Cast").with("to", 1).of(name);
    }

    private String embedding() throws IOException {
        g.input(IMAGES, c.channels(), c.height(), c.width());
        String kernel = weight("patch_embed.proj.weight");
        if (c.frames() > 1) { // an image is the same in all frames of a patch
            g.longs("axis.frames", 2);
            kernel = g.node("patch_embed.proj.weight.sum", "ReduceSum")
                    .with("keepdims", 0)
                    .of(kernel, "/axis.frames");
        }
        String patches = g.node("patch_embed.proj", "Conv")
                .with("kernel_shape", new long[] {c.patch(), c.patch()})
                .with("strides", new long[] {c.patch(), c.patch()})
                .of(IMAGES, kernel, weight("patch_embed.proj.bias"));
        patches = g.node("patch_embed.flat", "Reshape").of(patches, "/shape.patches");
        patches = g.node("patch_embed", "Transpose")
                .with("perm", new long[] {0, 2, 1})
                .of(patches);
        return switch (c.positions()) {
            case SINCOS, TUNED -> tableOfTokens(patches);
            case LEARNED -> learned(patches);
            case SINUSOID -> {
                g.longs("positions.from", 0);
                g.longs("positions.to", grid.patches());
                g.longs("positions.axis", 1);
                String first = g.node("pos_embed.image", "Slice")
                        .of(weight("pos_embed"), "/positions.from", "/positions.to", "/positions.axis");
                yield g.node("embedded", "Add").of(patches, first);
            }
        };
    }

    private String tableOfTokens(String patches) throws IOException {
        String tokens = c.classToken() ? withClass(patches, weight("cls_token")) : patches;
        return g.node("embedded", "Add").of(tokens, weight("pos_embed"));
    }

    /** Positions in space and in time: the same patches at all times. */
    private String learned(String patches) throws IOException {
        String placed = g.node("placed", "Add").of(patches, weight("pos_embed_spatial"));
        g.longs("axis.times", 1);
        placed = g.node("placed.times", "Unsqueeze").of(placed, "/axis.times");
        g.longs("axis.places", 2);
        String times = g.node("pos_embed_temporal.times", "Unsqueeze").of(weight("pos_embed_temporal"), "/axis.places");
        String timed = g.node("timed", "Add").of(placed, times);
        g.longs("shape.timed", 0, grid.patches(), c.dim());
        String flat = g.node("embedded.times", "Reshape").of(timed, "/shape.timed");
        if (!c.classToken()) {
            return flat;
        }
        String cls = g.node("cls_token.placed", "Add").of(weight("cls_token"), weight("pos_embed_class"));
        return withClass(flat, cls);
    }

    private String withClass(String patches, String classToken) {
        return g.node("embedded.tokens", "Concat").with("axis", 1).of(repeated(classToken, "class", 1), patches);
    }

    /** A row of tokens for every image. */
    private String repeated(String tokens, String name, int count) {
        String batch =
                g.node(name + ".batch", "Shape").with("start", 0).with("end", 1).of(IMAGES);
        String one = g.longs("shape." + name, count, c.dim());
        String shape = g.node(name + ".shape", "Concat").with("axis", 0).of(batch, one);
        return g.node(name + ".tokens", "Expand").of(tokens, shape);
    }

    /** Register tokens have no positions and stand before the patches. */
    private String withRegisters(String embedded) throws IOException {
        if (c.registers() == 0) {
            return embedded;
        }
        String registers = repeated(weight(RegisterTokens.NAME), "registers", c.registers());
        if (!c.classToken()) {
            return g.node("embedded.registers", "Concat").with("axis", 1).of(registers, embedded);
        }
        String axis = g.longs("embedded.axis", 1);
        String from = g.longs("embedded.from", 0);
        String first = g.longs("embedded.first", 1);
        String end = g.longs("embedded.end", Long.MAX_VALUE);
        String classToken = g.node("embedded.class", "Slice").of(embedded, from, first, axis);
        String patches = g.node("embedded.patches", "Slice").of(embedded, first, end, axis);
        return g.node("embedded.registers", "Concat").with("axis", 1).of(classToken, registers, patches);
    }

    private String norm(String result, String name, String x) throws IOException {
        return g.node(result, "LayerNormalization")
                .with("axis", -1)
                .with("epsilon", EPS)
                .of(x, weight(name + ".weight"), weight(name + ".bias"));
    }

    /** The published weight is [out, in]. */
    private String linear(String name, String x) throws IOException {
        String matrix = g.node(name + ".weight.transposed", "Transpose")
                .with("perm", new long[] {1, 0})
                .of(weight(name + ".weight"));
        String product = g.node(name + ".product", "MatMul").of(x, matrix);
        return g.node(name, "Add").of(product, weight(name + ".bias"));
    }

    private String block(String name, String x) throws IOException {
        String attended = attention(name + ".attn", norm(name + ".norm1", name + ".norm1", x));
        String middle = g.node(name + ".middle", "Add").of(x, attended);
        String hidden = linear(name + ".mlp.fc1", norm(name + ".norm2", name + ".norm2", middle));
        String mlp = linear(name + ".mlp.fc2", gelu(name + ".mlp.gelu", hidden));
        return g.node(name, "Add").of(middle, mlp);
    }

    private String attention(String name, String x) throws IOException {
        String qkv = g.node(name + ".qkv.heads", "Reshape").of(linear(name + ".qkv", x), "/shape.heads");
        qkv = g.node(name + ".qkv.parts", "Transpose")
                .with("perm", new long[] {2, 0, 3, 1, 4}) // [3, batch, heads, tokens, width]
                .of(qkv);
        String q = g.node(name + ".q", "Gather").with("axis", 0).of(qkv, "/index.0");
        String k = g.node(name + ".k", "Gather").with("axis", 0).of(qkv, "/index.1");
        String v = g.node(name + ".v", "Gather").with("axis", 0).of(qkv, "/index.2");
        q = g.node(name + ".q.scaled", "Mul").of(q, "/attention.scale");
        k = g.node(name + ".k.transposed", "Transpose")
                .with("perm", new long[] {0, 1, 3, 2})
                .of(k);
        String scores = g.node(name + ".scores", "MatMul").of(q, k);
        String shares = g.node(name + ".softmax", "Softmax").with("axis", -1).of(scores);
        String sums = g.node(name + ".sums", "MatMul").of(shares, v);
        sums = g.node(name + ".sums.tokens", "Transpose")
                .with("perm", new long[] {0, 2, 1, 3})
                .of(sums);
        return linear(name + ".proj", g.node(name + ".attended", "Reshape").of(sums, "/shape.tokens"));
    }

    /** x / 2 * (1 + erf(x / sqrt 2)), in the form that runtimes know and fuse. */
    private String gelu(String name, String x) {
        String erf =
                g.node(name + ".erf", "Erf").of(g.node(name + ".scaled", "Div").of(x, "/gelu.sqrt2"));
        String gate = g.node(name + ".gate", "Add").of(erf, "/one");
        String gated = g.node(name + ".gated", "Mul").of(x, gate);
        return g.node(name, "Mul").of(gated, "/half");
    }

    private void pool(Pooling pooling, String tokens) {
        if (pooling == Pooling.CLS) {
            g.node(FEATURES, "Gather").with("axis", 1).of(tokens, "/index.0");
            return;
        }
        String patches = tokens;
        if (tokens() > grid.patches()) {
            g.longs("patches.from", tokens() - grid.patches());
            g.longs("patches.to", Long.MAX_VALUE);
            g.longs("patches.axis", 1);
            patches = g.node("tokens.patches", "Slice").of(tokens, "/patches.from", "/patches.to", "/patches.axis");
        }
        if (pooling == Pooling.GEM) {
            g.scalar("gem.floor", GEM_FLOOR);
            g.scalar("gem.power", 3);
            g.scalar("gem.root", 1 / 3f);
            patches = g.node("gem.clamped", "Max").of(patches, "/gem.floor");
            patches = g.node("gem.cubes", "Pow").of(patches, "/gem.power");
        }
        String reduced = pooling == Pooling.GEM ? "gem.mean" : FEATURES;
        g.node(reduced, pooling == Pooling.MAX ? "ReduceMax" : "ReduceMean")
                .with("axes", new long[] {1})
                .with("keepdims", 0)
                .of(patches);
        if (pooling == Pooling.GEM) {
            g.node(FEATURES, "Pow").of(reduced, "/gem.root");
        }
    }
}
