package io.github.vicmae.cli;

import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.device.Device;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.Variant;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.optim.WeightRamp;
import io.github.vicmae.train.TrainSettings;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Pre-trains on videos and images. */
@Command(
        name = "pretrain",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Pre-train a model on videos and images; writes checkpoints, metrics and a report to a folder.")
final class PretrainCommand implements Callable<Integer> {
    @Option(
            names = "--data",
            arity = "1..*",
            required = true,
            paramLabel = "DIR|LIST",
            description = "folders of videos and images, or lists of 'path label' lines")
    private List<String> data;

    @Option(names = "--out", required = true, paramLabel = "RUN", description = "the run's folder")
    private Path out;

    @Option(names = "--resume", description = "go on from the folder's checkpoint")
    private boolean resume;

    @Option(
            names = "--init",
            paramLabel = "FILE",
            description =
                    "start from these weights: a checkpoint of another run, or a published .pth of MAE or ViC-MAE")
    private Path init;

    @Option(names = "--epochs", defaultValue = "100", description = "passes over the data (default: ${DEFAULT-VALUE})")
    private int epochs;

    @Option(
            names = "--batch",
            defaultValue = "32",
            description = "samples of a forward pass (default: ${DEFAULT-VALUE})")
    private int batch;

    @Option(
            names = "--accumulate",
            defaultValue = "1",
            description = "forward passes of an update (default: ${DEFAULT-VALUE})")
    private int accumulate;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private Optimization optimization = new Optimization();

    @Mixin
    private Views views = new Views();

    @Mixin
    private ExecutionOptions execution;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    /** How the loss is minimised. */
    static final class Optimization {
        @Option(
                names = "--lr",
                defaultValue = "1.5e-4",
                description = "base learning rate, for 256 samples an update (default: ${DEFAULT-VALUE})")
        private double rate;

        @Option(
                names = "--warmup",
                description = "epochs of linear warm-up (default: 40, or a tenth of the run if that is shorter)")
        private Double warmup;

        @Option(names = "--weight-decay", defaultValue = "0.05", description = "AdamW's (default: ${DEFAULT-VALUE})")
        private double weightDecay;

        @Option(names = "--beta2", defaultValue = "0.95", description = "AdamW's (default: ${DEFAULT-VALUE})")
        private double beta2;

        @Option(
                names = "--clip",
                defaultValue = "0",
                description = "largest gradient norm, 0 for none (default: ${DEFAULT-VALUE})")
        private double clip;

        @Option(
                names = "--recon-weight",
                description = "weight of the reconstruction loss (default: 1 paper, 0.97 release)")
        private Double reconstruction;

        @Option(
                names = "--lambda",
                defaultValue = "0.03",
                description = "final weight of the contrastive loss (default: ${DEFAULT-VALUE})")
        private double lambda;

        @Option(
                names = "--lambda-ramp",
                description = "constant, linear or cosine (default: linear paper, constant release)")
        private String ramp;

        @Option(
                names = "--lambda-start",
                defaultValue = "0",
                description = "where the ramp begins, as a share of the run (default: ${DEFAULT-VALUE})")
        private double start;

        @Option(
                names = "--lambda-end",
                defaultValue = "0.5",
                description = "where the ramp ends, as a share of the run (default: ${DEFAULT-VALUE})")
        private double end;

        WeightRamp ramp(Variant variant) {
            String shape = ramp != null ? ramp : variant == Variant.PAPER ? "linear" : "constant";
            return new WeightRamp(WeightRamp.Shape.of(shape), start, end, lambda);
        }

        double reconstruction(Variant variant) {
            return reconstruction != null ? reconstruction : variant == Variant.PAPER ? 1 : 0.97;
        }
    }

    /** What the model sees. */
    static final class Views {
        @Option(
                names = "--views",
                defaultValue = "auto",
                paramLabel = "auto|host|device",
                description =
                        "where views are made of decoded frames, equal within 1/255: on the device from uploaded crops, or on the host"
                                + " (default: ${DEFAULT-VALUE}, which is the device on CUDA)")
        private String place;

        boolean onDevice(Device.Kind kind) {
            return switch (place) {
                case "host" -> false;
                case "device" -> true;
                case "auto" -> kind == Device.Kind.CUDA;
                default ->
                    throw new IllegalArgumentException("Views are made on the host or on the device, not on '" + place
                            + "'; use auto, host or device");
            };
        }

        @Option(
                names = "--window",
                defaultValue = "2.12",
                description = "seconds within which a video's two frames are drawn (default: ${DEFAULT-VALUE})")
        private double window;

        @Option(
                names = "--frame-distance",
                description = "take frames this far apart instead; 0 is the same frame twice")
        private Integer distance;

        @Option(names = "--video-share", description = "share of videos in each batch (default: that of the data)")
        private Double videoShare;

        @Option(names = "--no-colour", description = "leave out the changes of colour")
        private boolean noColour;

        @Option(names = "--no-spatial", description = "leave out random crops and flips")
        private boolean noSpatial;

        @Option(
                names = "--seed",
                defaultValue = "0",
                description = "of everything that is drawn (default: ${DEFAULT-VALUE})")
        private long seed;

        @Option(names = "--workers", description = "decoding threads (default: the processors)")
        private Integer workers;

        @Option(
                names = "--prefetch",
                defaultValue = "2",
                description = "batches decoded ahead (default: ${DEFAULT-VALUE})")
        private int prefetch;

        @Option(
                names = "--checkpoint-every",
                defaultValue = "1",
                description = "epochs between checkpoints (default: ${DEFAULT-VALUE})")
        private int checkpointEvery;
    }

    @Override
    public Integer call() throws IOException {
        settings(Device.Kind.CPU); // what is wrong with the options shows before the device is opened
        try (Device d = device.open();
                ConsoleProgress progress =
                        new ConsoleProgress(spec.commandLine().getErr());
                Trainer trainer = new Trainer(d, settings(d.kind()), out, resume, progress)) {
            return Run.untilDoneOrInterrupted(trainer, progress, out, "run the same command with --resume to go on");
        }
    }

    private TrainSettings settings(Device.Kind kind) {
        ModelConfig config = model.config();
        double warmup = optimization.warmup != null ? optimization.warmup : Math.min(40, epochs / 10.0);
        return new TrainSettings(
                config,
                data,
                new TrainSettings.Views(
                        !views.noColour,
                        !views.noSpatial,
                        views.window,
                        views.distance == null ? FrameSampler.DISTANT : views.distance,
                        views.videoShare),
                batch,
                accumulate,
                epochs,
                optimization.rate,
                warmup,
                new AdamW.Settings(0.9, optimization.beta2, 1e-8, optimization.weightDecay, optimization.clip),
                optimization.reconstruction(config.variant()),
                optimization.ramp(config.variant()),
                views.seed,
                views.workers == null ? Runtime.getRuntime().availableProcessors() : views.workers,
                views.prefetch,
                views.checkpointEvery,
                execution.precision(),
                execution.recompute,
                views.onDevice(kind),
                init == null ? null : init.toString());
    }
}
