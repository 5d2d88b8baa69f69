package io.github.vicmae.cli;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.NpyFile;
import io.github.vicmae.io.PyTorchWriter;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.DenseFeatures;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes feature maps of images, for detectors and other dense tasks. */
@Command(
        name = "features",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Write the encoder's feature map [D, H/p, W/p] of each image, of any size: the patch tokens behind the last norm, where they lie in"
                    + " the image, with interpolated positions. Of a video the middle frame is taken."
        })
final class FeaturesCommand implements Callable<Integer> {
    /** How detectron2's ViTDet names the map that its feature pyramid takes. */
    private static final String VITDET = "last_feat";

    private enum Format {
        NPY,
        PTH
    }

    @Parameters(
            index = "0",
            paramLabel = "CHECKPOINT",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder")
    private Path checkpoint;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "DATA", description = "images, folders or lists")
    private List<Path> data;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "folder for the maps; each has its image's name")
    private Path out;

    @Option(
            names = "--format",
            paramLabel = "npy|pth",
            defaultValue = "npy",
            description = "npy: NumPy's array [D, H/p, W/p]; pth: PyTorch's dictionary {'" + VITDET
                    + "': [1, D, H/p, W/p]}, which is what ViTDet's feature pyramid takes (default: ${DEFAULT-VALUE})")
    private Format format;

    @Option(
            names = "--image",
            paramLabel = "N|HxW",
            description =
                    "size to which images are resized, cropped in the middle to its aspect (default: each image's own size, rounded to"
                            + " whole patches)")
    private String image;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    private DenseFeatures encoder;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        int[] size = image == null ? null : ModelOptions.imageSize(image);
        Path weights = RunFolder.weights(checkpoint);
        Files.createDirectories(out);
        AtomicFile.checkWritable(out.resolve("map"));
        Dataset files = Dataset.scan(data);
        files.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        int done = 0;
        int skipped = 0;
        Set<Path> written = new HashSet<>();
        try (Device d = device.open();
                TensorSource source = TensorSource.open(weights);
                SampleProgress progress = new SampleProgress(err, "maps", files.size())) {
            ModelConfig config = ModelConfig.of(source, heads);
            if (config.objective() instanceof ClassifierConfig) {
                throw new IOException(
                        weights + " holds a fine-tuned classifier, whose encoder has no last norm; give the"
                                + " checkpoint that it was fine-tuned from");
            }
            try {
                for (Sample sample : files.samples()) {
                    Image picture = null;
                    try {
                        picture = Frames.middle(sample.content(), sample.kind());
                    } catch (IOException e) {
                        err.println("warning: skipped " + e.getMessage());
                        skipped++;
                    }
                    if (picture != null) {
                        write(picture, size, file(sample, written), config, source, d);
                        done++;
                    }
                    progress.accept(done + skipped);
                }
            } finally {
                close();
            }
        }
        if (done == 0) {
            throw new IOException("None of the " + files.size() + " files could be read");
        }
        err.println(done + " of " + files.size() + " maps are in " + out);
        return 0;
    }

    /** @param wanted height and width, or null for the picture's own */
    private void write(Image picture, int[] wanted, Path file, ModelConfig config, TensorSource source, Device d)
            throws IOException {
        TrunkConfig trunk = config.trunk();
        int[] size = wanted == null
                ? new int[] {whole(picture.height(), trunk.patch()), whole(picture.width(), trunk.patch())}
                : wanted;
        prepare(d, source, trunk, size[0], size[1]);
        ViewSettings views =
                config.objective().viewSettings(trunk, 0).withFrames(1).withSize(size[0], size[1]);
        float[] pixels = new float[views.viewSize()];
        new EvalView(views).write(picture, FloatBuffer.wrap(pixels), 0);
        float[] map = encoder.map(pixels);
        int rows = encoder.grid().rows();
        int columns = encoder.grid().columns();
        if (format == Format.NPY) {
            NpyFile.write(file, map, trunk.dim(), rows, columns);
        } else {
            new PyTorchWriter().add(VITDET, map, 1, trunk.dim(), rows, columns).write(file);
        }
    }

    /** The nearest size of whole patches. */
    private static int whole(int side, int patch) {
        return Math.max(1, (int) Math.round((double) side / patch)) * patch;
    }

    /** Images of one size in a row share an encoder. */
    private void prepare(Device d, TensorSource source, TrunkConfig trunk, int height, int width) throws IOException {
        if (encoder != null
                && encoder.grid().height() == height
                && encoder.grid().width() == width) {
            return;
        }
        close();
        encoder = new DenseFeatures(d, source, trunk, height, width);
    }

    private void close() {
        if (encoder != null) {
            encoder.close();
            encoder = null;
        }
    }

    /** The image's name with the format's ending; a number tells apart those of the same name. */
    private Path file(Sample sample, Set<Path> written) {
        String name = sample.id().substring(sample.id().lastIndexOf('/') + 1).replaceAll("\\.[^.]*$", "");
        String ending = format == Format.NPY ? ".npy" : ".pth";
        Path file = out.resolve(name + ending);
        for (int i = 2; !written.add(file); i++) {
            file = out.resolve(name + "-" + i + ending);
        }
        return file;
    }
}
