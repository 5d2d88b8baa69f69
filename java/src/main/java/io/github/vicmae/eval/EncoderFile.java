package io.github.vicmae.eval;

import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.ConvertedTrunk;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A checkpoint whose encoder is used.
 *
 * @param source its tensors, to be closed
 * @param config its settings
 */
record EncoderFile(TensorSource source, ModelConfig config) implements AutoCloseable {
    /**
     * Opens a checkpoint of ours or a published one.
     *
     * @param heads attention heads of a published encoder; 0 for those of the standard size of its width
     * @param image side of the images that it is used for, in pixels: its positions are interpolated as its authors do; 0 for the side that it
     *     was trained with
     * @throws IOException if the file cannot be read, holds no encoder, or one that cannot take such images
     */
    static EncoderFile open(Path file, int heads, int image) throws IOException {
        TensorSource source = TensorSource.open(file);
        try {
            ModelConfig config = ModelConfig.of(source, heads);
            refuseClassifier(file, config);
            TrunkConfig trunk = config.trunk();
            if (image == 0 || image == trunk.height() && image == trunk.width()) {
                return new EncoderFile(source, config);
            }
            if (image < 0 || image % trunk.patch() != 0) {
                throw new IOException("Images of " + image + " pixels a side cannot be cut into the patches of " + file
                        + ": take a multiple of " + trunk.patch());
            }
            TrunkConfig resized = trunk.resized(image, image);
            return new EncoderFile(
                    ConvertedTrunk.of(source, trunk, resized, name -> false),
                    new ModelConfig(resized, config.decoder(), config.objective()));
        } catch (IOException | RuntimeException | Error e) {
            source.close();
            throw e;
        }
    }

    static void refuseClassifier(Path file, ModelConfig config) throws IOException {
        if (config.objective() instanceof ClassifierConfig) {
            throw new IOException(file + " holds a fine-tuned classifier, whose encoder has no last norm to take"
                    + " features behind; give the checkpoint that it was fine-tuned from");
        }
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
