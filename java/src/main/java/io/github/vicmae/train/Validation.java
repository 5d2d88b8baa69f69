package io.github.vicmae.train;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.ClassProbabilities;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.eval.TestClips;
import io.github.vicmae.model.ClassifierModel;
import io.github.vicmae.model.ModelState;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Tests a classifier while it is trained: one view of each sample, the central crop of an image, of a video's middle frame or of its middle clip. The
 * test at the end, by the {@code evaluate} command, takes more views of videos. Nothing is drawn at random, so a run computes the same with and without it.
 */
final class Validation implements Measuring {
    /** Views that are classified at once; of clips fewer. */
    private static final int BATCH = 32;

    private static final int ID_DIGITS = 16;

    private final TrainSettings settings;
    private final RunLog log;
    private final Dataset test;
    private final List<String> classes;
    private final ClassifierModel model;
    private double last = Double.NaN;
    private int count;

    /**
     * @param test labelled samples, or null for none
     * @throws IOException if none of their classes can be predicted
     */
    Validation(Device device, TrainSettings run, Dataset test, RunLog log, Progress progress) throws IOException {
        settings = run;
        this.log = log;
        this.test = test;
        classes = ((ClassifierConfig) run.model().objective()).classes();
        if (test == null) {
            model = null;
            return;
        }
        ClassMatch.of(classes, test.samples()).remarks().forEach(progress::warning);
        TrunkConfig trunk = run.model().trunk();
        int batch = Math.max(1, BATCH / trunk.frames());
        model = new ClassifierModel(
                device, trunk, classes.size(), batch, run.compute().precision());
    }

    @Override
    public String id() {
        return test == null ? "" : test.fingerprint().substring(0, ID_DIGITS);
    }

    @Override
    public void begin(ModelState fresh) {
        // A classifier with fresh weights guesses.
    }

    @Override
    public void measureStart(ModelState trained, boolean isFresh) {
        // Its classifier is fresh, whatever the encoder.
    }

    @Override
    public void resume(long step, double epoch, Path metrics) {
        // What was measured before may have been on other samples; the next epoch tells.
        log.resumeAt(RunLog.TEST_ACCURACY, last);
    }

    @Override
    public void measure(long step, double epoch, ModelState trained) throws IOException {
        if (test == null) {
            return;
        }
        model.copyFrom(trained);
        Scores scores = scores();
        last = scores.accuracy();
        count = scores.count();
        log.measured(step, epoch, RunLog.TEST_ACCURACY, last);
    }

    private Scores scores() throws IOException {
        TrunkConfig trunk = settings.model().trunk();
        ViewSettings views = settings.model().objective().viewSettings(trunk, 0).withViews(1);
        var kinds = List.of(new ClassProbabilities(model));
        var how = new SampleFeatures.Settings(1, settings.loading().workers(), BATCH, 1);
        SampleFeatures found = trunk.frames() == 1
                ? SampleFeatures.of(test, trunk, views, kinds, how, done -> {})
                : SampleFeatures.ofClips(
                        test,
                        trunk,
                        views,
                        new TestClips(1, 1, trunk.frames(), settings.views().stride()),
                        kinds,
                        how,
                        done -> {});
        return new Scores(ClassMatch.of(classes, found.samples()), found.samples(), found.features(0));
    }

    @Override
    public boolean isDue(long epochs, boolean isEnd) {
        return test != null && (isEnd || epochs % settings.monitor().every() == 0);
    }

    @Override
    public double last() {
        return last;
    }

    @Override
    public String outcome() {
        return Double.isNaN(last)
                ? null
                : String.format(
                        Locale.ROOT, "top-1 accuracy on %d test samples, one view each: %.1f %%", count, 100 * last);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
