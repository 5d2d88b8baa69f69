package io.github.vicmae.lab;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.loss.BuiltInLoss;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.UserLoss;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Runs a user's kernels in a process of its own, so that the lab survives whatever they do. */
public final class LabWorker {
    private static final String EMULATOR_SAYS = "vicmae emulated driver:";
    private static final int GAVE_UP = 124;
    private static final int GRACE_SECONDS = 10;
    private static final long SEED = 29;

    /** Rows, columns, width: two rows, odd sizes, sizes that end within a warp or a chunk, wide rows, and extra columns. */
    private static final int[][] SMALL = {{2, 2, 5}, {6, 6, 3}, {10, 10, 40}, {66, 66, 5}, {6, 11, 4}};

    private static final int[][] LARGE = {
        {2, 2, 5},
        {6, 6, 3},
        {10, 10, 40},
        {34, 34, 33},
        {66, 66, 9},
        {6, 11, 4},
        {14, 14, 520},
        {130, 130, 64},
        {258, 258, 100},
        {66, 131, 31}
    };
    private static final int[][] FOR_DIFFERENCES = {{2, 2, 5}, {6, 6, 5}, {10, 10, 7}, {22, 22, 4}, {6, 11, 4}};
    /** Too large for a difference in each element; these are checked along random directions. */
    private static final int[][] FOR_DIRECTIONS = {
        {34, 34, 33}, {66, 66, 9}, {130, 130, 64}, {258, 258, 100}, {66, 131, 31}
    };
    /** A second temperature is checked as well, as this multiple of the first, to catch a loss that ignores its parameter. */
    private static final float OTHER_TEMPERATURE = 5;

    private final LabRequest request;
    private final LabSettings settings;
    private final UserLoss loss;
    private final BuiltInLoss like;
    private String place = "";

    private LabWorker(LabRequest request) {
        this.request = request;
        settings = request.settings();
        loss = UserLoss.read(settings.file());
        like = settings.like() == null ? null : ContrastiveLosses.named(settings.like());
    }

    /**
     * Runs the stage that a request file describes, and writes the findings to another file.
     *
     * @param args the request's file
     */
    public static void main(String[] args) throws IOException {
        LabRequest request = SettingTree.read(Files.readString(Path.of(args[0])), LabRequest.class);
        endAfter(WorkerProcess.START_SECONDS + request.settings().limitSeconds() + GRACE_SECONDS);
        LabFindings findings;
        try {
            findings = new LabWorker(request).run();
        } catch (DeviceException | IllegalArgumentException e) {
            findings = LabFindings.error(e.getMessage());
        } catch (RuntimeException | IOException | Error e) {
            e.printStackTrace();
            findings = LabFindings.failure(e.toString());
        }
        write(request, findings);
        System.out.flush();
        // halt, not exit: exit handlers of the user's code are not run.
        Runtime.getRuntime().halt(0);
    }

    private static void write(LabRequest request, LabFindings findings) throws IOException {
        AtomicFile.write(request.results(), SettingTree.json(findings).getBytes(StandardCharsets.UTF_8));
    }

    /** Ends this process if the lab was killed and can no longer do it. */
    private static void endAfter(int seconds) {
        Thread guard = new Thread(
                () -> {
                    try {
                        Thread.sleep(1000L * seconds);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    Runtime.getRuntime().halt(GAVE_UP);
                },
                "vicmae-lab-limit");
        guard.setDaemon(true);
        guard.start();
    }

    private LabFindings run() throws IOException {
        return switch (request.stage()) {
            case SAFETY -> safety();
            case CHECK -> check();
            case TIME -> time();
        };
    }

    /** Records and prints the current position, in case the stage gets no further. */
    private void at(String where) {
        place = where;
        System.out.println(WorkerProcess.NOW + where);
    }

    private List<LossProblem> problems(int[][] shapes, float temperature) {
        List<LossProblem> problems = new ArrayList<>();
        for (int[] s : shapes) {
            for (Form form : settings.forms()) {
                boolean symmetric = form == Form.SYMMETRIC;
                boolean fits = s[0] == s[1] || !symmetric && (like == null || like.extraColumns());
                if (fits && (like == null || s[0] >= like.leastRows())) {
                    ContrastiveShape shape =
                            new ContrastiveShape(s[0], s[1], s[2], temperature, symmetric, Precision.FP32);
                    problems.add(LossProblem.random(shape, SEED));
                }
            }
        }
        return problems;
    }

    /** Runs all problems under each schedule; results must not depend on it. */
    private LabFindings safety() {
        List<Deviation> deviations = new ArrayList<>();
        List<LossResult> samples = new ArrayList<>();
        try (Device device = Device.open("emulated")) {
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                for (String schedule : EmulatedDriver.SCHEDULES) {
                    System.out.println("  schedule " + schedule + " ...");
                    EmulatedDriver.load().configure("schedule=" + schedule);
                    underSchedule(new LossCheck(kernels, loss, like, "emulated:" + schedule), deviations, samples);
                }
                stream.synchronize();
            }
        } catch (DeviceException e) {
            int at = e.getMessage().indexOf(EMULATOR_SAYS);
            return at < 0
                    ? LabFindings.error(e.getMessage())
                    : LabFindings.finding(
                            "emulated", e.getMessage().substring(at).stripTrailing() + "\nat " + place);
        }
        return LabFindings.checked(
                "emulated: under the schedules " + String.join(", ", EmulatedDriver.SCHEDULES), deviations, samples);
    }

