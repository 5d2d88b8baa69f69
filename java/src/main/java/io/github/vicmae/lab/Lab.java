package io.github.vicmae.lab;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.build.KernelBuild;
import io.github.vicmae.device.cpu.CpuDevice;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.UserLoss;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Tries a contrastive loss of a user's own: builds it, runs it on the emulated device for races and stray accesses, checks its results, and times
 * it beside the built-in losses. Its kernels run in processes of their own only.
 */
public final class Lab {
    private static final int[] PTX_FAMILIES = {80, 90};

    private final LabSettings settings;
    private final PrintWriter out;
    private final List<String> notes = new ArrayList<>();
    private final List<Deviation> deviations = new ArrayList<>();
    private final List<LossTiming> timings = new ArrayList<>();
    private final List<String> devices = new ArrayList<>();
    private Path work;
    private UserLoss loss;

    /**
     * @param out receives what happens, as it happens
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
     * Does it all, and writes the results to a folder.
     *
     * @throws IllegalArgumentException if the file is missing, or what its comments say is wrong
     * @throws IOException if the results cannot be written
     */
    public Verdict run() throws IOException {
        if (settings.like() != null) {
            ContrastiveLosses.named(settings.like());
        }
        loss = UserLoss.read(settings.file());
        Files.createDirectories(settings.out());
        work = Files.createTempDirectory("vicmae-lab-");
        try {
            Verdict verdict = stages();
            LabReport report = new LabReport(settings, loss, verdict, notes, devices, deviations, timings);
            report.write(settings.out());
            out.println();
            out.println("verdict: " + verdict);
            out.println("written: " + settings.out().resolve("index.html") + ", table.md, plot.svg, lab.json");
            return verdict;
        } finally {
            delete(work);
        }
    }

    private static void delete(Path folder) throws IOException {
        List<Path> inside;
        try (Stream<Path> all = Files.walk(folder)) {
            inside = all.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : inside) {
            Files.deleteIfExists(file);
        }
    }

    private Verdict stages() throws IOException {
        String missing = EmulatedDriver.missing();
        if (!isBuilt(missing == null)) {
            return Verdict.NOT_BUILT;
        }
        Verdict safety = missing == null ? safety() : Verdict.UNCHECKED;
        if (missing != null) {
            note("Races and bounds were not looked for: " + missing + ".");
        }
        if (safety != Verdict.CORRECT && safety != Verdict.WRONG && safety != Verdict.UNCHECKED) {
            return safety;
        }
        Verdict results = Verdict.CORRECT;
        for (String device :
                List.of("cpu", settings.device()).stream().distinct().toList()) {
            Verdict found = check(device, missing == null);
            results = found == Verdict.CORRECT ? results : found;
        }
        if (results != Verdict.CORRECT || safety == Verdict.WRONG) {
            return results == Verdict.CORRECT ? safety : results;
        }
        if (!settings.sizes().isEmpty()) {
            for (String device :
                    List.of("cpu", settings.device()).stream().distinct().toList()) {
                time(device);
            }
        }
        return safety;
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
        return new LabRequest(
                stage,
                settings.file().toAbsolutePath().toString(),
                settings.like(),
                settings.forms(),
                device,
                settings.temperature(),
                settings.sizes(),
                settings.width(),
                settings.limitSeconds(),
                results.toString(),
                peer == null ? null : peer.toString());
    }

    private Path safetyResults() {
        return work.resolve("safety.json");
    }

    private Verdict safety() throws IOException {
        out.println("races, bounds and unwritten memory, on the emulated device:");
        WorkerProcess.Outcome outcome =
                WorkerProcess.run(request(LabRequest.Stage.SAFETY, "emulated", safetyResults(), null), work, out);
        LabFindings findings = outcome.findings();
        if (findings == null) {
            note("On the emulated device " + outcome.words() + ".");
            return outcome.timedOut() ? Verdict.UNENDING : Verdict.UNSAFE;
        }
        if (findings.finding() != null) {
            note(findings.finding());
            return Verdict.UNSAFE;
        }
        if (findings.error() != null) {
            note(findings.error());
            return Verdict.NOT_BUILT;
        }
        out.println("  nothing found");
        return judge(findings);
    }

    private Verdict check(String device, boolean peer) throws IOException {
        out.println("results on " + device + ", "
                + (settings.like() == null
                        ? "against differences of the loss itself:"
                        : "against the oracle of " + settings.like() + ":"));
        Path results = work.resolve("check.json");
        WorkerProcess.Outcome outcome = WorkerProcess.run(
                request(LabRequest.Stage.CHECK, device, results, peer ? safetyResults() : null), work, out);
        LabFindings findings = outcome.findings();
        if (findings == null) {
            note("On " + device + " " + outcome.words() + ".");
            return outcome.timedOut() ? Verdict.UNENDING : Verdict.UNSAFE;
        }
        if (findings.error() != null) {
            note(findings.error());
            return Verdict.NOT_BUILT;
        }
        return judge(findings);
    }

    private Verdict judge(LabFindings findings) {
        devices.add(findings.device());
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
            note("The first of " + wrong.size() + " that are wrong: "
                    + wrong.get(0).line().strip());
        }
        return wrong.isEmpty() ? Verdict.CORRECT : Verdict.WRONG;
    }

    private void time(String device) throws IOException {
        out.println("times on " + device + " ...");
        WorkerProcess.Outcome outcome =
                WorkerProcess.run(request(LabRequest.Stage.TIME, device, work.resolve("time.json"), null), work, out);
        if (!outcome.words().isEmpty()) {
            note("The timing on " + device + " is incomplete: " + outcome.words() + ".");
        }
        if (outcome.findings() != null) {
            if (outcome.findings().error() != null) {
                note("The timing on " + device + " failed: "
                        + outcome.findings().error());
            }
            timings.addAll(outcome.findings().timings());
            LabReport.table(outcome.findings().timings()).forEach(out::println);
        }
    }
}
