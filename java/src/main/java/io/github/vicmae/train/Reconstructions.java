package io.github.vicmae.train;

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

/** Pictures of what the model has predicted for a batch of views: input, mask and prediction of its first samples. */
final class Reconstructions {
    private final Objective model;
    private final Feed feed;
    private final int index;

    /**
     * @param index of the batch of views among a step's
     */
    Reconstructions(Objective model, Feed feed, int index) {
        this.model = model;
        this.feed = feed;
        this.index = index;
    }

    /**
     * Reads the model's last predictions.
     *
     * @param input that they were made from
     * @param samples the data set's index of each of the batch's first samples
     * @param count of the samples to show
     * @param views of each, at most
     */
    List<ReportData.Sample> read(StepInput input, int[] samples, int count, int views) {
        MaskedAutoencoder autoencoder = model.autoencoder(index);
        ViewBatch batch = autoencoder.views().reconstructed();
        ViewSettings settings = feed.views();
        ReconstructionGrid grid = new ReconstructionGrid(
                autoencoder.decoder().grid(),
                batch.channels(),
                settings.mean(),
                settings.deviation(),
                autoencoder.decoder().target());
        float[] predictions = model.stream().read(autoencoder.decoder().prediction());
        int[] restore = model.stream().readInts(autoencoder.restore());
        List<ReportData.Sample> shown = new ArrayList<>();
        for (int i = 0; i < Math.min(count, samples.length); i++) {
            List<ReconstructionGrid.Images> ofSample = new ArrayList<>();
            for (int view = 0; view < Math.min(views, batch.views()); view++) {
                int row = view * batch.batch() + i;
                float[] image = model.stream().read(input.batch(index).image(row));
                ofSample.add(grid.images(image, row(predictions, batch, autoencoder, row), mask(restore, batch, row)));
            }
            String name = feed.data().samples().get(samples[i]).shortName();
            shown.add(new ReportData.Sample(name, batch.name(), ofSample));
        }
        return shown;
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
