package io.github.vicmae.eval;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.Semaphore;

/** Where pictures become views, and features are read from, for one thread at a time. */
final class Staging {
    private final EvalView view;
    private final int viewSize;
    private FloatBuffer input = DirectBuffers.floats(0);
    private FloatBuffer output = DirectBuffers.floats(0);

    private Staging(ViewSettings settings) {
        view = new EvalView(settings);
        viewSize = settings.viewSize();
    }

    /** Room for so many views; what was there before is lost. */
    FloatBuffer input(int count) {
        int size = Math.multiplyExact(count, viewSize);
        if (input.capacity() < size) {
            input = DirectBuffers.floats(size);
        }
        return input;
    }

    /** Room for so many values. */
    FloatBuffer output(int size) {
        if (output.capacity() < size) {
            output = DirectBuffers.floats(size);
        }
        return output;
    }

    /** Writes a picture's view behind {@code place} others. */
    void write(Image image, FloatBuffer to, int place) {
        view.write(image, to, place * viewSize);
    }

    /** As many as may be in use at the same time; who comes later waits. */
    static final class Pool {
        private final ViewSettings settings;
        private final Semaphore permits;
        private final ArrayDeque<Staging> idle = new ArrayDeque<>();

        Pool(ViewSettings settings, int most) {
            this.settings = settings;
            permits = new Semaphore(most);
        }

        Staging take() {
            permits.acquireUninterruptibly();
            synchronized (idle) {
                Staging free = idle.poll();
                return free != null ? free : new Staging(settings);
            }
        }

        void giveBack(Staging staging) {
            synchronized (idle) {
                idle.push(staging);
            }
            permits.release();
        }
    }
}
