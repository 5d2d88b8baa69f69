package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.report.ReconstructionGrid;
import io.github.vicmae.report.ReportData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reconstructions of the last batch's samples, for the report. */
final class LastBatch {
    private static final int SHOWN = 8;

    private final Objective model;
    private final ViewSettings views;
    private final Dataset data;
    private final int[] samples;
    private StepInput input;

    LastBatch(Objective model, ViewSettings views, Dataset data) {
        this.model = model;
        this.views = views;
        this.data = data;
        samples = new int[model.batch()];
    }

    /** Records which samples a step was given. */
    void remember(Batch batch, StepInput stepInput) {
        System.arraycopy(batch.sampleIndex(), 0, samples, 0, samples.length);
        input = stepInput;
    }

    /** Input, mask and prediction of the last step's first samples; empty before the first step. */
    List<ReportData.Sample> reconstructions() {
        if (input == null) {
            return List.of();
        }
        TrunkConfig c = model.config().trunk();
        ReconstructionGrid grid = new ReconstructionGrid(
                c.grid(),
                c.channels(),
                views.mean(),
                views.deviation(),
                model.config().decoder().normPix());
        float[] predictions = model.stream().read(model.prediction());
        int[] restore = model.stream().readInts(model.restore());
        List<ReportData.Sample> shown = new ArrayList<>();
        for (int i = 0; i < Math.min(SHOWN, samples.length); i++) {
            List<ReconstructionGrid.Images> ofSample = new ArrayList<>();
            for (int view = 0; view < model.config().objective().views(); view++) {
                ofSample.add(images(grid, view * model.batch() + i, predictions, restore));
            }
            shown.add(new ReportData.Sample(data.samples().get(samples[i]).shortName(), ofSample));
        }
        return shown;
    }

    private ReconstructionGrid.Images images(ReconstructionGrid grid, int row, float[] predictions, int[] restore) {
        TrunkConfig c = model.config().trunk();
        float[] view = model.stream().read(input.image(row));
        PatchGrid cut = c.grid();
        int from = (row * cut.tokens() + cut.classTokens()) * c.patchSize();
        float[] prediction = Arrays.copyOfRange(predictions, from, from + c.patches() * c.patchSize());
        float[] mask = new float[c.patches()];
        for (int l = 0; l < mask.length; l++) {
            mask[l] = restore[row * c.patches() + l] < model.config().kept() ? 0 : 1;
        }
        return grid.images(view, prediction, mask);
    }
}
