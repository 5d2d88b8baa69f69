package io.github.vicmae.eval;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A linear probe in a safetensors file: the heads' state under the names that PyTorch gives to a BatchNorm and a Linear in a row ({@code 0.},
 * {@code 1.}), their momenta, what was asked, and how far the training is.
 *
 * @param asked everything that the result depends on, by name
 * @param epoch epochs that are done
 * @param heads trained side by side
 * @param state after them
 */
public record ProbeFile(Map<String, String> asked, int epoch, int heads, LinearHeads.State state) {
    private static final String METADATA = "probe";
    private static final String MOMENTUM = "momentum.";

    /**
     * Writes or replaces the file.
     *
     * @throws IOException if it cannot be written; a file that was there before is then unchanged
     */
    public void write(Path path) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode tree = mapper.createObjectNode();
        tree.set("asked", mapper.valueToTree(new TreeMap<>(asked)));
        tree.put("epoch", epoch);
        tree.put("heads", heads);
        int width = state.running().length / 2;
        int outputs = state.biases().length;
        float[] mean = new float[width];
        float[] variance = new float[width];
        System.arraycopy(state.running(), 0, mean, 0, width);
        System.arraycopy(state.running(), width, variance, 0, width);
        new SafetensorsWriter()
                .metadata(METADATA, mapper.writeValueAsString(tree))
                .add("0.num_batches_tracked", new long[0], new long[] {state.batches()})
                .add("0.running_mean", new long[] {width}, mean)
                .add("0.running_var", new long[] {width}, variance)
                .add("1.weight", new long[] {outputs, width}, state.weights())
                .add("1.bias", new long[] {outputs}, state.biases())
                .add(MOMENTUM + "1.weight", new long[] {outputs, width}, state.weightMomenta())
                .add(MOMENTUM + "1.bias", new long[] {outputs}, state.biasMomenta())
                .write(path);
    }

    /**
     * Reads a file.
     *
     * @throws IOException if it cannot be read, or holds no linear probe
     */
    public static ProbeFile read(Path path) throws IOException {
        try (Safetensors file = Safetensors.open(path)) {
            String json = file.metadata().get(METADATA);
            if (json == null) {
                throw new IOException(path + " is no linear probe: it lacks the metadata '" + METADATA + "'");
            }
            JsonNode tree = new ObjectMapper().readTree(json);
            Map<String, String> asked = new TreeMap<>();
            tree.path("asked")
                    .properties()
                    .forEach(e -> asked.put(e.getKey(), e.getValue().asText()));
            float[] mean = file.floats("0.running_mean");
            float[] variance = file.floats("0.running_var");
            float[] running = new float[mean.length + variance.length];
            System.arraycopy(mean, 0, running, 0, mean.length);
            System.arraycopy(variance, 0, running, mean.length, variance.length);
            long[] batches = file.longs("0.num_batches_tracked");
            if (batches.length != 1 || mean.length != variance.length) {
                throw new IOException(path + " is no linear probe: its BatchNorm has " + batches.length + " counts, "
                        + mean.length + " means and " + variance.length + " variances");
            }
            LinearHeads.State state = new LinearHeads.State(
                    batches[0],
                    running,
                    file.floats("1.weight"),
                    file.floats("1.bias"),
                    file.floats(MOMENTUM + "1.weight"),
                    file.floats(MOMENTUM + "1.bias"));
            int epoch = tree.path("epoch").asInt();
            int heads = tree.path("heads").asInt();
            if (epoch < 1 || heads < 1) {
                throw new IOException(
                        path + " is no linear probe: it has " + epoch + " epochs and " + heads + " heads");
            }
            return new ProbeFile(asked, epoch, heads, state);
        }
    }

    /**
     * Refuses to go on where something else was asked.
     *
     * @param now what is asked now
     * @throws IOException naming what differs
     */
    public void requireSame(Path path, Map<String, String> now) throws IOException {
        List<String> differences = new ArrayList<>();
        Map<String, String> all = new TreeMap<>(asked);
        all.putAll(now);
        for (String name : all.keySet()) {
            String before = asked.get(name);
            String after = now.get(name);
            if (before == null || !before.equals(after)) {
                differences.add(name + " was " + (before == null ? "not given" : before) + " and is now "
                        + (after == null ? "not given" : after));
            }
        }
        if (!differences.isEmpty()) {
            throw new IOException(
                    "The probe in " + path + " was begun with other settings: " + String.join("; ", differences)
                            + ". Resume it with the same ones, or begin another in a new folder");
        }
    }
}
