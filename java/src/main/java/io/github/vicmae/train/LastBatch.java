package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.report.ReconstructionGrid;
import io.github.vicmae.report.ReportData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reconstructions of the last step's samples, for the report. */
final class LastBatch {
    private static final int SHOWN = 8;
    private static final int VIEWS = 2; // of each

    private final Objective model;
    private final List<Feed> feeds;
    private final List<int[]> samples = new ArrayList<>();
    private StepInput input;

    LastBatch(Objective model, List<Feed> feeds) {
        this.model = model;
        this.feeds = feeds;
        for (ViewBatch views : model.workspace().views()) {
            samples.add(new int[views.batch()]);
        }
    }

    /** Records which samples one of a step's batches was given. */
    void remember(int feed, Batch batch, StepInput stepInput) {
        System.arraycopy(batch.sampleIndex(), 0, samples.get(feed), 0, samples.get(feed).length);
        input = stepInput;
    }

    /** Input, mask and prediction of the last step's first samples; empty before the first step. */
    List<ReportData.Sample> reconstructions() {
        List<ReportData.Sample> shown = new ArrayList<>();
        for (int i = 0; input != null && i < feeds.size(); i++) {
            addReconstructions(i, shown);
        }
        return shown;
    }

    private void addReconstructions(int feed, List<ReportData.Sample> shown) {
        MaskedAutoencoder autoencoder = model.autoencoder(feed);
        ViewBatch views = autoencoder.views().reconstructed();
        ViewSettings settings = feeds.get(feed).views();
        ReconstructionGrid grid = new ReconstructionGrid(
                autoencoder.decoder().grid(),
                views.channels(),
                settings.mean(),
                settings.deviation(),
                autoencoder.decoder().target());
        float[] predictions = model.stream().read(autoencoder.decoder().prediction());
        int[] restore = model.stream().readInts(autoencoder.restore());
        int[] of = samples.get(feed);
        for (int i = 0; i < Math.min(SHOWN / feeds.size(), of.length); i++) {
            List<ReconstructionGrid.Images> ofSample = new ArrayList<>();
            for (int view = 0; view < Math.min(VIEWS, views.views()); view++) {
                int row = view * views.batch() + i;
                float[] image = model.stream().read(input.batch(feed).image(row));
                ofSample.add(grid.images(image, row(predictions, views, autoencoder, row), mask(restore, views, row)));
            }
            shown.add(new ReportData.Sample(
                    feeds.get(feed).data().samples().get(of[i]).shortName(), views.name(), ofSample));
        }
    }

    /** The predicted patches of one view, without a class token's row. */
    private static float[] row(float[] predictions, ViewBatch views, MaskedAutoencoder autoencoder, int row) {
        int tokens = autoencoder.decoder().grid().tokens();
        int values = predictions.length / (views.samples() * tokens);
        int end = (row + 1) * tokens * values;
        return Arrays.copyOfRange(predictions, end - views.patches() * values, end);
    }

    private static float[] mask(int[] restore, ViewBatch views, int row) {
        float[] mask = new float[views.patches()];
        for (int l = 0; l < mask.length; l++) {
            mask[l] = restore[row * mask.length + l] < views.kept() ? 0 : 1;
        }
        return mask;
    }
}
