package io.github.vicmae.train;

import io.github.vicmae.device.Device;
import io.github.vicmae.model.ModelState;
import io.github.vicmae.report.MetricLog;
import io.github.vicmae.report.MonitorFacts;
import java.io.IOException;
import java.nio.file.Path;

/** When a run measures its encoder, and what came of it; nothing where the settings name no labelled samples. */
final class Monitoring implements AutoCloseable {
    private final MonitorSettings settings;
    private final RunLog log;
    private final Monitor monitor;
    private final String id;
    private MonitorFacts facts = MonitorFacts.NONE;
    private double last = Double.NaN;

    /**
     * @throws IOException if the labelled samples cannot be read
     */
    Monitoring(Device device, TrainSettings run, RunPlan plan, RunLog log, Progress progress) throws IOException {
        settings = run.monitor();
        this.log = log;
        MonitorData data = plan.monitored();
        id = data == null ? "" : data.id();
        monitor = data == null ? null : new Monitor(device, run.model(), data, run.seed(), progress);
        if (data != null) {
            data.remarks().forEach(progress::warning);
        }
    }

    /** Tells monitored samples apart; empty without any. */
    String id() {
        return id;
    }

    /** What is measured, as the end of a sentence; empty where nothing is. */
    String described() {
        return monitor == null ? "" : ", k-NN on " + monitor.described();
    }

    /** Measures the encoder of a new run. */
    void begin(ModelState fresh) {
        if (monitor != null) {
            remember(0, 0, monitor.accuracy(fresh));
        }
    }

    /**
     * Goes on with what a resumed run has measured, or begins anew if that was on other samples.
     *
     * @param metrics of the run
     */
    void resume(long step, double epoch, Path metrics) throws IOException {
        if (monitor == null) {
            return;
        }
        MetricLog before = MetricLog.read(metrics);
        if (before.monitor().id().equals(id)) {
            facts = before.monitor();
            last = before.last(RunLog.KNN);
            log.resumeKnn(last);
        } else {
            remember(step, epoch, monitor.untrained());
        }
    }

    private void remember(long step, double epoch, double untrained) {
        facts = monitor.facts(untrained);
        log.monitored(step, epoch, facts);
    }

    /** Measures the encoder as the run begins, whatever weights it starts from. */
    void measure(long step, double epoch, ModelState model) {
        if (monitor != null) {
            last = monitor.accuracy(model);
            log.knn(step, epoch, last);
        }
    }

    /** Whether the encoder is to be measured after so many whole epochs. */
    boolean isDue(long epochs, boolean isEnd) {
        return monitor != null && (isEnd || epochs % settings.every() == 0);
    }

    /** The accuracy that was measured last, NaN if there is none. */
    double last() {
        return last;
    }

    /** What came of it, as a line for the console; null if nothing was measured. */
    String outcome() {
        return Double.isNaN(last) ? null : facts.sentence(last);
    }

    @Override
    public void close() {
        if (monitor != null) {
            monitor.close();
        }
    }
}
