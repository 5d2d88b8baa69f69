package io.github.vicmae.eval;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.ClassifierModel;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntConsumer;

/** A fine-tuned classifier from a file. For one thread. */
public final class TrainedClassifier implements AutoCloseable {
    private final ModelConfig config;
    private final ClassifierConfig classifier;
    private final ClassifierModel model;

    private TrainedClassifier(ModelConfig config, ClassifierModel model) {
        this.config = config;
        this.model = model;
        classifier = (ClassifierConfig) config.objective();
    }

    /**
     * Loads a classifier that this library has trained.
     *
     * @param batch views that are run at once
     * @throws IOException if the file cannot be read, or holds no classifier
     */
    public static TrainedClassifier load(Path file, Device device, int batch, Precision precision) throws IOException {
        try (TensorSource source = TensorSource.open(file)) {
            ModelConfig config = ModelConfig.of(source);
            if (!(config.objective() instanceof ClassifierConfig classifier)) {
                throw new IOException(file + " holds an encoder of the method "
                        + config.objective().method()
                        + " and no classifier: it lacks classes, fc_norm and head. 'vicmae finetune' trains one on it;"
                        + " 'vicmae knn' and 'vicmae probe' judge the encoder alone");
            }
            ClassifierModel model = new ClassifierModel(
                    device, config.trunk(), classifier.classes().size(), batch, precision);
            try {
                model.load(source);
                return new TrainedClassifier(config, model);
            } catch (IOException | RuntimeException | Error e) {
                Closing.after(e, model);
                throw e;
            }
        }
    }

    /** The model's settings. */
    public ModelConfig config() {
        return config;
    }

    /** The names of the classes, in the order of the outputs. */
    public List<String> classes() {
        return classifier.classes();
    }

    /** Whether it takes clips of videos; if not, images and single frames. */
    public boolean takesClips() {
        return config.trunk().frames() > 1;
    }

    /** The clips of a test: so many places and crops. */
    public TestClips clips(String views) {
        return TestClips.parse(views, config.trunk().frames(), classifier.clipStride());
    }

    /**
     * The probabilities of the classes for each sample: the mean of the softmax over its views.
     *
     * @param data videos alone for a classifier of clips
     * @param clips the views of a video; not used for a classifier of images, which takes {@code settings.frames()} single frames of a video
     * @param done told from time to time how many samples are done
     * @throws IOException if none can be read, or there are images for a classifier of clips
     */
    public SampleFeatures probabilities(
            Dataset data, TestClips clips, SampleFeatures.Settings settings, IntConsumer done) throws IOException {
        TrunkConfig trunk = config.trunk();
        ViewSettings views = classifier.viewSettings(trunk, 0).withViews(1);
        var kinds = List.of(new ClassProbabilities(model));
        if (!takesClips()) {
            return SampleFeatures.of(data, trunk, views, kinds, settings, done);
        }
        if (data.only(Kind.VIDEO).size() < data.size()) {
            throw new IOException("This classifier takes clips of videos, and " + data.images() + " of the "
                    + data.size() + " test samples are images");
        }
        return SampleFeatures.ofClips(data, trunk, views, clips, kinds, settings, done);
    }

    @Override
    public void close() {
        model.close();
    }
}
