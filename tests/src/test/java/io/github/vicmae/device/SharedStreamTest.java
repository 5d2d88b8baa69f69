package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A stream that two threads use at once refuses one of them. */
class SharedStreamTest {
    private static final int SIZE = 64;

    @Test
    @SuppressWarnings("try") // closing is one of the uses
    void whatOneThreadHasBegunAnotherDoesNotDisturb() throws Exception {
        try (Device device = Device.open("cpu");
                Stream stream = device.newStream();
                Arena arena = new Arena("test")) {
            Tensor x = arena.floats("x", SIZE);
            Tensor y = arena.floats("y", SIZE);
            arena.allocate(device);
            float[] ones = new float[SIZE];
            Arrays.fill(ones, 1);
            stream.write(x, ones);
            stream.write(y, ones);
            Kernel add = device.kernel("pointwise", "average_in", "ppfli");
            stream.begin(add).arg(y).arg(x);
            ExecutorService other = Executors.newSingleThreadExecutor(r -> new Thread(r, "the other"));
            try {
                for (Callable<?> use : List.<Callable<?>>of(
                        () -> stream.begin(add),
                        () -> {
                            stream.launch(1, 1);
                            return null;
                        },
                        () -> {
                            stream.zero(x);
                            return null;
                        },
                        () -> stream.multiply(
                                new Product().of(x, false, y, true, 1, 1, SIZE).to(Epilogue.WRITE, x)),
                        () -> {
                            stream.close();
                            return null;
                        })) {
                    Future<?> refused = other.submit(() -> assertThrows(IllegalStateException.class, use::call));
                    String message = ((IllegalStateException) refused.get()).getMessage();
                    assertTrue(message.contains("the other") && message.contains("two threads"), message);
                }
                stream.arg(0.5f).arg((long) SIZE).arg(SIZE).launch(1, 1);
                assertArrayEquals(ones, stream.read(y));
                other.submit(() -> stream.zero(x)).get(); // the stream is free again
            } finally {
                other.shutdown();
            }
        }
    }

    /** Also after a launch that its own thread gave up. */
    @Test
    void aRefusedArgumentLeavesTheStreamFree() throws Exception {
        try (Device device = Device.open("cpu");
                Stream stream = device.newStream()) {
            Kernel add = device.kernel("pointwise", "average_in", "ppfli");
            assertThrows(IllegalArgumentException.class, () -> stream.begin(add).arg(1));
            assertThrows(IllegalArgumentException.class, () -> stream.begin(add).launch(1, 1));
            Thread other = new Thread(() -> stream.begin(add));
            AtomicInteger failures = new AtomicInteger();
            other.setUncaughtExceptionHandler((t, e) -> failures.incrementAndGet());
            other.start();
            other.join();
            assertTrue(failures.get() == 0);
        }
    }

    @Test
    void manyThreadsGetTheirResultOrARefusal() throws Exception {
        try (Device device = Device.open("cpu");
                Stream stream = device.newStream();
                Arena arena = new Arena("test")) {
            Tensor x = arena.floats("x", SIZE);
            arena.allocate(device);
            AtomicInteger done = new AtomicInteger();
            ExecutorService threads = Executors.newFixedThreadPool(8);
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                all.add(threads.submit(() -> {
                    for (int i = 0; i < 2000; i++) {
                        try {
                            stream.zero(x);
                            done.incrementAndGet();
                        } catch (IllegalStateException e) {
                            assertTrue(e.getMessage().contains("two threads"), e.getMessage());
                        }
                    }
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
            threads.shutdown();
            assertTrue(done.get() > 0);
            assertArrayEquals(new float[SIZE], stream.read(x));
        }
    }
}
