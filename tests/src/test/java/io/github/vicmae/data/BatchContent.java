package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A copy of a batch's content. */
record BatchContent(
        int epoch,
        int step,
        float[] views,
        int[] noiseKeys,
        int[] labels,
        int[] samples,
        boolean[] video,
        Modality modality) {
    static BatchContent of(Batch batch) {
        float[] views = new float[batch.views().capacity()];
        batch.views().get(0, views);
        return new BatchContent(
                batch.epoch(),
                batch.step(),
                views,
                batch.noiseKeys().array().clone(),
                batch.labels().clone(),
                batch.sampleIndex().clone(),
                batch.isVideo().clone(),
                batch.modality());
    }

    void assertSameAs(BatchContent other) {
        assertEquals(epoch, other.epoch);
        assertEquals(step, other.step);
        assertArrayEquals(samples, other.samples);
        assertArrayEquals(labels, other.labels);
        assertArrayEquals(video, other.video);
        assertArrayEquals(noiseKeys, other.noiseKeys);
        assertArrayEquals(views, other.views);
    }

    /** The next batches from a place on. */
    static List<BatchContent> take(
            Dataset from,
            ViewSettings view,
            FrameSampler sampler,
            LoaderSettings settings,
            int epoch,
            int step,
            int count)
            throws IOException {
        List<BatchContent> batches = new ArrayList<>();
        try (BatchLoader loader = new BatchLoader(from, view, sampler, settings, epoch, step, f -> {})) {
            for (int i = 0; i < count; i++) {
                Batch batch = loader.next();
                batches.add(BatchContent.of(batch));
                batch.release();
            }
        }
        return batches;
    }
}
