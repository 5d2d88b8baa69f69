package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.report.ReportData;
import java.util.ArrayList;
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
            shown.addAll(new Reconstructions(model, feeds.get(i), i)
                    .read(input, samples.get(i), SHOWN / feeds.size(), VIEWS));
        }
        return shown;
    }
}
