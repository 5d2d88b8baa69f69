package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.device.Device;
import io.github.vicmae.embed.EmbeddingForm;
import io.github.vicmae.embed.EmbeddingRun;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.EmbeddingStore;
import io.github.vicmae.embed.EmbeddingTable;
import io.github.vicmae.embed.Selection;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.FeatureStream;
import io.github.vicmae.eval.PatchFeatures;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.ViewFeatures;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
        sortOptions = false,
        description = {
            "Write an encoder's features of images and videos to a file that NumPy, pandas, DuckDB, Spark or PyTorch read: a"
                    + " row for each file, or one for each moment of a video, with path, class and time. What is done is kept"
                    + " when the command is interrupted."
        })
final class EmbedCommand implements Callable<Integer> {
    private static final String STORE = ".part";

    @Parameters(
            index = "0",
            paramLabel = "MODEL|RUN",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder for its newest weights")
    private Path model;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "DATA",
            description = "folders, lists, tar files, images or videos")
    private List<Path> data;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description =
                    "receives the rows, in the form of its extension: .npy (and beside it FILE.json with paths, classes"
                            + " and times), .parquet, .csv or .safetensors")
    private Path out;

    @Option(
            names = "--frames",
            paramLabel = "N",
            description =
                    "frames of a video, evenly spaced, whose features are averaged to one row; 1 is its middle frame"
                            + " (default: " + SampleFeatures.Settings.FRAMES + ")")
    private Integer frames;

    @Option(
            names = "--every",
            paramLabel = "TIME",
            description =
                    "a row for a video's frame each so many seconds, with its time, in place of one row: 1s, 500ms, 2.5")
    private String every;

    @Option(names = "--normalize", description = "divide every vector by its length")
    private boolean normalize;

    @Mixin
    private EmbeddingOptions options;

    @Option(
            names = "--resume",
            description =
                    "go on where an interrupted command ended; where the file is finished, add to it what is new in DATA"
                            + " and embed again what has changed, by path and size")
    private boolean resume;

    @Option(names = "--force", description = "replace what is there")
    private boolean force;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        EmbeddingForm form = EmbeddingForm.of(out);
        FeatureStream.Settings stream = options.stream(
                frames == null ? SampleFeatures.Settings.FRAMES : frames,
                every == null ? 0 : EmbeddingOptions.seconds("--every", every));
        Path folder = out.resolveSibling(out.getFileName() + STORE);
        check(form, folder);
        Path weights = RunFolder.weights(model);
        Dataset files = Dataset.scan(data);
        files.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        try (Device d = device.open();
                Encoder encoder = options.open(weights, d)) {
            EmbeddingOptions.notePassedOver(model, encoder.passedOver(), err);
            if (options.tokens() != EmbeddingOptions.Tokens.PATCHES) {
                ViewFeatures features = options.features(encoder, stream.every());
                run(
                        form,
                        folder,
                        files,
                        encoder,
                        features,
                        stream,
                        options.settings(weights, features, 1, stream, normalize));
            } else if (encoder.config().trunk().frames() > 1 && every == null) {
                throw new IllegalArgumentException("The patches of an encoder of clips are those of single frames: give"
                        + " --every, or --tokens pooled");
            } else {
                try (PatchFeatures patches =
                        new PatchFeatures(d, weights, encoder.config().trunk())) {
                    run(
                            form,
                            folder,
                            files,
                            encoder,
                            patches,
                            stream,
                            options.settings(weights, patches, patches.patches(), stream, normalize));
                }
            }
        }
        return 0;
    }

    private void run(
            EmbeddingForm form,
            Path folder,
            Dataset files,
            Encoder encoder,
            ViewFeatures features,
            FeatureStream.Settings stream,
            EmbeddingSettings settings)
            throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        try (EmbeddingTable former = former(form, settings)) {
            if (force) {
                EmbeddingStore.delete(folder);
            }
            try (EmbeddingStore store = EmbeddingStore.open(folder, settings)) {
                EmbeddingRun run = new EmbeddingRun(store, former, files, file -> true, false);
                say(run, former, err);
                embed(
                        run,
                        encoder,
                        features,
                        stream,
                        "what is done is kept in " + folder + ", and the same command with --resume goes on",
                        err);
                write(run, form, files, err);
            }
        }
        EmbeddingStore.delete(folder);
    }

    /** Refuses what cannot end well, before any work. */
    private void check(EmbeddingForm form, Path folder) throws IOException {
        if (resume && force) {
            throw new IllegalArgumentException(
                    "--resume goes on with what is there, --force replaces it; give one of them");
        }
        if (frames != null && every != null) {
            throw new IllegalArgumentException(
                    "--frames makes one row of a video, --every one for each moment; give one of them");
        }
        if (options.tokens() == EmbeddingOptions.Tokens.PATCHES && !form.takesTokens()) {
            throw new IllegalArgumentException(
                    "A row of " + out + " holds one vector; the tokens of patches go into .npy or .safetensors");
        }
        AtomicFile.checkWritable(out);
        if (form.companion(out) != null) {
            AtomicFile.checkWritable(form.companion(out));
        }
        if (resume || force) {
            return;
        }
        if (Files.exists(out)) {
            throw new IOException(out + " is there already; --resume adds to it what is new, --force replaces it");
        }
        if (EmbeddingStore.exists(folder)) {
            throw new IOException(
                    "An interrupted command left " + folder + "; --resume goes on with it, --force begins anew");
        }
    }

    private EmbeddingTable former(EmbeddingForm form, EmbeddingSettings settings) throws IOException {
        if (!resume || !Files.exists(out)) {
            return null;
        }
        EmbeddingTable former = form.open(out);
        List<String> differences = settings.differences(former.settings());
        if (!differences.isEmpty()) {
            former.close();
            throw new IOException("Rows of other settings cannot be added to " + out + ": "
                    + String.join("; ", differences) + ". Give the same ones, or another --out");
        }
        return former;
    }

    private void say(EmbeddingRun run, EmbeddingTable former, PrintWriter err) {
        if (run.repeated() > 0) {
            err.println("note: " + run.repeated() + " entries name a file again; each file is embedded once");
        }
        if (resume) {
            err.println(run.known() + " files are embedded already" + (former == null ? "" : " in " + out) + ", "
                    + run.missing() + " are not"
                    + (run.changed() > 0 ? " (" + run.changed() + " of them have changed since)" : ""));
        }
    }

    /** @param kept what is said when the command is interrupted */
    static void embed(
            EmbeddingRun run,
            Encoder encoder,
            ViewFeatures features,
            FeatureStream.Settings stream,
            String kept,
            PrintWriter err)
            throws IOException {
        Thread hook = new Thread(() -> err.println(System.lineSeparator() + "stopped; " + kept), "vicmae-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try (SampleProgress progress = new SampleProgress(err, "files", run.missing())) {
            run.run(
                    encoder.config().trunk(),
                    encoder.views(),
                    features,
                    stream,
                    progress,
                    skipped -> err.println("warning: skipped " + skipped.reason()));
        } finally {
            Run.remove(hook);
        }
    }

    private void write(EmbeddingRun run, EmbeddingForm form, Dataset files, PrintWriter err) throws IOException {
        Selection table = run.table(file -> {});
        if (table.rows() == 0) {
            throw new IOException("None of the " + files.size() + " files could be read");
        }
        form.write(out, table, EmbeddingRun.classNames(files, table));
        long skipped =
                table.files().stream().filter(file -> file.failure() != null).count();
        err.println(table.rows() + " rows of " + (table.files().size() - skipped) + " files are in " + out
                + (skipped > 0 ? "; " + skipped + " files could not be read" : "")
                + (run.seconds() > 1
                        ? String.format(Locale.ROOT, " (%.1f views/s)", run.views() / run.seconds())
                        : ""));
    }
}
