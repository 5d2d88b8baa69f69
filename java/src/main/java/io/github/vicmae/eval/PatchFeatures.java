package io.github.vicmae.eval;

import io.github.vicmae.device.Device;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.DenseFeatures;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;

/** An encoder's patch tokens behind its last norm, [P, D] for each view, row by row of the view; views are computed one by one. For one thread. */
public final class PatchFeatures implements ViewFeatures, AutoCloseable {
    private final DenseFeatures encoder;
    private final int dim;
    private final int patches;
    private final float[] view;

    /**
     * Loads the encoder.
     *
     * @param weights a checkpoint
     * @param trunk what it holds
     * @throws IOException if it cannot be read
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public PatchFeatures(Device device, Path weights, TrunkConfig trunk) throws IOException {
        try (TensorSource source = TensorSource.open(weights)) {
            encoder = new DenseFeatures(device, source, trunk, trunk.height(), trunk.width());
        }
        dim = trunk.dim();
        patches = encoder.grid().places();
        view = new float[trunk.imageSize()];
    }

    /** P. */
    public int patches() {
        return patches;
    }

    @Override
    public int width() {
        return Math.multiplyExact(patches, dim);
    }

    /** @param clips false: patches are those of single frames */
    @Override
    public void compute(FloatBuffer views, boolean clips, FloatBuffer features, int count) {
        for (int i = 0; i < count; i++) {
            views.get(i * view.length, view);
            float[] map = encoder.map(view);
            for (int patch = 0; patch < patches; patch++) {
                for (int d = 0; d < dim; d++) {
                    features.put((i * patches + patch) * dim + d, map[d * patches + patch]);
                }
            }
        }
    }

    @Override
    public void close() {
        encoder.close();
    }
}
