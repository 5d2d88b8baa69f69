package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;

/**
 * A trained encoder's feature map of a single image of a given size: the patch tokens behind the last norm, where they lie in the image. Positions
 * are interpolated, and an encoder of clips becomes one of images, as {@link ConvertedTrunk} says. For one thread at a time.
 */
public final class DenseFeatures implements AutoCloseable {
    private final TrunkConfig trunk;
    private final PatchGrid grid;
    private final Kernels kernels;
    private final Parameters parameters = new Parameters();
    private final Arena arena = new Arena("dense features");
    private final Tensor image;
    private final VisionTransformer encoder;

    /**
     * Loads the encoder for images of a size.
     *
     * @param file a checkpoint whose encoder is {@code from}
     * @param height rows of the image, a multiple of the patch
     * @param width columns
     * @throws IOException if the file lacks a part of the encoder
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public DenseFeatures(Device device, TensorSource file, TrunkConfig from, int height, int width) throws IOException {
        trunk = from.tuned(height, width, 1, 1);
        grid = trunk.grid();
        kernels = Kernels.onNewStream(device);
        try {
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, parameters, arena, scratch, false, Precision.FP32);
            image = arena.floats("image", 1, trunk.channels(), height, width);
            encoder = new VisionTransformer(context, trunk, grid, 1, grid.patches(), false);
            scratch.plan(arena);
            parameters.plan(false, Precision.FP32);
            parameters.allocate(device, stream());
            arena.allocate(device);
            TensorSource source = ConvertedTrunk.of(file, from, trunk, name -> false);
            Checkpoint.loadParameters(source, parameters.all(), stream(), "", Parameter::value);
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private Stream stream() {
        return kernels.stream();
    }

    /** How the image is cut into patches. */
    public PatchGrid grid() {
        return grid;
    }

    /**
     * Computes the map.
     *
     * @param pixels normalised, [C, H, W]
     * @return [D, H / p, W / p]
     */
    public float[] map(float[] pixels) {
        stream().write(image, pixels);
        encoder.forward(image, null);
        float[] tokens = stream().read(encoder.output());
        int width = trunk.dim();
        int places = grid.places();
        float[] map = new float[width * places];
        for (int place = 0; place < places; place++) {
            for (int d = 0; d < width; d++) {
                map[d * places + place] = tokens[(grid.classTokens() + trunk.registers() + place) * width + d];
            }
        }
        return map;
    }

    @Override
    public void close() {
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream(), arena, parameters);
    }
}
