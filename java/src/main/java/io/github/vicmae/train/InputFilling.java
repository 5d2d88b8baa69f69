package io.github.vicmae.train;

import io.github.vicmae.data.SampleViews;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.model.StepInput;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;

/** Fills the inputs of steps from a program's own samples or views. A sample's draws go with the seed and its place in the epoch. */
final class InputFilling {
    private final ViewSettings views;
    private final long seed;
    private final int batch;
    private final int batchesPerEpoch;
    /** One for each thread that makes views. */
    private final Queue<SampleViews> free = new ConcurrentLinkedQueue<>();

    /**
     * @param batch samples of a pass
     */
    InputFilling(ViewSettings views, long seed, int batch, int batchesPerEpoch) {
        this.views = views;
        this.seed = seed;
        this.batch = batch;
        this.batchesPerEpoch = batchesPerEpoch;
    }

    /**
     * @throws IllegalArgumentException if a sample has not as many images as its views want
     */
    void require(TrainingSample sample) {
        sample.all(views);
    }

    /**
     * @throws IllegalArgumentException if there are more or fewer values or keys than the views of a pass have
     */
    void require(TrainingViews pass) {
        int rows = views.views() * batch;
        long values = (long) rows * views.viewSize();
        if (pass.values().remaining() != values) {
            throw new IllegalArgumentException("The views of a pass are " + values + " values, " + rows + " views of "
                    + views.viewSize() + ", and the buffer has "
                    + pass.values().remaining() + " between its position and its limit");
        }
        if (pass.noiseKeys() != null && pass.noiseKeys().remaining() != rows * Philox.KEY_WORDS) {
            throw new IllegalArgumentException("The keys of a pass's masks are " + rows * Philox.KEY_WORDS
                    + " integers, and the buffer has " + pass.noiseKeys().remaining()
                    + " between its position and its limit");
        }
    }

    /** Makes the views of a pass's samples, on all processors. */
    void fill(StepInput input, List<TrainingSample> samples, long pass) {
        FloatBuffer to = input.host().floats();
        int first = input.batch(0).imagesOffset();
        int epoch = epoch(pass);
        IntStream.range(0, batch).parallel().forEach(slot -> {
            SampleViews writer = writer();
            TrainingSample sample = samples.get(slot);
            writer.write(sample.all(views), sample.kind(), epoch, number(pass, slot), 0, to, first, batch, slot);
            free.add(writer);
        });
        drawKeys(input, pass);
    }

    /** Copies finished views. */
    void fill(StepInput input, TrainingViews given, long pass) {
        FloatBuffer from = given.values();
        input.host().floats().put(input.batch(0).imagesOffset(), from, from.position(), from.remaining());
        if (given.noiseKeys() == null) {
            drawKeys(input, pass);
        } else {
            input.batch(0).keys(given.noiseKeys().slice());
        }
    }

    private void drawKeys(StepInput input, long pass) {
        IntBuffer keys = IntBuffer.allocate(views.views() * batch * Philox.KEY_WORDS);
        SampleViews writer = writer();
        for (int slot = 0; slot < batch; slot++) {
            writer.keys(epoch(pass), number(pass, slot), 0, keys, batch, slot);
        }
        free.add(writer);
        input.batch(0).keys(keys);
    }

    private SampleViews writer() {
        SampleViews writer = free.poll();
        return writer == null ? new SampleViews(views, seed) : writer;
    }

    private int epoch(long pass) {
        return Math.toIntExact(pass / batchesPerEpoch);
    }

    /** The number of a sample within its epoch. */
    private int number(long pass, int slot) {
        return Math.toIntExact(pass % batchesPerEpoch * batch + slot);
    }
}
