package io.github.vicmae.data.inspect;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.ReadFailure;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * Opens every sample of a data set: images are decoded, of videos the container is read whole and three frames are decoded, near the beginning, in
 * the middle and near the end.
 */
public final class Inspection {
    private static final double[] LOOKED_AT = {0.02, 0.5, 0.98};
    /** Samples that are read ahead of the one that is reported, for each thread. */
    private static final int AHEAD = 8;

    private final PixelStatistics pixels = new PixelStatistics();

    /**
     * Looks at all samples.
     *
     * @param each is given what was found, in the order of the data set, on the calling thread
     * @throws IOException if the calling thread is interrupted
     */
    public void run(Dataset data, int threads, Consumer<FileFacts> each) throws IOException {
        ExecutorService workers = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, "vicmae-inspect");
            thread.setDaemon(true);
            return thread;
        });
        try {
            ArrayDeque<Future<FileFacts>> under = new ArrayDeque<>();
            for (Sample sample : data.samples()) {
                under.add(workers.submit(() -> look(sample)));
                if (under.size() > AHEAD * threads) {
                    each.accept(under.poll().get());
                }
            }
            while (!under.isEmpty()) {
                each.accept(under.poll().get());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("The inspection was interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            workers.shutdownNow();
        }
    }

    /** Of the pictures that could be decoded. */
    public PixelStatistics pixels() {
        return pixels;
    }

    private FileFacts look(Sample sample) {
        try {
            return sample.isVideo() ? video(sample) : image(sample);
        } catch (IOException | RuntimeException e) {
            return FileFacts.unreadable(sample, problem(sample, e));
        }
    }

    private FileFacts image(Sample sample) throws IOException {
        Image image = ImageReader.read(sample.content(), 3);
        pixels.add(image);
        return new FileFacts(sample, image.width(), image.height(), Double.NaN, Double.NaN, 1, null);
    }

    private FileFacts video(Sample sample) throws IOException {
        try (Video video = Video.open(sample.content())) {
            String problem = null;
            double seconds = video.durationSeconds();
            for (double part : LOOKED_AT) {
                pixels.add(video.frameAt(part * seconds, 0));
            }
            if (video.sawDamage()) {
                problem = "some of its frames cannot be decoded";
            }
            int frames = video.frameTimes().length;
            return new FileFacts(sample, video.width(), video.height(), seconds, frames / seconds, frames, problem);
        }
    }

    /** The reason alone: readers' messages name the sample, which stands beside it. */
    private static String problem(Sample sample, Exception e) {
        String reason = ReadFailure.reason(e);
        int at = reason.indexOf(sample.name());
        int colon = at < 0 ? -1 : reason.indexOf(": ", at + sample.name().length());
        return colon < 0 ? reason : reason.substring(colon + 2);
    }
}
