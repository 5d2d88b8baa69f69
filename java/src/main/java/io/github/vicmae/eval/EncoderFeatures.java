package io.github.vicmae.eval;

import io.github.vicmae.model.FeatureExtractor;
import java.nio.FloatBuffer;

/** An encoder's features: its pooled tokens, its class token, or both one behind the other. For one thread. */
public final class EncoderFeatures implements ViewFeatures {
    private final FeatureExtractor extractor;
    private final FeatureTokens tokens;
    private final int dim;
    private FloatBuffer pooled = DirectBuffers.floats(0);
    private FloatBuffer classTokens = DirectBuffers.floats(0);

    /**
     * @param extractor stays the caller's, and open as long as this is used; for clips it has to have {@linkplain FeatureExtractor#planClips
     *     taken the memory} for them
     * @throws IllegalArgumentException if the encoder has no class token, and one is asked for
     */
    public EncoderFeatures(FeatureExtractor extractor, FeatureTokens tokens) {
        if (tokens.takesClassToken() && !extractor.trunk().classToken()) {
            throw new IllegalArgumentException("Features '" + tokens
                    + "' were asked for, but this encoder has no class token; use --features pooled");
        }
        this.extractor = extractor;
        this.tokens = tokens;
        dim = extractor.trunk().dim();
    }

    @Override
    public int width() {
        return tokens == FeatureTokens.BOTH ? 2 * dim : dim;
    }

    @Override
    public void compute(FloatBuffer views, boolean clips, FloatBuffer features, int count) {
        if (tokens != FeatureTokens.BOTH) {
            boolean pools = tokens == FeatureTokens.POOLED;
            run(views, clips, pools ? features : null, pools ? null : features, count);
            return;
        }
        if (pooled.capacity() < count * dim) {
            pooled = DirectBuffers.floats(count * dim);
            classTokens = DirectBuffers.floats(count * dim);
        }
        run(views, clips, pooled, classTokens, count);
        for (int i = 0; i < count; i++) {
            features.put(2 * i * dim, pooled, i * dim, dim);
            features.put((2 * i + 1) * dim, classTokens, i * dim, dim);
        }
    }

    private void run(FloatBuffer views, boolean clips, FloatBuffer ofPooled, FloatBuffer ofClass, int count) {
        if (clips) {
            extractor.extractClips(views, ofPooled, ofClass, count);
        } else {
            extractor.extract(views, ofPooled, ofClass, count);
        }
    }
}
