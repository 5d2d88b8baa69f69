package io.github.vicmae.model;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.Parameter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A model's state as safetensors, under the names of the published state dict. A checkpoint of a run also holds AdamW's moments, as
 * {@code exp_avg.NAME} and {@code exp_avg_sq.NAME}, and in its metadata what the run needs to go on.
 */
public final class Checkpoint {
    /** The metadata's key of the model's settings as JSON. */
    public static final String CONFIG = "config";

    private static final String FIRST_MOMENT = "exp_avg.";
    private static final String SECOND_MOMENT = "exp_avg_sq.";
    private static final String AVERAGE = "ema.";
    static final String BATCHES_TRACKED = ".num_batches_tracked";
    private static final int LISTED = 40;

    private Checkpoint() {}

    /**
     * Writes a checkpoint; a file of that name is replaced only when the new one is complete.
     *
     * @param withOptimizer whether the moments go in, so that the run can be resumed
     * @param metadata further texts for the file's metadata
     * @throws IOException if it cannot be written; the file that was there is then unchanged
     */
    public static void save(Path path, ModelState model, boolean withOptimizer, Map<String, String> metadata)
            throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        writer.metadata("format", "pt").metadata(CONFIG, model.configuration());
        metadata.forEach(writer::metadata);
        Stream stream = model.stream();
        for (Parameter p : model.parameters().all()) {
            // What is saved for use has the averages, if there are any; a run goes on with both.
            Tensor value = p.average() == null || withOptimizer ? p.value() : p.average();
            add(writer, p.name(), p, value, stream);
        }
        for (String name : model.counters().names()) {
            writer.add(name, new long[0], new long[] {model.counters().get(name)});
        }
        if (withOptimizer) {
            for (Parameter p : model.parameters().all()) {
                if (p.isTrained()) {
                    add(writer, FIRST_MOMENT + p.name(), p, p.firstMoment(), stream);
                    add(writer, SECOND_MOMENT + p.name(), p, p.secondMoment(), stream);
                    if (p.average() != null) {
                        add(writer, AVERAGE + p.name(), p, p.average(), stream);
                    }
                }
            }
        }
        writer.write(path);
    }

    private static void add(SafetensorsWriter writer, String name, Parameter p, Tensor tensor, Stream stream) {
        writer.add(name, DType.F32, dims(p), new Values(stream, tensor));
    }

    /** Reads a tensor when its turn comes, so that the Java heap holds one at a time. */
    private static final class Values implements SafetensorsWriter.Source {
        private final Stream stream;
        private final Tensor tensor;
        private float[] values;

        Values(Stream stream, Tensor tensor) {
            this.stream = stream;
            this.tensor = tensor;
        }

        @Override
        public void fill(long offset, ByteBuffer chunk) {
            if (values == null) {
                values = stream.read(tensor);
            }
            long end = offset + chunk.remaining();
            chunk.asFloatBuffer().put(values, (int) (offset / Float.BYTES), chunk.remaining() / Float.BYTES);
            chunk.position(chunk.limit());
            if (end == tensor.bytes()) {
                values = null;
            }
        }
    }

    /**
     * Loads a model's whole state, and the optimizer's if {@code withOptimizer}.
     *
     * @throws IOException if the file lacks a tensor or has one of another shape: every such name is listed, and nothing is loaded
     */
    public static void load(TensorSource source, ModelState model, boolean withOptimizer) throws IOException {
        load(source, model, withOptimizer, "");
    }

    /** The same for tensors whose names all begin with {@code prefix} in the file. */
    public static void load(TensorSource source, ModelState model, boolean withOptimizer, String prefix)
            throws IOException {
        loadParameters(source, model.parameters().all(), model.stream(), prefix, Parameter::value);
        model.parameters().round(model.kernels());
        if (withOptimizer) {
            List<Parameter> trained = model.parameters().all().stream()
                    .filter(Parameter::isTrained)
                    .toList();
            loadParameters(source, trained, model.stream(), FIRST_MOMENT, Parameter::firstMoment);
            loadParameters(source, trained, model.stream(), SECOND_MOMENT, Parameter::secondMoment);
            if (model.parameters().averages() != null) {
                loadParameters(source, trained, model.stream(), AVERAGE, Parameter::average);
            }
        }
        for (String name : model.counters().names()) {
            if (source.contains(prefix + name)) {
                model.counters().set(name, source.longs(prefix + name)[0]);
            }
        }
    }

    /**
     * Starts a model from another run's or a published checkpoint. Wrappers around the names, such as {@code module.}, are taken off.
     *
     * @param optional whether a parameter of this name may be missing in the file: it then keeps its value
     * @return what else the file holds and the model does not take, by name
     * @throws IOException naming every tensor that is missing, of another shape, or changes what is computed in a way that this model does not
     *     have; then nothing is loaded
     */
    public static List<String> start(TensorSource file, ModelState model, Predicate<String> optional)
            throws IOException {
        TensorSource source = StateDict.of(file);
        List<Parameter> taken = model.parameters().all().stream()
                .filter(p -> source.contains(p.name()) || !optional.test(p.name()))
                .toList();
        loadParameters(source, taken, model.stream(), "", Parameter::value);
        model.parameters().round(model.kernels());
        return OtherTensors.passedOver(source, taken);
    }

    /**
     * Starts a model from what fits of another method's checkpoint: the parameters that the file has under the same name in the same shape.
     *
     * @return the names of the parameters that keep their values, since the file lacks them or has another shape; with what that is
     * @throws IOException if nothing fits
     */
    public static List<String> startPartly(TensorSource file, ModelState model) throws IOException {
        TensorSource source = StateDict.of(file);
        List<Parameter> fitting = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (Parameter p : model.parameters().all()) {
            if (!p.isTrained()) {
                continue; // fixed tables, which are the model's own, and statistics of heads
            }
            if (!source.contains(p.name())) {
                others.add(p.name() + " is missing");
            } else if (!Arrays.equals(source.info(p.name()).shape(), dims(p))) {
                others.add(p.name() + " is "
                        + Arrays.toString(source.info(p.name()).shape()) + " there and " + Arrays.toString(dims(p))
                        + " in this model");
            } else {
                fitting.add(p);
            }
        }
        if (fitting.isEmpty()) {
            throw new IOException(source.path() + " has nothing that fits this model");
        }
        for (Parameter p : fitting) {
            model.stream().write(p.value(), source.floats(p.name()));
        }
        model.parameters().round(model.kernels());
        return others;
    }

    /**
     * Loads some parameters.
     *
     * @throws IOException if the file does not have them all in the right shape, or has others that change what is computed
     */
    static void loadParameters(
            TensorSource source,
            Iterable<Parameter> parameters,
            Stream stream,
            String prefix,
            Function<Parameter, Tensor> where)
            throws IOException {
        check(source, parameters, prefix);
        for (Parameter p : parameters) {
            stream.write(where.apply(p), source.floats(prefix + p.name()));
        }
    }

    /**
     * Checks that a file has some parameters.
     *
     * @throws IOException as {@link #loadParameters}
     */
    static void check(TensorSource source, Iterable<Parameter> parameters, String prefix) throws IOException {
        List<String> problems = new ArrayList<>();
        for (Parameter p : parameters) {
            String name = prefix + p.name();
            if (!source.contains(name)) {
                String what = source.passedOver().get(name);
                problems.add(name + (what == null ? " is missing" : " cannot be read: it is " + what));
            } else if (!Arrays.equals(source.info(name).shape(), dims(p))) {
                problems.add(name + " is " + Arrays.toString(source.info(name).shape()) + " in the file and "
                        + Arrays.toString(dims(p)) + " in this model");
            }
        }
        problems.addAll(OtherTensors.problems(source, parameters, prefix));
        if (!problems.isEmpty()) {
            String more = problems.size() > LISTED ? "\n  and " + (problems.size() - LISTED) + " more" : "";
            throw new MisfitException(source.path() + " does not fit this model:\n  "
                    + String.join("\n  ", problems.subList(0, Math.min(LISTED, problems.size()))) + more);
        }
    }

    private static long[] dims(Parameter p) {
        return Arrays.stream(p.shape()).asLongStream().toArray();
    }
}
