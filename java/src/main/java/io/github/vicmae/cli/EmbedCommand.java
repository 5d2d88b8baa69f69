package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes the features of files. */
@Command(
        name = "embed",
        mixinStandardHelpOptions = true,
        description = "Write the encoder's pooled features of images and of videos' middle frames.")
final class EmbedCommand implements Callable<Integer> {
    private static final int BATCH = 1;
    private static final int LISTED = 12;

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder")
    private Path model;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "DIR|LIST", description = "folders or lists of files")
    private List<Path> data;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE.safetensors",
            description = "receives 'features' [n, D], 'labels' [n], and as metadata the paths and the classes' names")
    private Path out;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        AtomicFile.checkWritable(out); // before any work
        Dataset files = Dataset.scan(data);
        files.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        List<float[]> features = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        try (Device d = device.open();
                Encoder encoder = Encoder.load(RunFolder.weights(model), heads, d, BATCH)) {
            notePassedOver(encoder.passedOver(), err);
            for (Sample sample : files.samples()) {
                try {
                    features.add(encoder.embed(sample));
                    samples.add(sample);
                } catch (IOException e) {
                    err.println("warning: skipped " + sample.name() + ": " + e.getMessage());
                }
            }
            if (features.isEmpty()) {
                throw new IOException("None of the " + files.size() + " files could be read");
            }
            write(features, samples, files.classNames(), encoder.width());
        }
        err.println(features.size() + " of " + files.size() + " files embedded into " + out);
        return 0;
    }

    private void notePassedOver(List<String> names, PrintWriter err) {
        if (!names.isEmpty()) {
            int more = names.size() - LISTED;
            err.println("note: " + model + " also holds what the encoder does not use: "
                    + String.join(", ", names.subList(0, Math.min(LISTED, names.size())))
                    + (more > 0 ? " and " + more + " more" : ""));
        }
    }

    private void write(List<float[]> features, List<Sample> samples, List<String> classNames, int width)
            throws IOException {
        float[] flat = new float[Math.multiplyExact(features.size(), width)];
        long[] labels = new long[features.size()];
        StringBuilder paths = new StringBuilder();
        for (int i = 0; i < labels.length; i++) {
            System.arraycopy(features.get(i), 0, flat, i * width, width);
            labels[i] = samples.get(i).label();
            paths.append(samples.get(i).name()).append('\n');
        }
        new SafetensorsWriter()
                .metadata("paths", paths.toString())
                .metadata("classes", String.join("\n", classNames))
                .add("features", new long[] {labels.length, width}, flat)
                .add("labels", new long[] {labels.length}, labels)
                .write(out);
    }
}
