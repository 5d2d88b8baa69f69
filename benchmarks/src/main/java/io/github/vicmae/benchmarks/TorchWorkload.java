package io.github.vicmae.benchmarks;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The same work by libtorch through DJL, in floats on the CPU: a forward pass written with DJL's operators, and where gradients are asked for
 * libtorch's own backward pass. Gradients add up from launch to launch, as libtorch does it; the first one is checked.
 */
final class TorchWorkload implements Workload {
    /** Set before the engine is loaded: it would look for updates on the network. */
    static {
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
    }

    private final NDManager manager = NDManager.newBaseManager("PyTorch");
    private final Map<String, NDArray> inputs = new LinkedHashMap<>();
    private final Map<String, float[]> kept = new LinkedHashMap<>();
    private final long before = ProcessMemory.resident();
    private Model modelToo;
    private String output;
    private Supplier<NDArray> forward;
    private NDArray outputGradient;
    private boolean backward;
    private boolean first = true;
    private long memory = -1;

    /** Why it cannot be had, or null. */
    static String missing() {
        try {
            Engine engine = Engine.getEngine("PyTorch");
            return engine == null ? "DJL has no PyTorch engine" : null;
        } catch (RuntimeException | LinkageError e) {
            return "PyTorch could not be loaded; its library is on the class path with the Maven profile peers ("
                    + root(e) + ")";
        }
    }

    private static String root(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage())
                .lines()
                .findFirst()
                .orElse(cause.getClass().getSimpleName());
    }

    /** A tensor; with a gradient if the backward pass is to give one, under the result's name "d" + name. */
    NDArray input(String name, float[] values, boolean gradient, int... shape) {
        NDArray array = manager.create(values, shape(shape));
        array.setRequiresGradient(gradient);
        inputs.put(name, array);
        return array;
    }

    NDArray integers(int[] values, int... shape) {
        long[] wide = new long[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return manager.create(wide, shape(shape));
    }

    static Shape shape(int... sizes) {
        long[] wide = new long[sizes.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = sizes[i];
        }
        return new Shape(wide);
    }

    NDManager manager() {
        return manager;
    }

    /** The forward pass alone. */
    TorchWorkload forward(String result, Supplier<NDArray> work) {
        output = result;
        forward = work;
        return this;
    }

    /**
     * Both passes.
     *
     * @param gradient of the output, or null where it is a single number
     */
    TorchWorkload both(String result, Supplier<NDArray> work, float[] gradient, int... shape) {
        backward = true;
        outputGradient = gradient == null ? manager.create(1f) : manager.create(gradient, shape(shape));
        return forward(result, work);
    }

    /**
     * A traced module that gives one number; both passes.
     *
     * @throws IOException if it cannot be loaded
     */
    TorchWorkload script(Path file, String result, NDArray... arguments) throws IOException {
        return both(result, traced(file, true, arguments), null);
    }

    /**
     * The forward pass of a traced module.
     *
     * @throws IOException if it cannot be loaded
     */
    TorchWorkload scriptForward(Path file, String result, NDArray... arguments) throws IOException {
        return forward(result, traced(file, false, arguments));
    }

    private Supplier<NDArray> traced(Path file, boolean trains, NDArray... arguments) throws IOException {
        Model model = Model.newInstance("model", "PyTorch");
        modelToo = model;
        try {
            model.load(
                    file.getParent(),
                    file.getFileName().toString().replace(".pt", ""),
                    trains ? Map.of("trainParam", "true") : Map.of());
        } catch (MalformedModelException e) {
            throw new IOException("libtorch cannot read " + file, e);
        }
        ParameterStore store = new ParameterStore(manager, false);
        return () -> {
            NDList list = new NDList(arguments);
            return model.getBlock().forward(store, list, trains).get(0);
        };
    }

    @Override
    public void launch() {
        JniUtils.setGradMode(backward);
        try (NDManager scope = manager.newSubManager()) {
            inputs.values().forEach(array -> array.attach(scope));
            NDArray y = forward.get();
            if (backward) {
                JniUtils.backward((PtNDArray) y, (PtNDArray) outputGradient, false, false);
            }
            if (first) {
                keep(y);
            }
            inputs.values().forEach(array -> array.attach(manager));
        } finally {
            JniUtils.setGradMode(false);
        }
    }

    private void keep(NDArray y) {
        first = false;
        memory = Math.max(0, ProcessMemory.peak() - before);
        kept.put(output, y.toFloatArray());
        inputs.forEach((name, array) -> {
            if (backward && array.hasGradient()) {
                kept.put("d" + name, array.getGradient().toFloatArray());
            }
        });
    }

    @Override
    public void synchronize() {
        // libtorch returns when it is done.
    }

    @Override
    public float[] result(String name) {
        float[] values = kept.get(name);
        if (values == null) {
            throw new IllegalArgumentException("There is no result '" + name + "' among " + kept.keySet());
        }
        return values;
    }

    /** What the process's resident memory grew by from before the inputs to the end of the first launch. */
    @Override
    public long memory() {
        return memory;
    }

    @Override
    public double deviceSeconds(int launches) {
        long start = System.nanoTime();
        for (int i = 0; i < launches; i++) {
            launch();
        }
        return (System.nanoTime() - start) / 1e9;
    }

    @Override
    public void close() {
        if (modelToo != null) {
            modelToo.close();
        }
        manager.close();
    }
}
