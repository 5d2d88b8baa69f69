package io.github.vicmae.eval;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.BatchNormKernels;
import io.github.vicmae.kernel.CrossEntropyKernels;
import io.github.vicmae.kernel.LarsKernels;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.matmul.MatMul;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The trained part of a linear probe (He et al. 2022, appendix A.2): BatchNorm without affine parameters, a linear map to the classes, softmax
 * cross-entropy, LARS. Several heads are trained side by side on the same batches, each with a rate of its own; they are one wide linear map.
 *
 * <p>For one thread.
 */
public final class LinearHeads implements AutoCloseable {
    private static final float EPS = 1e-6f;
    private static final float MOMENTUM = 0.1f;
    private static final double START_DEVIATION = 0.01;
    /** Of the weights at the start; no draw of the data has this kind. */
    private static final int PURPOSE = 0x48454144; // "HEAD"

    private final Sizes sizes;
    private final LarsKernels.Settings lars;
    private final Stream stream;
    private final MatMul matMul;
    private final BatchNormKernels batchNorm;
    private final CrossEntropyKernels crossEntropy;
    private final LarsKernels optimizer;
    private final Product product = new Product();
    private final Arena arena = new Arena("linear probe");
    private final Tensor features;
    private final Tensor normalised;
    private final Tensor batchStatistics;
    private final Tensor running;
    private final Tensor ones;
    private final Tensor zeros;
    private final Tensor weights;
    private final Tensor weightGradients;
    private final Tensor weightMomenta;
    private final Tensor biases;
    private final Tensor biasGradients;
    private final Tensor biasMomenta;
    private final Tensor logits;
    private final Tensor dlogits;
    private final Tensor targets;
    private final Tensor losses;
    private final Tensor lossWeight;
    private final Tensor rates;
    private final Tensor scratch;
    private HostBuffer featuresHost;
    private HostBuffer targetsHost;
    private HostBuffer logitsHost;
    private HostBuffer lossesHost;
    private HostBuffer ratesHost;
    private final int[] lastLabels;
    private long batches;

    /**
     * Sizes.
     *
     * @param width of the features, D
     * @param classes K
     * @param heads trained side by side, R
     * @param batch rows of a step, at least 2 for BatchNorm
     */
    public record Sizes(int width, int classes, int heads, int batch) {
        public Sizes {
            if (width < 1 || classes < 2 || heads < 1 || batch < 2) {
                throw new IllegalArgumentException("A linear probe needs features, 2 classes, a head and 2 samples a"
                        + " batch at least, not " + width + ", " + classes + ", " + heads + " and " + batch);
            }
        }

        private int outputs() {
            return Math.multiplyExact(heads, classes);
        }
    }

    /**
     * Everything that training changes.
     *
     * @param batches that BatchNorm has seen
     * @param running mean and variance of the features, [2, D]
     * @param weights [R, K, D]
     * @param biases [R, K]
     */
    public record State(
            long batches,
            float[] running,
            float[] weights,
            float[] biases,
            float[] weightMomenta,
            float[] biasMomenta) {}

    /** Heads with LARS's usual numbers. */
    public LinearHeads(Device device, Sizes sizes) {
        this(device, sizes, LarsKernels.Settings.PROBE);
    }

