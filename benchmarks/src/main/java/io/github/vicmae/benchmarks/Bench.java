package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * A device with tensors for one row of a benchmark. Tensors are declared with their values, {@link #run} takes their memory, and then the work
 * can be launched. Every process draws the same random numbers.
 */
final class Bench implements Workload {
    private final Device device;
    private final Kernels kernels;
    private final Precision precision;
    private final Arena arena = new Arena("benchmark");
    private final Map<Tensor, float[]> floats = new LinkedHashMap<>();
    private final Map<Tensor, int[]> integers = new LinkedHashMap<>();
    private final Map<String, Tensor> results = new LinkedHashMap<>();
    private final Random random = new Random(1);
    private Event before;
    private Event after;
    private Runnable preparation = () -> {};
    private Runnable work;
    private AutoCloseable more;
    private boolean closed;

    Bench(Device device, Precision precision) {
        this.device = device;
        this.precision = precision;
        kernels = Kernels.onNewStream(device);
    }

    Kernels kernels() {
        return kernels;
    }

    Stream stream() {
        return kernels.stream();
    }

    Arena arena() {
        return arena;
    }

    Precision precision() {
        return precision;
    }

    /** The type of activations. */
    DType activations() {
        return precision == Precision.BF16 ? DType.BF16 : DType.F32;
    }

    /** Bytes of an element of the activations. */
    int activationBytes() {
        return activations().bytes();
    }

    /** Standard normal values times {@code scale}, rounded to what activations can hold, so that the oracle starts from the same. */
    float[] normal(int size, double scale) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            float value = (float) (random.nextGaussian() * scale);
            values[i] = precision == Precision.BF16 ? DType.fromBf16(DType.toBf16(value)) : value;
        }
        return values;
    }

    /** A random permutation of each sample's patches: the rank of each. */
    int[] ranks(int samples, int patches) {
        int[] ranks = new int[samples * patches];
        for (int n = 0; n < samples; n++) {
            for (int i = 0; i < patches; i++) {
                int other = random.nextInt(i + 1);
                ranks[n * patches + i] = ranks[n * patches + other];
                ranks[n * patches + other] = i;
            }
        }
        return ranks;
    }

    /** The patches of each sample with ranks 0 to kept - 1, in that order. */
    static int[] keep(int[] ranks, int samples, int patches, int kept) {
        int[] keep = new int[samples * kept];
        for (int i = 0; i < ranks.length; i++) {
            if (ranks[i] < kept) {
                keep[i / patches * kept + ranks[i]] = i % patches;
            }
        }
        return keep;
    }

    /** Closes a resource of the work together with the bench. */
    void closeToo(AutoCloseable resource) {
        more = resource;
    }

    Tensor activations(String name, float[] values, int... shape) {
        Tensor t = arena.tensor(name, activations(), shape);
        floats.put(t, values);
        return t;
    }

    Tensor floats(String name, float[] values, int... shape) {
        Tensor t = arena.floats(name, shape);
        floats.put(t, values);
        return t;
    }

    /** A bfloat16 tensor, with values or, if null, without. */
    Tensor halves(String name, float[] values, int... shape) {
        Tensor t = arena.tensor(name, DType.BF16, shape);
        if (values != null) {
            floats.put(t, values);
        }
        return t;
    }

    Tensor integers(String name, int[] values, int... shape) {
        Tensor t = arena.tensor(name, DType.I32, shape);
        integers.put(t, values);
        return t;
    }

    /** A tensor that the work writes; results are found by its name. */
    Tensor result(Tensor t) {
        results.put(t.name(), t);
        return t;
    }

    Tensor resultFloats(String name, int... shape) {
        return result(arena.floats(name, shape));
    }

    Tensor resultActivations(String name, int... shape) {
        return result(arena.tensor(name, activations(), shape));
    }

    /** Scratch memory, in floats. */
    Tensor scratch(long size) {
        return arena.floats("scratch", Math.toIntExact(Math.max(1, size)));
    }

    /** Adds work to do once the memory is allocated. */
    void prepare(Runnable once) {
        preparation = once;
    }

    /** The rounding error of a result in the type of the activations. */
    double rounding() {
        return precision == Precision.BF16 ? 4e-3 : 0;
    }

    /** The work of a pass: forward, backward (then the forward pass was done before), or both one after the other. */
    Bench run(String pass, Runnable forward, Runnable backward) {
        switch (pass) {
            case "forward" -> run(forward);
            case "backward" -> {
                run(backward);
                forward.run();
            }
            case "both" ->
                run(() -> {
                    forward.run();
                    backward.run();
                });
            default ->
                throw new IllegalArgumentException("There is no pass '" + pass + "': use forward, backward or both");
        }
        return this;
    }

    /** Allocates the memory, fills the tensors, and keeps the work. */
    Bench run(Runnable launches) {
        arena.allocate(device);
        arena.tensors().stream().filter(t -> t.size() > 0).forEach(stream()::zero);
        floats.forEach(stream()::write);
        integers.forEach(stream()::write);
        floats.clear();
        integers.clear();
        preparation.run();
        before = device.newEvent();
        after = device.newEvent();
        work = launches;
        return this;
    }

    @Override
    public void launch() {
        work.run();
    }

    @Override
    public void synchronize() {
        stream().synchronize();
    }

    @Override
    public float[] result(String name) {
        Tensor t = results.get(name);
        if (t == null) {
            throw new IllegalArgumentException("There is no result '" + name + "' among " + results.keySet());
        }
        if (t.dtype() == DType.I32) {
            int[] values = stream().readInts(t);
            float[] converted = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                converted[i] = values[i];
            }
            return converted;
        }
        return stream().read(t);
    }

    @Override
    public long memory() {
        return arena.bytes();
    }

    @Override
    public double deviceSeconds(int launches) {
        before.record(stream());
        for (int i = 0; i < launches; i++) {
            work.run();
        }
        after.record(stream());
        after.synchronize();
        return after.millisecondsSince(before) / 1e3;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Closing.all(more, before, after, kernels.stream(), arena);
        }
    }
}
