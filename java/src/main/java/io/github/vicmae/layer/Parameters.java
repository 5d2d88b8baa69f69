package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A model's state by name. All trained values lie in one flat buffer, those with weight decay first and frozen ones last, and so do gradients and
 * moments in the same order: the optimizer is one launch over the whole model. In bfloat16 there is a rounded copy of the values for the products to read; the
 * optimizer updates it, and code that writes values in another way must call {@link #round} afterwards.
 */
public final class Parameters implements AutoCloseable {
    /** Floats to which each parameter's start is rounded up: one cache line. */
    private static final int ALIGNMENT = 16;

    private final Map<String, Parameter> byName = new LinkedHashMap<>();
    private final Arena arena = new Arena("parameters");
    /** The weights as products read them, packed for many products. */
    private final Arena packed = new Arena("packed weights");

    private Tensor values;
    private Tensor rounded;
    private Tensor gradients;
    private Tensor firstMoments;
    private Tensor secondMoments;
    /** Null without. */
    private Tensor averages;

    private boolean averaged;
    private long decayed;
    private long live;
    private Function<Parameter, ParameterGroup> groups = p -> ParameterGroup.TRAINED;
    private List<Parameter> ordered = List.of();
    private final Parameters owner;

    public Parameters() {
        this(null);
    }

    private Parameters(Parameters owner) {
        this.owner = owner;
    }

    /** For a second set of layers with the same weights: whatever it declares is found in this one, which keeps owning the memory. */
    public Parameters shared() {
        return new Parameters(owner == null ? this : owner);
    }

    /** Whether the memory is another's. */
    public boolean isShared() {
        return owner != null;
    }

    /** Declares a trained parameter. */
    Parameter trained(String name, Init init, int... shape) {
        return add(new Parameter(name, init, true, shape));
    }

    /** Declares state that is not trained. */
    Parameter buffer(String name, Init init, int... shape) {
        return add(new Parameter(name, init, false, shape));
    }

    private Parameter add(Parameter parameter) {
        if (owner != null) {
            Parameter known = owner.get(parameter.name());
            if (known == null || !Arrays.equals(known.shape(), parameter.shape())) {
                throw new IllegalArgumentException(
                        "The shared parameters have no " + parameter.name() + " of that shape");
            }
            return known;
        }
        if (byName.put(parameter.name(), parameter) != null) {
            throw new IllegalArgumentException("There are two parameters named " + parameter.name());
        }
        return parameter;
    }

    /**
     * Says how the optimizer treats each trained parameter; call before {@link #plan}.
     *
     * @param of returns a parameter's group; called once for each parameter
     */
    public void group(Function<Parameter, ParameterGroup> of) {
        groups = of;
    }

    /** Asks for a moving average of the trained values beside them; call before {@link #plan}. */
    public void average() {
        averaged = true;
    }

    /** Plans the memory; gradients and moments only if the model is to be trained. Call once, after the model's layers are made. */
    public void plan(boolean training, Precision precision) {
        List<Parameter> trained =
                byName.values().stream().filter(Parameter::isTrained).toList();
        trained.forEach(p -> p.group = groups.apply(p));
        ordered = new ArrayList<>();
        trained.stream().filter(p -> !p.group.frozen() && hasDecay(p)).forEach(ordered::add);
        trained.stream().filter(p -> !p.group.frozen() && !hasDecay(p)).forEach(ordered::add);
        trained.stream().filter(p -> p.group.frozen()).forEach(ordered::add);
        long total = 0;
        for (Parameter p : ordered) {
            total += padded(p);
            live += p.group.frozen() ? 0 : padded(p);
            decayed += hasDecay(p) && !p.group.frozen() ? padded(p) : 0;
        }
        int size = Math.toIntExact(total);
        values = arena.floats("values", size);
        if (precision == Precision.BF16) {
            rounded = arena.tensor("rounded values", DType.BF16, size);
        }
        if (training) {
            gradients = arena.floats("gradients", size);
            firstMoments = arena.floats("first moments", size);
            secondMoments = arena.floats("second moments", size);
            averages = averaged ? arena.floats("averages", size) : null;
        }
        for (Parameter p : byName.values()) {
            if (!p.isTrained()) {
                p.value = arena.floats(p.name(), p.shape());
            }
        }
    }

    private static boolean hasDecay(Parameter p) {
        return p.isDecayed() && p.group.decayed();
    }

    /** Takes the planned memory. Gradients and moments start at zero, and so does the padding between the parameters. */
    public void allocate(Device device, Stream stream) {
        arena.allocate(device);
        stream.zero(values);
        if (gradients != null) {
            stream.zero(gradients);
            stream.zero(firstMoments);
            stream.zero(secondMoments);
        }
        bindSlices();
    }

    private void bindSlices() {
        long at = 0;
        for (Parameter p : ordered) {
            p.value = values.slice(p.name(), at, p.shape());
            if (rounded != null) {
                p.rounded = rounded.slice("rounded " + p.name(), at, p.shape());
            }
            if (gradients != null) {
                p.gradient = gradients.slice("gradient of " + p.name(), at, p.shape());
                p.firstMoment = firstMoments.slice("first moment of " + p.name(), at, p.shape());
                p.secondMoment = secondMoments.slice("second moment of " + p.name(), at, p.shape());
            }
            if (averages != null) {
                p.average = averages.slice("average of " + p.name(), at, p.shape());
            }
            at += padded(p);
        }
    }

    /** Brings the rounded copy up to the values; without one it does nothing. */
    public void round(Kernels kernels) {
        if (rounded != null) {
            kernels.pointwise().convert(rounded, values);
        }
    }

    /** Takes the memory that {@link #pack} needs, about that of the weights or half as much again, where the device gains by it. */
    public void allocatePacked(Device device, Precision precision) {
        if (packedBytes(device, precision) > 0) {
            packed.allocate(device);
        }
    }

    /** Arranges the weights for products, once there is memory for it: for inference, and again whenever they have changed. */
    public void pack(Stream stream) {
        for (Parameter p : byName.values()) {
            if (p.packed != null) {
                stream.pack(p.packed, p.factor(), p.factorRows, p.size() / p.factorRows);
            }
        }
    }

    /** Bytes that {@link #allocatePacked} takes; call after the model's layers are made. */
    public long packedBytes(Device device, Precision precision) {
        if (packed.bytes() == 0) {
            for (Parameter p : byName.values()) {
                long bytes = p.factorRows == 0
                        ? 0
                        : device.packedBytes(precision.dtype(), p.factorRows, p.size() / p.factorRows);
                if (bytes > 0) {
                    p.packed = packed.floats("packed " + p.name(), Math.toIntExact(bytes / Float.BYTES));
                }
            }
        }
        return packed.bytes();
    }

    private static long padded(Parameter p) {
        return (p.size() + ALIGNMENT - 1L) / ALIGNMENT * ALIGNMENT;
    }

    /** Gives every parameter its initial value, a function of the seed and the parameter's place in the model alone. */
    public void initialise(Kernels kernels, long seed) {
        int index = 0;
        for (Parameter p : byName.values()) {
            float[] start = new float[p.size()];
            p.init().fill(start, new Philox(seed, 0, index++, PURPOSE_INIT));
            kernels.stream().write(p.value(), start);
        }
        round(kernels);
    }

    private static final int PURPOSE_INIT = 0x494E4954; // "INIT": no data purpose has this number

    /** All parameters and buffers, in the order of their declaration. */
    public Collection<Parameter> all() {
        return byName.values();
    }

    /** A parameter by its published name, or null. */
    public Parameter get(String name) {
        return byName.get(name);
    }

    /** Number of trained values. */
    public long count() {
        return byName.values().stream()
                .filter(Parameter::isTrained)
                .mapToLong(Parameter::size)
                .sum();
    }

    /** All trained values, flat; padding is zero. */
    public Tensor values() {
        return values;
    }

    /** The values rounded to bfloat16, or null. */
    public Tensor rounded() {
        return rounded;
    }

    public Tensor gradients() {
        return gradients;
    }

    public Tensor firstMoments() {
        return firstMoments;
    }

    public Tensor secondMoments() {
        return secondMoments;
    }

    /** The moving averages of the values, flat as these; null unless they were asked for. */
    public Tensor averages() {
        return averages;
    }

    /** Begins the averages, if there are any, with the values as they are. */
    public void startAverages(Stream stream) {
        if (averages != null) {
            stream.copy(averages, values);
        }
    }

    /** How many of the flat values, from the first on, have weight decay. */
    public long decayed() {
        return decayed;
    }

    /** How many of the flat values, from the first on, are trained; the rest are frozen. */
    public long live() {
        return live;
    }

    /**
     * Pieces of the flat values that have one rate each: first element, count and scale of the rate, in order and covering all. Empty if no rate
     * is scaled.
     *
     * @param most elements that a piece may have
     */
    public List<Piece> pieces(int most) {
        if (ordered.stream().allMatch(p -> p.group.frozen() || p.group.rateScale() == 1)) {
            return List.of();
        }
        List<Piece> pieces = new ArrayList<>();
        int at = 0;
        for (Parameter p : ordered) {
            float scale = (float) p.group.rateScale();
            int size = Math.toIntExact(padded(p));
            Piece last = pieces.isEmpty() ? null : pieces.get(pieces.size() - 1);
            int joined = last != null && last.rateScale() == scale ? Math.min(most - last.count(), size) : 0;
            if (joined > 0) {
                pieces.set(pieces.size() - 1, new Piece(last.first(), last.count() + joined, scale));
            }
            for (int done = joined; done < size; done += most) {
                pieces.add(new Piece(at + done, Math.min(most, size - done), scale));
            }
            at += size;
        }
        return pieces;
    }

    /** The trained values that are not frozen, as the runs of neighbours that belong to one part. */
    public List<Run> runs() {
        List<Run> runs = new ArrayList<>();
        int at = 0;
        for (Parameter p : ordered) {
            if (at == live) {
                break; // the frozen ones come last
            }
            int size = Math.toIntExact(padded(p));
            ParameterPart part = ParameterPart.of(p.name());
            Run last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
            if (last != null && last.part() == part) {
                runs.set(runs.size() - 1, new Run(part, last.first(), last.count() + size));
            } else {
                runs.add(new Run(part, at, size));
            }
            at += size;
        }
        return runs;
    }

    /** Neighbouring values of one part. */
    public record Run(ParameterPart part, int first, int count) {}

    /** Neighbouring values with the same rate. */
    public record Piece(int first, int count, float rateScale) {}

    /** Bytes of device memory that {@link #plan} asks for. */
    public long bytes() {
        return arena.bytes();
    }

    @Override
    public void close() {
        if (owner == null) {
            Closing.all(packed, arena);
        }
    }
}