    /**
     * Takes the memory. The heads are empty until {@link #start} or {@link #restore}.
     *
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    LinearHeads(Device device, Sizes sizes, LarsKernels.Settings lars) {
        this.sizes = sizes;
        this.lars = lars;
        int width = sizes.width;
        int outputs = sizes.outputs();
        int batch = sizes.batch;
        stream = device.newStream();
        try {
            matMul = new MatMul(stream);
            batchNorm = new BatchNormKernels(stream);
            crossEntropy = new CrossEntropyKernels(stream);
            optimizer = new LarsKernels(stream);
            features = arena.floats("features", batch, width);
            normalised = arena.floats("normalised features", batch, width);
            batchStatistics = arena.floats("statistics of the batch", 2, width);
            running = arena.floats("running statistics", 2, width);
            ones = arena.floats("ones", width);
            zeros = arena.floats("zeros", 2, width);
            weights = arena.floats("weights", outputs, width);
            weightGradients = arena.floats("gradients of weights", outputs, width);
            weightMomenta = arena.floats("momenta of weights", outputs, width);
            biases = arena.floats("biases", outputs);
            biasGradients = arena.floats("gradients of biases", outputs);
            biasMomenta = arena.floats("momenta of biases", outputs);
            logits = arena.floats("logits", batch, outputs);
            dlogits = arena.floats("d logits", batch, outputs);
            targets = arena.floats("targets", batch, outputs);
            losses = arena.floats("losses", batch, sizes.heads);
            lossWeight = arena.floats("weight of the loss", 1);
            rates = arena.floats("rates", sizes.heads);
            long wanted = Math.max(
                    MatMul.scratchSize(stream, DType.F32, outputs, width, batch),
                    LarsKernels.scratchSize(sizes.heads, (long) sizes.classes * width));
            scratch = arena.floats("scratch", Math.toIntExact(wanted));
            arena.allocate(device);
            featuresHost = device.hostBuffer(features.bytes());
            targetsHost = device.hostBuffer(targets.bytes());
            logitsHost = device.hostBuffer(logits.bytes());
            lossesHost = device.hostBuffer(losses.bytes());
            ratesHost = device.hostBuffer(rates.bytes());
            float[] one = new float[width];
            Arrays.fill(one, 1);
            stream.write(ones, one);
            stream.zero(zeros);
            stream.zero(weightGradients);
            stream.zero(biasGradients);
            // The mean is taken over all heads' rows, but each head is to get the gradient of its own mean.
            stream.write(lossWeight, new float[] {sizes.heads});
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
        lastLabels = new int[batch];
        Arrays.fill(lastLabels, -1);
        for (int i = 0; i < outputs * batch; i++) {
            targetsHost.floats().put(i, 0);
        }
    }

    /** The sizes. */
    public Sizes sizes() {
        return sizes;
    }

    /** Begins anew: normal weights of deviation 0.01, the same for all heads, biases 0. */
    public void start(long seed) {
        int size = sizes.classes * sizes.width;
        float[] one = new float[size];
        for (int k = 0; k < sizes.classes; k++) {
            Philox random = new Philox(seed, 0, k, PURPOSE);
            for (int d = 0; d < sizes.width; d++) {
                one[k * sizes.width + d] = (float) (START_DEVIATION * random.nextGaussian());
            }
        }
        float[] all = new float[sizes.heads * size];
        for (int h = 0; h < sizes.heads; h++) {
            System.arraycopy(one, 0, all, h * size, size);
        }
        float[] statistics = new float[2 * sizes.width];
        Arrays.fill(statistics, sizes.width, 2 * sizes.width, 1);
        int outputs = sizes.outputs();
        restore(new State(0, statistics, all, new float[outputs], new float[all.length], new float[outputs]));
    }

    /**
     * Goes on from a state.
     *
     * @throws IllegalArgumentException if it is that of other sizes
     */
    public void restore(State state) {
        batches = state.batches;
        stream.write(running, state.running);
        stream.write(weights, state.weights);
        stream.write(biases, state.biases);
        stream.write(weightMomenta, state.weightMomenta);
        stream.write(biasMomenta, state.biasMomenta);
    }

    /** The state after the last step. */
    public State state() {
        return new State(
                batches,
                stream.read(running),
                stream.read(weights),
                stream.read(biases),
                stream.read(weightMomenta),
                stream.read(biasMomenta));
    }

    /**
     * A step on one batch.
     *
     * @param batch features [B, D], from the first value on
     * @param labels [B], class numbers
     * @param headRates the rate of each head
     * @return each head's loss before the step: the mean over the batch
     */
    public double[] step(FloatBuffer batch, int[] labels, double[] headRates) {
        double[] found = forwardBackward(batch, labels);
        update(headRates);
        return found;
    }

