package io.github.vicmae.lab;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.build.KernelBuild;
import io.github.vicmae.device.build.WorkFolder;
import io.github.vicmae.device.cpu.CpuDevice;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.UserLoss;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Tests a user-supplied contrastive loss: compiles it, looks for races and stray accesses on the emulated device, checks its results, and times
 * it beside the built-in losses. Its kernels only ever run in separate processes.
 */
public final class Lab {
    private static final int[] PTX_FAMILIES = {80, 90};
    private static final int FEW_ROWS = 4;
    /** Shared memory, in bytes, that a block can have on every card from compute capability 8.0 on. */
    private static final int SHARED_OF_ALL_CARDS = 99 << 10;

    private final LabSettings settings;
    private final PrintWriter out;
    private final List<String> notes = new ArrayList<>();
    private final List<Deviation> deviations = new ArrayList<>();
    private final List<LossTiming> timings = new ArrayList<>();
    private final List<String> devices = new ArrayList<>();
    private Path work;
    private UserLoss loss;

    /**
     * @param out receives progress and findings
     */
    public Lab(LabSettings settings, PrintWriter out) {
        this.settings = settings;
        this.out = out;
    }

    /** A line for each built-in loss: name, sentence, source. */
    public static List<String> list() {
        return ContrastiveLosses.all().stream()
                .map(l -> String.format("%-14s %s%n%-14s %s", l.name(), l.description(), "", l.source()))
                .toList();
    }

    /**
     * Runs all stages and writes the results to a folder.
     *
     * @throws IllegalArgumentException if the file is missing or the launches in its comments are wrong
     * @throws IOException if the results cannot be written
     */
    public Verdict run() throws IOException {
        if (settings.like() != null) {
            ContrastiveLosses.named(settings.like());
        }
        loss = UserLoss.read(settings.file());
        checkOut();
        // In the cache, where the next run removes what a killed one left.
        try (WorkFolder folder = WorkFolder.in(KernelBuild.usual().cache())) {
            work = folder.path();
            Verdict verdict = stages();
            LabReport report = new LabReport(settings, loss, verdict, notes, devices, deviations, timings);
            report.write(settings.out());
            out.println();
            out.println("verdict: " + verdict);
            out.println("written: " + settings.out().resolve(LabReport.PAGE) + ", table.md, lab.json"
                    + (timings.isEmpty() ? "" : ", plots"));
            return verdict;
        }
    }

    /** Called before any work: an unwritable folder found at the end would cost all of it. */
    private void checkOut() throws IOException {
        try {
            Files.createDirectories(settings.out());
        } catch (IOException e) {
            throw FileErrors.cannot("write", settings.out(), e);
        }
        AtomicFile.checkWritable(settings.out().resolve(LabReport.PAGE));
    }

    private Verdict stages() throws IOException {
        String missing = EmulatedDriver.missing();
        if (!isBuilt(missing == null)) {
            return Verdict.NOT_BUILT;
        }
        noteShared();
        Verdict safety = missing == null ? safety() : Verdict.UNCHECKED;
        if (missing != null) {
            note("Races and bounds were not checked: " + missing + ".");
        }
        if (!safety.isGood() && safety != Verdict.WRONG) {
            return safety;
        }
        List<String> tried =
                List.of("cpu", settings.device()).stream().distinct().toList();
        Verdict verdict = safety;
        for (String device : tried) {
            verdict = verdict.or(check(device, missing == null));
        }
        if (verdict.isGood() && !settings.sizes().isEmpty()) {
            for (String device : tried) {
                verdict = verdict.or(time(device));
            }
        }
        return verdict;
    }

    /** Cards differ in the shared memory of a block, and the one here may have more than others. */
    private void noteShared() {
        int most = settings.sizes().stream().max(Comparator.naturalOrder()).orElse(FEW_ROWS);
        long bytes = loss.shared(ContrastiveShape.of(most, settings.width(), settings.temperature(), false));
        if (bytes > SHARED_OF_ALL_CARDS) {
            note("At width " + settings.width() + " and " + most + " rows a block takes " + bytes + " bytes of shared"
                    + " memory. Cards of compute capability 8.6, 8.9 and 12.0 have 99 KB for one, 8.0 has 163 KB, 9.0"
                    + " and 10.0 have 227 KB.");
        }
    }

    private void note(String text) {
        notes.add(text);
        out.println(text);
    }

