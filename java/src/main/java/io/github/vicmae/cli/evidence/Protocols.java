package io.github.vicmae.cli.evidence;

import io.github.vicmae.cli.evidence.EvidenceTable.Command;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The commands that tables are made of, on one data set. */
final class Protocols {
    static final String KNN = "k-NN";
    static final String PROBE = "linear probe";
    static final String FINE_TUNING = "fine-tuning";

    /** The row of an evaluation that has the pixels' accuracy. */
    static final String PIXELS = "raw pixels";

    /** A rate that changes no weight of floats, so that what it "trains" is an encoder as it was initialised. */
    private static final String NO_RATE = "1e-30";

    private static final int BATCH = 32;
    private static final int QUICK_BATCH = 4;
    private static final int CHECKPOINTS = 4;
    private static final int QUICK_PROBE_EPOCHS = 2;

    private final EvidenceSettings settings;
    private final Path out;
    private final List<String> labelled;

    /**
     * @param out the table's folder
     * @param kind of the samples that encoders are judged on, "image" or "video"
     */
    Protocols(EvidenceSettings settings, Path out, String kind) {
        this.settings = settings;
        this.out = out;
        labelled = List.of(
                "--train",
                settings.train().toString(),
                "--test",
                settings.test().toString(),
                "--kind",
                kind);
    }

    /** Where the run of a name is. */
    private Path run(String name) {
        return out.resolve("runs").resolve(name);
    }

    private String batch() {
        return Integer.toString(settings.quick() ? QUICK_BATCH : BATCH);
    }

    /**
     * A pre-training run.
     *
     * @param options that make it what it is
     * @param secondsPerEpoch that are expected on two free cores
     */
    Command pretrain(String name, long seed, int epochs, List<String> options, double secondsPerEpoch) {
        int passes = settings.quick() ? 1 : epochs;
        List<String> args =
                new ArrayList<>(List.of("pretrain", "--data", settings.train().toString()));
        args.addAll(options);
        args.addAll(List.of("--batch", batch(), "--epochs", Integer.toString(passes)));
        args.addAll(checkpoints(passes));
        args.addAll(List.of("--seed", Long.toString(seed), "--out", run(name).toString()));
        addDevice(args);
        List<String> resumed = new ArrayList<>(args);
        resumed.add("--resume");
        return new Command(
                "pretrain-" + name,
                List.copyOf(args),
                List.copyOf(resumed),
                run(name).resolve("settings.yaml"),
                run(name).resolve("model.safetensors"),
                passes * secondsPerEpoch);
    }

    private static List<String> checkpoints(int epochs) {
        String every = Integer.toString(Math.max(1, epochs / CHECKPOINTS));
        return List.of("--checkpoint-every", every, "--keep-last", "1");
    }

    /** An encoder with the weights that its pre-training would begin with. */
    Command untrained(String name, long seed, List<String> options, double secondsPerEpoch) {
        List<String> args = new ArrayList<>(options);
        int rate = args.indexOf("--lr");
        if (rate >= 0) {
            args.set(rate + 1, NO_RATE);
        } else {
            args.addAll(List.of("--lr", NO_RATE));
        }
        return pretrain(name, seed, 1, args, secondsPerEpoch);
    }

    /**
     * The nearest neighbours in the features of a run's encoder.
     *
     * @param pixels whether those among the views' pixels are looked for as well
     */
    Command knn(String name, boolean pixels, double seconds) {
        List<String> args = evaluation("knn", name);
        if (pixels) {
            args.add("--pixels");
        }
        return evaluated("knn-" + name, args, args, seconds);
    }

    /**
     * A linear probe over cached features, its rate chosen by training samples that are held back.
     *
     * @param pixels whether there is one over the views' pixels as well
     */
    Command probe(String name, long seed, boolean pixels, double seconds) {
        List<String> args = evaluation("probe", name);
        if (pixels) {
            args.add("--pixels");
        }
        args.addAll(List.of("--cached", "--seed", Long.toString(seed)));
        if (settings.quick()) {
            args.addAll(List.of("--epochs", Integer.toString(QUICK_PROBE_EPOCHS)));
        }
        List<String> resumed = new ArrayList<>(args);
        resumed.add("--resume");
        return evaluated("probe-" + name, args, resumed, seconds);
    }

    private List<String> evaluation(String command, String run) {
        List<String> args = new ArrayList<>(List.of(command, run(run).toString()));
        args.addAll(labelled);
        args.addAll(List.of("--out", folder(command + "-" + run).toString()));
        addDevice(args);
        return args;
    }

    private Path folder(String name) {
        return out.resolve("evaluations").resolve(name);
    }

    private Command evaluated(String name, List<String> args, List<String> resumed, double seconds) {
        Path folder = folder(name);
        return new Command(
                name,
                List.copyOf(args),
                List.copyOf(resumed),
                folder,
                folder.resolve(EvidenceResults.EVALUATION),
                settings.quick() ? 1 : seconds);
    }

    /**
     * Fine-tuning of a run's encoder on images, with its test.
     *
     * @param from the name of the encoder's run
     * @param name of this one
     */
    Command finetune(String from, String name, long seed, int epochs, List<String> options, double secondsPerEpoch) {
        int passes = settings.quick() ? 1 : epochs;
        List<String> data = List.of(
                "--train",
                settings.train().toString(),
                "--test",
                settings.test().toString());
        List<String> args =
                new ArrayList<>(List.of("finetune", "--from", run(from).toString()));
        args.addAll(data);
        args.addAll(options);
        args.addAll(List.of("--batch", batch(), "--epochs", Integer.toString(passes)));
        args.addAll(checkpoints(passes));
        args.addAll(List.of("--seed", Long.toString(seed), "--out", run(name).toString()));
        addDevice(args);
        List<String> resumed =
                new ArrayList<>(List.of("finetune", "--resume", run(name).toString()));
        resumed.addAll(data);
        addDevice(resumed);
        return new Command(
                "finetune-" + name,
                List.copyOf(args),
                List.copyOf(resumed),
                run(name).resolve("settings.yaml"),
                run(name).resolve("test").resolve(EvidenceResults.EVALUATION),
                passes * secondsPerEpoch);
    }

    private void addDevice(List<String> args) {
        if (settings.device() != null) {
            args.addAll(List.of("--device", settings.device()));
        }
    }
}
