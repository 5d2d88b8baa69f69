package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.device.Precision;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The encoder's tensors in a file, under the published names, without the rest of it. No device is needed. */
public final class EncoderTensors extends FilteredSource {
    private final Set<String> names;
    private final List<String> leftOut;

    private EncoderTensors(TensorSource source, Set<String> names, List<String> leftOut) {
        super(source);
        this.names = names;
        this.leftOut = leftOut;
    }

    /**
     * Finds and checks the tensors; wrappers around the names are taken off. Closing the result closes the file.
     *
     * @throws IOException as {@link FeatureExtractor#load}
     */
    public static EncoderTensors of(TensorSource file, TrunkConfig trunk) throws IOException {
        TensorSource source = StateDict.of(file);
        List<Parameter> parameters = parameters(trunk);
        Checkpoint.check(source, parameters, "");
        Set<String> names = new LinkedHashSet<>();
        parameters.forEach(p -> names.add(p.name()));
        return new EncoderTensors(source, names, leftOut(source, names));
    }

    private static List<String> leftOut(TensorSource source, Set<String> taken) {
        Map<String, Integer> modules = new LinkedHashMap<>();
        for (String name : source.names()) {
            if (!taken.contains(name)) {
                modules.merge(name.replaceAll("\\..*", ""), 1, Integer::sum);
            }
        }
        List<String> words = new ArrayList<>();
        modules.forEach((module, count) -> words.add(count == 1 ? module : module + " (" + count + " tensors)"));
        source.passedOver().forEach((name, what) -> words.add(name + " (" + what + ")"));
        return words;
    }

    private static List<Parameter> parameters(TrunkConfig trunk) {
        Parameters declared = new Parameters();
        Scratch scratch = new Scratch();
        Kernels kernels = Kernels.onNewStream(new PlanningDevice(Device.Kind.CPU));
        PatchGrid grid = trunk.positions() == PositionKind.SINUSOID ? trunk.imageGrid() : trunk.grid();
        Context context = new Context(kernels, declared, new Arena("encoder"), scratch, false, Precision.FP32);
        new VisionTransformer(context, trunk, grid, 1, grid.patches(), false);
        return List.copyOf(declared.all());
    }

    /** What else the file holds, by the first part of its name. */
    public List<String> leftOut() {
        return leftOut;
    }

    @Override
    public List<String> names() {
        return List.copyOf(names);
    }

    @Override
    public boolean contains(String name) {
        return names.contains(name);
    }

    @Override
    public Map<String, String> passedOver() {
        return Map.of();
    }
}
