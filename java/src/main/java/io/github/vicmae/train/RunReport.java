package io.github.vicmae.train;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.report.AccuracyTable;
import io.github.vicmae.report.Report;
import io.github.vicmae.report.ReportData;
import io.github.vicmae.report.RunFacts;
import io.github.vicmae.report.Snapshots;
import java.io.IOException;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** Writes a run's report, the pictures that it shows, and the facts that it begins with. */
final class RunReport {
    private final Path folder;
    private final Passes passes;
    private final RunLog log;
    private final Snapshots snapshots;
    private final long startNanos = System.nanoTime();
    private final String started =
            ZonedDateTime.now().truncatedTo(ChronoUnit.MILLIS).format(DateTimeFormatter.ISO_OFFSET_DATE_TIME);
    private final String device;
    private RunFacts facts;
    private long from;
    private String command = "";
    private String version = "";
    private List<ReportData.Sample> reconstructions = List.of();

    /**
     * @param parameters that are trained
     * @param device what the run is on, in words
     */
    RunReport(Path folder, Passes passes, RunLog log, RunPlan plan, ModelConfig model, long parameters, String device) {
        this.folder = folder;
        this.passes = passes;
        this.log = log;
        this.device = device;
        snapshots = new Snapshots(folder);
        facts = new RunFacts(data(plan), model(model), parameters, List.of());
    }

    private static String data(RunPlan plan) {
        Dataset data = plan.data();
        String monitor = plan.monitor();
        return data.videos() + " videos and " + data.images() + " images"
                + (monitor == null ? "" : "; monitored: " + monitor);
    }

    private static String model(ModelConfig model) {
        TrunkConfig trunk = model.trunk();
        return "encoder of " + blocks(trunk.depth()) + ", " + trunk.dim() + " wide with " + trunk.heads()
                + " heads, for patches of " + trunk.patch() + " pixels in views of " + trunk.height() + " x "
                + trunk.width() + (trunk.frames() == 1 ? "" : " and " + trunk.frames() + " frames")
                + (model.decoder() == null
                        ? "; classifier"
                        : "; decoder of " + blocks(model.decoder().depth()) + ", "
                                + model.decoder().dim() + " wide");
    }

    private static String blocks(int count) {
        return count == 1 ? "1 block" : count + " blocks";
    }

    /** Says by what command and version the run is made. */
    void madeBy(String commandLine, String ofVersion) {
        command = commandLine;
        version = ofVersion;
    }

    /** Begins a run, or goes on with one after so many steps: what its earlier processes noted stays. */
    void begin(long step, boolean isResumed) {
        from = step;
        if (isResumed) {
            for (RunFacts.Session session : RunFacts.read(folder).sessions()) {
                facts = facts.with(session);
            }
        }
    }

    /** Drops the pictures of later steps, which will be made again. */
    void removeAfter(long step) throws IOException {
        snapshots.removeAfter(step);
    }

    /** Notes what the untrained model makes of the samples whose reconstructions are shown over the run. */
    void first() throws IOException {
        snapshots.add(0, passes.fixedReconstructions());
    }

    /**
     * Writes the report of the run as it is; nothing may be under way.
     *
     * @throws IOException if it cannot be written
     */
    void write(long step) throws IOException {
        reconstructions = passes.lastReconstructions();
        List<ReportData.Sample> fixed = passes.fixedReconstructions();
        log.pictures(step, fixed);
        snapshots.add(step, fixed);
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        facts = facts.with(new RunFacts.Session(command, version, device, started, seconds, from, step));
        facts.write(folder);
        Report.write(folder, reconstructions);
    }

    /**
     * Adds what the finished encoder was found to be worth.
     *
     * @throws IOException if it cannot be written
     */
    void add(AccuracyTable results) throws IOException {
        results.write(folder);
        Report.write(folder, reconstructions);
    }
}
