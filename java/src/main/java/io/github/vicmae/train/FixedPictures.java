package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.report.ReportData;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The same few samples, in the same views with the same masks, reconstructed again and again over a run. They are those that the data's first
 * batch begins with, so that a resumed run shows the same.
 */
final class FixedPictures {
    private static final int SHOWN = 4;

    private final Objective model;
    private final List<Feed> feeds;
    private final List<Kept> kept = new ArrayList<>();

    /** The first views of some samples, [S, C, T, H, W], with the keys of their masks. */
    private record Kept(int[] samples, float[] views, IntBuffer keys) {}

    FixedPictures(Objective model, List<Feed> feeds) {
        this.model = model;
        this.feeds = feeds;
    }

    /**
     * Reconstructs them with the model as it is, which overwrites its activations but nothing that it learns from.
     *
     * @param input that no step is using
     * @throws IOException if the samples cannot be read
     */
    List<ReportData.Sample> reconstruct(StepInput input) throws IOException {
        if (kept.isEmpty()) {
            for (int i = 0; i < feeds.size(); i++) {
                kept.add(take(feeds.get(i), model.workspace().views().get(i)));
            }
        }
        input.drawMasks(true);
        for (int i = 0; i < kept.size(); i++) {
            ViewInput views = input.batch(i);
            input.host().floats().put(views.imagesOffset(), kept.get(i).views());
            for (int row = 0; row < kept.get(i).samples().length; row++) {
                views.key(row, kept.get(i).keys(), row);
            }
        }
        input.upload(model.stream());
        List<ReportData.Sample> shown = new ArrayList<>();
        for (int i = 0; i < kept.size(); i++) {
            model.autoencoder(i).encode(input.batch(i));
            model.autoencoder(i).predict();
            int[] samples = kept.get(i).samples();
            shown.addAll(new Reconstructions(model, feeds.get(i), i).read(input, samples, samples.length, 1));
        }
        return shown;
    }

    private static Kept take(Feed feed, ViewBatch shape) throws IOException {
        int count = Math.min(SHOWN, shape.batch());
        return feed.first(count, batch -> keep(batch, count, feed.views().viewSize()));
    }

    private static Kept keep(Batch batch, int count, int size) {
        float[] views = new float[count * size];
        FloatBuffer from = batch.views();
        from.get(0, views); // the first views come first
        IntBuffer keys = IntBuffer.allocate(batch.noiseKeys().capacity());
        keys.put(0, batch.noiseKeys(), 0, keys.capacity());
        return new Kept(batch.sampleIndex().clone(), views, keys);
    }
}