    private boolean isBuilt(boolean emulator) {
        out.println("building " + settings.file() + " ...");
        boolean forCards = settings.device().startsWith("cuda");
        try {
            CpuDevice.build(loss.library());
            if (emulator) {
                EmulatedDriver.build(loss.library());
            }
            if (forCards) {
                buildPtx();
            }
        } catch (DeviceException e) {
            note(e.getMessage());
            return false;
        }
        if (!forCards && settings.ptx() && KernelBuild.usual().makesPtx()) {
            try {
                buildPtx();
            } catch (DeviceException e) {
                note("It cannot run on a card: " + e.getMessage());
            }
        }
        return true;
    }

    private void buildPtx() {
        for (int family : PTX_FAMILIES) {
            loss.library().ptx(family);
        }
    }

    private LabRequest request(LabRequest.Stage stage, String device, Path results, Path peer) {
        return new LabRequest(stage, settings.withAbsoluteFile(), device, results, peer);
    }

    private Path safetyResults() {
        return work.resolve("safety.json");
    }

    private Verdict safety() throws IOException {
        out.println("races, bounds and unwritten memory, on the emulated device:");
        WorkerProcess.Outcome outcome =
                WorkerProcess.run(request(LabRequest.Stage.SAFETY, "emulated", safetyResults(), null), work, out);
        if (isBrokenOff(outcome)) {
            return brokenOff(outcome, "the emulated device");
        }
        out.println("  nothing found");
        return judge(outcome.findings());
    }

    private Verdict check(String device, boolean peer) throws IOException {
        out.println("results on " + device + ", "
                + (settings.like() == null
                        ? "against differences of the loss itself:"
                        : "against the oracle of " + settings.like() + ":"));
        Path results = work.resolve("check.json");
        WorkerProcess.Outcome outcome = WorkerProcess.run(
                request(LabRequest.Stage.CHECK, device, results, peer ? safetyResults() : null), work, out);
        return isBrokenOff(outcome) ? brokenOff(outcome, device) : judge(outcome.findings());
    }

    private static boolean isBrokenOff(WorkerProcess.Outcome outcome) {
        LabFindings findings = outcome.findings();
        return findings == null || findings.finding() != null || findings.error() != null;
    }

    /** The verdict on a loss whose stage ended without results. */
    private Verdict brokenOff(WorkerProcess.Outcome outcome, String device) {
        LabFindings findings = outcome.findings();
        if (findings == null) {
            note("On " + device + " " + outcome.words() + ".");
            return outcome.timedOut() ? Verdict.UNENDING : Verdict.UNSAFE;
        }
        note(findings.finding() != null ? findings.finding() : findings.error());
        return findings.finding() != null ? Verdict.UNSAFE : Verdict.NOT_BUILT;
    }

    private Verdict judge(LabFindings findings) {
        if (!devices.contains(findings.device())) {
            devices.add(findings.device());
        }
        deviations.addAll(findings.deviations());
        List<Deviation> wrong =
                findings.deviations().stream().filter(d -> !d.passes()).toList();
        for (String quantity : List.of("loss", "drows", "dcolumns", "bits")) {
            findings.deviations().stream()
                    .filter(d -> d.quantity().equals(quantity))
                    .max(Comparator.comparingDouble(Deviation::error))
                    .ifPresent(d -> out.println("  " + (d.passes() ? "at most: " : "") + d.line()));
        }
        if (!wrong.isEmpty()) {
            note("The first of " + wrong.size() + " wrong results: "
                    + wrong.get(0).line().strip());
        }
        return wrong.isEmpty() ? Verdict.CORRECT : Verdict.WRONG;
    }

    /** A stage that runs out of time keeps the times so far; a crash counts against the loss, whatever the size. */
    private Verdict time(String device) throws IOException {
        out.println("times on " + device + " ...");
        WorkerProcess.Outcome outcome =
                WorkerProcess.run(request(LabRequest.Stage.TIME, device, work.resolve("time.json"), null), work, out);
        Verdict verdict = Verdict.CORRECT;
        LabFindings findings = outcome.findings();
        if (findings != null) {
            timings.addAll(findings.timings());
            LabReport.table(findings.timings()).forEach(out::println);
            findings.timings().stream().filter(LossTiming::isMissing).forEach(t -> note(t.missingWords()));
            verdict = judge(findings);
            if (findings.error() != null) {
                note("The timing on " + device + " ended early: " + findings.error());
                verdict = verdict.or(Verdict.NOT_BUILT);
            }
        }
        if (!outcome.words().isEmpty()) {
            note("The timing on " + device + " is incomplete: " + outcome.words() + ".");
        }
        return outcome.words().isEmpty() || outcome.timedOut() ? verdict : verdict.or(Verdict.UNSAFE);
    }
}
