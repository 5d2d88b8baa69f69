package io.github.vicmae.eval;

import io.github.vicmae.model.ClassifierModel;
import java.nio.FloatBuffer;

/** A classifier's softmax as features of views: the mean over a sample's views is its prediction. */
public final class ClassProbabilities implements ViewFeatures {
    private final ClassifierModel model;

    /**
     * @param model stays the caller's, and open as long as this is used
     */
    public ClassProbabilities(ClassifierModel model) {
        this.model = model;
    }

    @Override
    public int width() {
        return model.classes();
    }

    @Override
    public void compute(FloatBuffer views, boolean clips, FloatBuffer features, int count) {
        model.logits(views, features, count);
        int classes = model.classes();
        double[] e = new double[classes];
        for (int i = 0; i < count; i++) {
            int at = i * classes;
            double high = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < classes; c++) {
                high = Math.max(high, features.get(at + c));
            }
            double sum = 0;
            for (int c = 0; c < classes; c++) {
                e[c] = Math.exp(features.get(at + c) - high);
                sum += e[c];
            }
            for (int c = 0; c < classes; c++) {
                features.put(at + c, (float) (e[c] / sum));
            }
        }
    }
}
