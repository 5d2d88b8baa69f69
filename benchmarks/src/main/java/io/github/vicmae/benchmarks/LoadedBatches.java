package io.github.vicmae.benchmarks;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import java.io.IOException;

/** A batch of a loader with each launch; the first one's views are the result. */
final class LoadedBatches extends HostWork {
    private final BatchLoader loader;
    private float[] kept;

    /** @param owned closed after the loader */
    LoadedBatches(BatchLoader loader, AutoCloseable... owned) {
        super(join(loader, owned));
        this.loader = loader;
    }

    private static AutoCloseable[] join(BatchLoader loader, AutoCloseable... owned) {
        AutoCloseable[] all = new AutoCloseable[owned.length + 1];
        all[0] = loader;
        System.arraycopy(owned, 0, all, 1, owned.length);
        return all;
    }

    /** The views of a loader's next batch. */
    static float[] next(BatchLoader loader) throws IOException {
        Batch batch = loader.next();
        float[] values = new float[batch.views().capacity()];
        batch.views().get(0, values);
        batch.release();
        return values;
    }

    @Override
    public void launch() {
        try {
            if (kept == null) {
                kept = next(loader);
            } else {
                loader.next().release();
            }
        } catch (IOException e) {
            throw new IllegalStateException("The loader failed: " + e.getMessage(), e);
        }
    }

    @Override
    public float[] result(String name) {
        return kept;
    }
}