    /** Losses, and the gradients of weights and biases. */
    double[] forwardBackward(FloatBuffer batch, int[] labels) {
        int rows = sizes.batch;
        int width = sizes.width;
        int outputs = sizes.outputs();
        featuresHost.floats().put(0, batch, 0, rows * width);
        writeTargets(labels);
        stream.upload(features, featuresHost, 0);
        stream.upload(targets, targetsHost, 0);
        batchNorm.forward(
                normalised,
                batchStatistics.slice("mean", 0, width),
                batchStatistics.slice("rstd", width, width),
                running.slice("running mean", 0, width),
                running.slice("running variance", width, width),
                features,
                ones,
                zeros.slice("beta", 0, width),
                1,
                rows,
                width,
                EPS,
                MOMENTUM,
                false);
        batches++;
        map();
        crossEntropy.lossAndGradient(dlogits, losses, logits, targets, lossWeight, rows * sizes.heads, sizes.classes);
        matMul.multiply(product.of(dlogits, true, normalised, false, outputs, width, rows)
                .scratch(scratch)
                .to(Epilogue.ADD_ROW_SUMS, weightGradients, biasGradients, null));
        stream.download(lossesHost, 0, losses);
        stream.synchronize();
        double[] means = new double[sizes.heads];
        for (int i = 0; i < rows * sizes.heads; i++) {
            means[i % sizes.heads] += (double) lossesHost.floats().get(i) / rows;
        }
        return means;
    }

    /** logits = normalised W' + b. */
    private void map() {
        matMul.multiply(product.of(normalised, false, weights, true, sizes.batch, sizes.outputs(), sizes.width)
                .to(Epilogue.BIAS, logits, biases, null));
    }

    private void writeTargets(int[] labels) {
        if (labels.length != sizes.batch) {
            throw new IllegalArgumentException(
                    "A batch of " + sizes.batch + " samples needs as many labels, not " + labels.length);
        }
        FloatBuffer to = targetsHost.floats();
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] < 0 || labels[i] >= sizes.classes) {
                throw new IllegalArgumentException(
                        "There is no class " + labels[i] + " among " + sizes.classes + " classes");
            }
            for (int h = 0; h < sizes.heads; h++) {
                int row = (i * sizes.heads + h) * sizes.classes;
                if (lastLabels[i] >= 0) {
                    to.put(row + lastLabels[i], 0);
                }
                to.put(row + labels[i], 1);
            }
            lastLabels[i] = labels[i];
        }
    }

    /** LARS's step; clears the gradients. */
    void update(double[] headRates) {
        for (int h = 0; h < sizes.heads; h++) {
            ratesHost.floats().put(h, (float) headRates[h]);
        }
        stream.upload(rates, ratesHost, 0);
        optimizer.step(
                weights, weightGradients, weightMomenta, biases, biasGradients, biasMomenta, rates, scratch, lars);
        stream.synchronize();
    }

    /** Of the last {@link #forwardBackward}: [K, D] for each head. */
    float[] weightGradients() {
        return stream.read(weightGradients);
    }

    /** The same of the biases, [K] for each head. */
    float[] biasGradients() {
        return stream.read(biasGradients);
    }

    /** The logits of the last batch, [B, R, K]. */
    float[] lastLogits() {
        return stream.read(logits);
    }

    /**
     * The logits of samples, their features normalised by the running statistics.
     *
     * @param samples their features, [n][D]
     * @return [R][n][K]
     */
    public float[][][] logits(float[][] samples) {
        float[] statistics = stream.read(running);
        int width = sizes.width;
        double[] factor = new double[width];
        for (int d = 0; d < width; d++) {
            factor[d] = 1 / Math.sqrt((double) statistics[width + d] + EPS);
        }
        float[][][] result = new float[sizes.heads][samples.length][sizes.classes];
        for (int start = 0; start < samples.length; start += sizes.batch) {
            int count = Math.min(sizes.batch, samples.length - start);
            for (int i = 0; i < sizes.batch; i++) {
                for (int d = 0; d < width; d++) {
                    double value = i < count ? (samples[start + i][d] - (double) statistics[d]) * factor[d] : 0;
                    featuresHost.floats().put(i * width + d, (float) value);
                }
            }
            stream.upload(normalised, featuresHost, 0);
            map();
            stream.download(logitsHost, 0, logits);
            stream.synchronize();
            for (int i = 0; i < count; i++) {
                for (int h = 0; h < sizes.heads; h++) {
                    int from = (i * sizes.heads + h) * sizes.classes;
                    logitsHost.floats().get(from, result[h][start + i]);
                }
            }
        }
        return result;
    }

    @Override
    public void close() {
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream, featuresHost, targetsHost, logitsHost, lossesHost, ratesHost, arena);
    }
}