    private void underSchedule(LossCheck check, List<Deviation> deviations, List<LossResult> samples) {
        List<LossProblem> problems = problems(SMALL, settings.temperature());
        for (int i = 0; i < problems.size(); i++) {
            LossProblem problem = problems.get(i);
            at(check.device() + ", " + problem.words());
            LossResult result = check.run(problem);
            if (like != null) {
                deviations.addAll(check.againstOracle(problem, result));
            }
            if (samples.size() < problems.size()) {
                samples.add(result);
            } else {
                deviations.add(LossCheck.repeated(
                        check.device() + " after another schedule, " + problem.words(), samples.get(i), result));
            }
        }
    }

    private LabFindings check() throws IOException {
        List<Deviation> deviations = new ArrayList<>();
        try (Device device = Device.open(request.device())) {
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                LossCheck check = new LossCheck(kernels, loss, like, request.device());
                deviations.addAll(atTemperature(settings.temperature(), check));
                deviations.addAll(atTemperature(OTHER_TEMPERATURE * settings.temperature(), check));
                if (like == null && request.peer() != null) {
                    deviations.addAll(againstPeer(check));
                }
                stream.synchronize();
            }
            return LabFindings.checked(device.description(), deviations, List.of());
        }
    }

    private List<Deviation> atTemperature(float temperature, LossCheck check) {
        List<Deviation> deviations = new ArrayList<>();
        if (like != null) {
            each(LARGE, temperature, check::againstOracle, deviations);
        } else {
            each(FOR_DIFFERENCES, temperature, check::againstDifferences, deviations);
            each(FOR_DIRECTIONS, temperature, check::alongDirections, deviations);
        }
        return deviations;
    }

    private void each(
            int[][] shapes,
            float temperature,
            Function<LossProblem, List<Deviation>> check,
            List<Deviation> deviations) {
        for (LossProblem problem : problems(shapes, temperature)) {
            at(problem.words());
            deviations.addAll(check.apply(problem));
        }
    }

    /** Compares with the emulated device, which computed the same problems with many threads. */
    private List<Deviation> againstPeer(LossCheck check) throws IOException {
        LabFindings peer = SettingTree.read(Files.readString(request.peer()), LabFindings.class);
        List<Deviation> deviations = new ArrayList<>();
        List<LossProblem> problems = problems(SMALL, settings.temperature());
        for (int i = 0; i < problems.size(); i++) {
            String where = "emulated beside " + request.device() + ", "
                    + problems.get(i).words();
            deviations.addAll(LossCheck.against(
                    where,
                    problems.get(i),
                    check.run(problems.get(i)),
                    peer.samples().get(i)));
        }
        return deviations;
    }

    private LabFindings time() throws IOException {
        List<BuiltInLoss> peers = ContrastiveLosses.all().stream()
                .filter(l -> like == null || l.kind().equals(like.kind()))
                .toList();
        LabFindings found = LabFindings.timed(request.device(), List.of(), List.of());
        try (Device device = Device.open(request.device())) {
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                LossTimer timer = new LossTimer(kernels, loss, peers, like);
                for (int rows : settings.sizes()) {
                    System.out.println("  " + rows + " rows ...");
                    for (Form form : settings.forms()) {
                        at(rows + " rows, " + form.words());
                        timer.time(form, rows, settings.width(), settings.temperature());
                        // Keeps the results so far in case the next size takes too long.
                        found = LabFindings.timed(device.description(), timer.timings(), timer.deviations());
                        write(request, found);
                    }
                }
                stream.synchronize();
            }
            return found;
        } catch (DeviceException | IllegalArgumentException e) {
            return found.brokenOff(e.getMessage());
        }
    }
}
