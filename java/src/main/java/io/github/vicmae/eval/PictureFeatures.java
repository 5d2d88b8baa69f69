package io.github.vicmae.eval;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.ExtractedTokens;
import java.nio.FloatBuffer;
import java.util.Objects;
import java.util.function.IntFunction;

/** Pictures to features: views are made before a context is taken, so that pictures are resized side by side. For any number of threads. */
final class PictureFeatures {
    private final Encoder encoder;
    private final Staging.Pool stagings;

    /** @param threads that may make views at the same time */
    PictureFeatures(Encoder encoder, ViewSettings settings, int threads) {
        this.encoder = encoder;
        stagings = new Staging.Pool(settings, threads);
    }

    /** Takes the features of some pictures, [count, D]. */
    interface Part {
        void done(int start, int count, FloatBuffer features);
    }

    /** Computes pictures batch by batch. */
    void inParts(IntFunction<Image> images, int total, Part part) {
        int batch = encoder.batch();
        if (total == 0) {
            encoder.embed(FloatBuffer.allocate(0), FloatBuffer.allocate(0), 0); // a closed encoder refuses this, too
        }
        for (int start = 0; start < total; start += batch) {
            int count = Math.min(batch, total - start);
            Staging staging = stagings.take();
            try {
                FloatBuffer views = staging.input(count);
                for (int i = 0; i < count; i++) {
                    staging.write(images.apply(start + i), views, i);
                }
                FloatBuffer output = staging.output(count * encoder.width());
                encoder.embed(views, output, count);
                part.done(start, count, output);
            } finally {
                stagings.giveBack(staging);
            }
        }
    }

    /** [n][D]. */
    float[][] rows(IntFunction<Image> images, int total) {
        int width = encoder.width();
        float[][] features = new float[total][width];
        inParts(images, total, (start, count, output) -> {
            for (int i = 0; i < count; i++) {
                output.get(i * width, features[start + i]);
            }
        });
        return features;
    }

    ImageTokens tokens(Image image) {
        Objects.requireNonNull(image, "There is no image");
        int dim = encoder.width();
        boolean hasClass = encoder.config().trunk().classToken();
        float[][] patches = new float[encoder.patches()][dim];
        Staging staging = stagings.take();
        try {
            FloatBuffer view = staging.input(1);
            staging.write(image, view, 0);
            FloatBuffer out = staging.output((2 + patches.length) * dim);
            FloatBuffer ofPatches = out.slice(2 * dim, patches.length * dim);
            encoder.extract(view, new ExtractedTokens(out, hasClass ? out.slice(dim, dim) : null, ofPatches), 1);
            for (int p = 0; p < patches.length; p++) {
                ofPatches.get(p * dim, patches[p]);
            }
            float[] pooled = new float[dim];
            out.get(0, pooled);
            float[] classToken = hasClass ? new float[dim] : null;
            if (hasClass) {
                out.get(dim, classToken);
            }
            return new ImageTokens(pooled, classToken, patches);
        } finally {
            stagings.giveBack(staging);
        }
    }

    /** Writes a picture's view, [C, H, W]. */
    void view(Image image, FloatBuffer to) {
        Staging staging = stagings.take();
        try {
            staging.write(image, to, 0);
        } finally {
            stagings.giveBack(staging);
        }
    }
}
