package io.github.vicmae.objective;

import io.github.vicmae.data.Mixing;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.layer.Context;
import io.github.vicmae.model.ClassifierHead;
import io.github.vicmae.model.ConvertedTrunk;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.model.VisionTransformer;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * An encoder and a classifier in training (He et al. 2022, appendix A.1): all patches are encoded, the last block's patch tokens are averaged, normalised
 * ({@code fc_norm}) and mapped to the classes ({@code head}); the loss is the cross-entropy with targets that may be soft.
 */
final class Classifier implements Objective {
    /** Places among the step's further values; drop path and dropout follow, where they are on. */
    private static final int TARGETS = 0;

    private static final int DROP_PATH = 1;

    /** Kinds of draws; no draw of the data has these numbers. */
    private static final int PURPOSE_DROP_PATH = 0x44524F50; // "DROP"

    private static final int PURPOSE_DROPOUT = 0x44524F55; // "DROU"

    private final ModelConfig config;
    private final ClassifierConfig settings;
    private final Workspace workspace;
    private final Context context;
    private final int rows;
    private final int width;
    private final int classes;
    private final PatchGrid grid;
    private final VisionTransformer encoder;
    private final ClassifierHead head;
    private final Tensor losses;
    private final Tensor dlogits;
    private final Tensor dtokens;

    Classifier(Workspace workspace, ModelConfig config) {
        this.config = config;
        this.workspace = workspace;
        settings = (ClassifierConfig) config.objective();
        context = workspace.context();
        TrunkConfig trunk = config.trunk();
        ViewBatch views = workspace.views().get(0);
        rows = views.samples();
        width = trunk.dim();
        classes = settings.classes().size();
        grid = views.grid();
        context.parameters().group(p -> settings.group(trunk, p));
        encoder = VisionTransformer.withoutNorm(
                context, trunk, grid, rows, workspace.execution().recompute(), settings.dropPath() > 0);
        head = new ClassifierHead(context, grid, rows, width, classes, settings.dropout() > 0);
        losses = workspace.declareLosses(rows);
        dlogits = context.activation("d logits", rows, classes);
        dtokens = context.activations().floats("d tokens", rows, grid.tokens(), width);
    }

    @Override
    public void forward(StepInput input) {
        if (encoder.dropPath() != null) {
            stream().copy(encoder.dropPath().factors(), input.values(DROP_PATH));
        }
        encoder.forward(input.batch(0).images(), null);
        head.forward(encoder.output(), dropout(input));
        kernels()
                .crossEntropy()
                .lossAndGradient(dlogits, losses, head.logits(), input.values(TARGETS), input.weight(0), rows, classes);
    }

    @Override
    public void backward(StepInput input) {
        head.backward(dtokens, dlogits, encoder.output(), dropout(input));
        encoder.backward(dtokens, dtokens, null);
    }

    /** The factors of the features; null without dropout. */
    private Tensor dropout(StepInput input) {
        return settings.dropout() > 0 ? input.values(settings.dropoutPlace()) : null;
    }

    /** Writes the targets, and draws what is dropped: a pure function of the seed, the pass and the row. */
    @Override
    public void fill(StepInput input, int[] labels, long seed, long passOfRun) {
        int pass = Math.toIntExact(passOfRun);
        FloatBuffer host = input.host().floats();
        fillTargets(host, input, labels, seed, pass);
        if (settings.dropPath() > 0) {
            fillDropPath(host, input.valuesOffset(DROP_PATH), seed, pass);
        }
        if (settings.dropout() > 0) {
            fillDropout(host, input.valuesOffset(settings.dropoutPlace()), seed, pass);
        }
    }

    /** Mixes the views, all of which are in the host's memory, and the targets alike. */
    private void fillTargets(FloatBuffer host, StepInput input, int[] labels, long seed, int pass) {
        TrunkConfig trunk = config.trunk();
        int[] ofRow = new int[rows];
        Arrays.setAll(ofRow, row -> labels[row % labels.length]);
        Mixing mixing = new Mixing(settings.mixing(), classes, seed);
        Mixing.Mix mix = mixing.draw(pass, trunk.height(), trunk.width());
        int from = input.batch(0).imagesOffset();
        int planes = trunk.channels() * trunk.frames();
        FloatBuffer views = host.slice(from, rows * planes * trunk.height() * trunk.width());
        Mixing.apply(mix, views, rows, planes, trunk.height(), trunk.width());
        mixing.targets(mix, ofRow, host.slice(input.valuesOffset(TARGETS), rows * classes));
    }

    /** The rate of block i of n is i / (n - 1) of the largest (Huang et al. 2016). */
    private void fillDropPath(FloatBuffer host, int at, long seed, int pass) {
        int depth = config.trunk().depth();
        for (int row = 0; row < rows; row++) {
            Philox random = new Philox(seed, pass, row, PURPOSE_DROP_PATH);
            for (int branch = 0; branch < 2 * depth; branch++) {
                double rate = settings.dropPath() * (branch / 2) / Math.max(1, depth - 1);
                host.put(at + branch * rows + row, kept(random, rate));
            }
        }
    }

    private void fillDropout(FloatBuffer host, int at, long seed, int pass) {
        for (int row = 0; row < rows; row++) {
            Philox random = new Philox(seed, pass, row, PURPOSE_DROPOUT);
            for (int i = 0; i < width; i++) {
                host.put(at + row * width + i, kept(random, settings.dropout()));
            }
        }
    }

    /** 0 with this probability, else what keeps the mean. */
    private static float kept(Philox random, double rate) {
        return random.nextFloat() < rate ? 0 : (float) (1 / (1 - rate));
    }

    @Override
    public Losses results(HostBuffer from, double... weights) {
        double mean = 0;
        for (int i = 0; i < rows; i++) {
            mean += (double) from.floats().get(i) / rows;
        }
        return Losses.of(config.objective().losses(), new double[] {mean}, weights);
    }

    /** [rows, classes]: those of the last step. */
    @Override
    public Tensor logits() {
        return head.logits();
    }

    /** The encoder of any method in this one's shape; a classifier counts if it is one of the same classes. */
    @Override
    public TensorSource startingFrom(TensorSource checkpoint) throws IOException {
        ModelConfig other = ModelConfig.of(checkpoint, config.trunk().heads());
        boolean sameClasses = other.objective() instanceof ClassifierConfig classifier
                && classifier.classes().equals(settings.classes());
        return ConvertedTrunk.of(
                checkpoint,
                other.trunk(),
                config.trunk(),
                name -> name.startsWith("norm.") || name.startsWith("head.") && !sameClasses);
    }

    @Override
    public boolean isOptional(String parameter) {
        return parameter.startsWith("fc_norm.") || parameter.startsWith("head.");
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public Workspace workspace() {
        return workspace;
    }
}
