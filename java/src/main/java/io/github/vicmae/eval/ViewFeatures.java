package io.github.vicmae.eval;

import io.github.vicmae.model.TrunkConfig;
import java.nio.FloatBuffer;

/** What makes features of views: an encoder, or nothing but the views' own values. */
public interface ViewFeatures {
    /** Values of a feature vector. */
    int width();

    /**
     * Computes the features of views, one after the other.
     *
     * @param views normalised, [count, C, H, W], or [count, C, T, H, W] if they are clips
     * @param clips whether they are clips
     * @param features [count, width], written from index 0 on
     * @param count at least 0
     */
    void compute(FloatBuffer views, boolean clips, FloatBuffer features, int count);

    /** The views' own values, [C, H, W]; of a clip their mean over its frames. */
    static ViewFeatures pixels(TrunkConfig trunk) {
        return new ViewFeatures() {
            private final int plane = trunk.height() * trunk.width();

            @Override
            public int width() {
                return trunk.imageSize();
            }

            @Override
            public void compute(FloatBuffer views, boolean clips, FloatBuffer features, int count) {
                int frames = clips ? trunk.frames() : 1;
                if (frames == 1) {
                    features.put(0, views, 0, count * width());
                    return;
                }
                for (int i = 0; i < count * width(); i++) {
                    int from = i / plane * frames * plane + i % plane;
                    float sum = 0;
                    for (int t = 0; t < frames; t++) {
                        sum += views.get(from + t * plane);
                    }
                    features.put(i, sum / frames);
                }
            }
        };
    }
}
