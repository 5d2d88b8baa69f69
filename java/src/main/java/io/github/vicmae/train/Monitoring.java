package io.github.vicmae.train;

import io.github.vicmae.device.Device;
import io.github.vicmae.model.ModelState;
import io.github.vicmae.report.MetricLog;
import io.github.vicmae.report.MonitorFacts;
import java.io.IOException;
import java.nio.file.Path;

/** When a run measures its encoder, and what came of it; nothing where the settings name no labelled samples. */
final class Monitoring implements Measuring {
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

    @Override
    public String id() {
        return id;
    }

    @Override
    public String described() {
        return monitor == null ? "" : ", k-NN on " + monitor.described();
    }

    @Override
    public void begin(ModelState fresh) {
        if (monitor != null) {
            remember(0, 0, monitor.accuracy(fresh));
        }
    }

    /** Begins anew if the run was measured on other samples. */
    @Override
    public void resume(long step, double epoch, Path metrics) throws IOException {
        if (monitor == null) {
            return;
        }
        MetricLog before = MetricLog.read(metrics);
        if (before.monitor().id().equals(id)) {
            facts = before.monitor();
            last = before.last(RunLog.KNN);
            log.resumeAt(RunLog.KNN, last);
        } else {
            remember(step, epoch, monitor.untrained());
        }
    }

    private void remember(long step, double epoch, double untrained) {
        facts = monitor.facts(untrained);
        log.monitored(step, epoch, facts);
    }

    @Override
    public void measureStart(ModelState model, boolean isFresh) {
        if (isFresh && monitor != null) {
            note(0, 0, facts.untrained());
        } else {
            measure(0, 0, model);
        }
    }

    @Override
    public void measure(long step, double epoch, ModelState model) {
        if (monitor != null) {
            note(step, epoch, monitor.accuracy(model));
        }
    }

    private void note(long step, double epoch, double accuracy) {
        last = accuracy;
        log.measured(step, epoch, RunLog.KNN, last);
    }

    @Override
    public boolean isDue(long epochs, boolean isEnd) {
        return monitor != null && (isEnd || epochs % settings.every() == 0);
    }

    @Override
    public double last() {
        return last;
    }

    @Override
    public String outcome() {
        return Double.isNaN(last) ? null : facts.sentence(last);
    }

    @Override
    public void close() {
        if (monitor != null) {
            monitor.close();
        }
    }
}
