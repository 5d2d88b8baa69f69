package io.github.vicmae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.github.vicmae.kernel.KernelFixture;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the tests that draw random numbers again and again: {@code ./vicmae test --seeds 2000}. The system property {@code vicmae.test.seeds}
 * holds how many seeds, from 1 on, or the first and last as in {@code 501-1000}; {@code vicmae.test.names} holds parts of class names with
 * commas between, or nothing for all of them.
 */
@EnabledIfSystemProperty(
        named = SeedSweepTest.SEEDS,
        matches = ".+",
        disabledReason = "runs when it is asked for: ./vicmae test --seeds 100")
class SeedSweepTest {
    static final String SEEDS = "vicmae.test.seeds";
    private static final String NAMES = "vicmae.test.names";
    private static final String SEED = "vicmae.test.seed";
    private static final Set<String> DRAWING = Set.of("random", "normal", "seedToRepeat");
    private static final int SHOWN = 5; // failures of a test, with their messages

    private record Seeds(long first, long last) {
        static Seeds parse(String text) {
            String[] ends = text.split("-");
            long last = Long.parseLong(ends[ends.length - 1].strip());
            return new Seeds(ends.length == 1 ? 1 : Long.parseLong(ends[0].strip()), last);
        }
    }

    /** The test classes that draw random numbers, by themselves or through a class of the tests. */
    private static List<Class<?>> seeded(List<String> names) throws ClassNotFoundException {
        JavaClasses all = new ClassFileImporter().importPackages("io.github.vicmae");
        List<Class<?>> found = new ArrayList<>();
        for (JavaClass c : all) {
            boolean named = names.isEmpty() || names.stream().anyMatch(c.getSimpleName()::contains);
            if (c.getSimpleName().endsWith("Test") && named && draws(c, new TreeSet<>())) {
                found.add(Class.forName(c.getName()));
            }
        }
        return found;
    }

    /** A {@link KernelFixture} draws when it is asked to, so tests that only open a device with it are not repeated. */
    private static boolean draws(JavaClass c, Set<String> seen) {
        if (!seen.add(c.getName()) || c.isEquivalentTo(KernelFixture.class) || c.isEquivalentTo(TestSeed.class)) {
            return false;
        }
        return c.getAccessesFromSelf().stream().anyMatch(SeedSweepTest::draws)
                || c.getDirectDependenciesFromSelf().stream()
                        .map(d -> d.getTargetClass().getBaseComponentType())
                        .filter(SeedSweepTest::isOfTheTests)
                        .anyMatch(used -> draws(used, seen));
    }

    private static boolean draws(JavaAccess<?> access) {
        JavaClass owner = access.getTargetOwner();
        return owner.isEquivalentTo(TestSeed.class)
                || owner.isEquivalentTo(KernelFixture.class) && DRAWING.contains(access.getName());
    }

    private static boolean isOfTheTests(JavaClass c) {
        return c.getPackageName().startsWith("io.github.vicmae")
                && c.getSource()
                        .map(s -> s.getUri().getPath().contains("test-classes"))
                        .orElse(false);
    }

    /** What failed: the seeds by test. */
    private static final class Failures implements TestExecutionListener {
        private final Map<String, List<Long>> seeds = new TreeMap<>();
        private long seed;
        private int ran;

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (test.isTest() && result.getStatus() == TestExecutionResult.Status.SUCCESSFUL) {
                ran++;
            }
            if (result.getStatus() != TestExecutionResult.Status.FAILED) {
                return; // passed, or skipped by an assumption
            }
            result.getThrowable().ifPresent(e -> {
                List<Long> of = seeds.computeIfAbsent(test.getUniqueId(), id -> new ArrayList<>());
                of.add(seed);
                if (of.size() <= SHOWN) {
                    System.out.println("seed " + seed + ": " + test.getLegacyReportingName() + " of "
                            + test.getParentId().orElse("") + "\n  " + e.getMessage());
                }
            });
        }
    }

    @Test
    void noSeedFails() throws ClassNotFoundException {
        Seeds seeds = Seeds.parse(System.getProperty(SEEDS));
        String names = System.getProperty(NAMES, "");
        List<Class<?>> classes = seeded(names.isBlank() ? List.of() : List.of(names.split(",")));
        assertFalse(classes.isEmpty(), "no test that draws random numbers has a name that contains " + names);
        LauncherDiscoveryRequestBuilder request = LauncherDiscoveryRequestBuilder.request();
        classes.forEach(c -> request.selectors(selectClass(c)));
        LauncherDiscoveryRequest tests = request.build();
        Launcher launcher = LauncherFactory.create();
        Failures failures = new Failures();
        String before = System.getProperty(SEED);
        long start = System.nanoTime();
        try {
            for (long seed = seeds.first(); seed <= seeds.last(); seed++) {
                System.setProperty(SEED, Long.toString(seed));
                failures.seed = seed;
                launcher.execute(tests, failures);
                System.out.printf(
                        "seed %d of %d-%d: %d tests passed, %d failed, %d s%n",
                        seed,
                        seeds.first(),
                        seeds.last(),
                        failures.ran,
                        failures.seeds.values().stream().mapToInt(List::size).sum(),
                        (System.nanoTime() - start) / 1_000_000_000);
            }
        } finally {
            if (before == null) {
                System.clearProperty(SEED);
            } else {
                System.setProperty(SEED, before);
            }
        }
        assertEquals(Map.of(), failures.seeds, "tests that failed, with their seeds");
    }
}
