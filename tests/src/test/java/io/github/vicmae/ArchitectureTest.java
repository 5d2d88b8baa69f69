package io.github.vicmae;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.Architectures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Who may see whom. */
class ArchitectureTest {
    private static final String ROOT = "io.github.vicmae.";
    private static final Pattern TEXT = Pattern.compile(".*\\.(cu|cuh|cpp|h|cmake|md)");
    private static final Pattern CLASS_NAME = Pattern.compile("io\\.github\\.vicmae(\\.[a-z]+)*\\.[A-Z]\\w*");
    /** The classes that bring the kernels' rooms together. */
    private static final String TOGETHER = "io\\.github\\.vicmae\\.kernel\\.Kernel(s|Suite)(\\$.*)?";

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.github.vicmae");

    @Test
    void packagesSeeOnlyThoseBelowThem() {
        Architectures.layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("io.github.vicmae..")
                .layer("cli")
                .definedBy(ROOT + "cli..")
                .layer("train")
                .definedBy(ROOT + "train..")
                .layer("search")
                .definedBy(ROOT + "search..")
                .layer("embed")
                .definedBy(ROOT + "embed..")
                .layer("eval")
                .definedBy(ROOT + "eval..")
                .layer("report")
                .definedBy(ROOT + "report..")
                .layer("data")
                .definedBy(ROOT + "data..")
                .layer("objective")
                .definedBy(ROOT + "objective..")
                .layer("model")
                .definedBy(ROOT + "model..")
                .layer("settings")
                .definedBy(ROOT + "settings..")
                .layer("loss")
                .definedBy(ROOT + "loss..")
                .layer("lab")
                .definedBy(ROOT + "lab..")
                .layer("optim")
                .definedBy(ROOT + "optim..")
                .layer("layer")
                .definedBy(ROOT + "layer..")
                .layer("kernel")
                .definedBy(ROOT + "kernel..")
                .layer("device")
                .definedBy(ROOT + "device..")
                .layer("io")
                .definedBy(ROOT + "io..")
                .whereLayer("cli")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("train")
                .mayOnlyBeAccessedByLayers("cli")
                .whereLayer("search")
                .mayOnlyBeAccessedByLayers("cli")
                .whereLayer("embed")
                .mayOnlyBeAccessedByLayers("cli", "search")
                .whereLayer("eval")
                .mayOnlyBeAccessedByLayers("cli", "train", "report", "search", "embed")
                .whereLayer("report")
                .mayOnlyBeAccessedByLayers("cli", "train", "lab")
                .whereLayer("lab")
                .mayOnlyBeAccessedByLayers("cli")
                .whereLayer("objective")
                .mayOnlyBeAccessedByLayers("cli", "train", "eval")
                .whereLayer("data")
                .mayOnlyBeAccessedByLayers("cli", "train", "eval", "objective", "search", "embed")
                .whereLayer("model")
                .mayOnlyBeAccessedByLayers("cli", "train", "eval", "objective", "lab", "embed")
                .whereLayer("loss")
                .mayOnlyBeAccessedByLayers("objective", "lab")
                .whereLayer("optim")
                .mayOnlyBeAccessedByLayers("cli", "train", "eval", "objective")
                .whereLayer("layer")
                .mayOnlyBeAccessedByLayers("model", "objective", "loss", "optim", "eval", "train", "lab")
                .whereLayer("settings")
                .mayOnlyBeAccessedByLayers(
                        "cli", "train", "eval", "report", "objective", "data", "model", "optim", "lab")
                .whereLayer("io")
                .mayOnlyBeAccessedByLayers(
                        "cli",
                        "train",
                        "eval",
                        "report",
                        "objective",
                        "data",
                        "model",
                        "lab",
                        "settings",
                        "search",
                        "embed")
                .check(CLASSES);
    }

    @Test
    void kernelsSeeTheDeviceAlone() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + "kernel..")
                .should()
                .dependOnClassesThat(outside("kernel", "device"))
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage(ROOT + "device..")
                .should()
                .dependOnClassesThat(outside("device"))
                .check(CLASSES);
    }

    /** {@code Kernels} and {@code KernelSuite} bring the rooms together; a room sees only the root package, and the root package no room. */
    @Test
    void kernelRoomsAreIndependent() {
        slices().matching(ROOT + "kernel.(*)..").should().notDependOnEachOther().check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage(ROOT + "kernel.*..")
                .should()
                .dependOnClassesThat()
                .haveNameMatching(TOGETHER)
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage(ROOT + "kernel")
                .and()
                .haveNameNotMatching(TOGETHER)
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + "kernel.*..")
                .check(CLASSES);
    }

    @Test
    void devicesDoNotSeeTheSystemReport() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + "device..")
                .and()
                .resideOutsideOfPackage(ROOT + "device.system..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + "device.system..")
                .check(CLASSES);
    }

    /** Tables are made of command lines, whatever stands behind them. */
    @Test
    void tablesDoNotSeeTheCommands() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + "cli.evidence..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + "cli")
                .check(CLASSES);
    }

    /** An interrupted run goes on writing while the JVM shuts down, when ImageIO fails unless it is given a stream of its own. */
    @Test
    void runsEncodePicturesByTheReportAlone() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + "train..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("javax.imageio.ImageIO")
                .check(CLASSES);
    }

    /** Comments in the kernels and the documents name classes by their full names, which a compiler does not check. */
    @Test
    void classesNamedOutsideJavaExist() throws IOException {
        Path root = Path.of("..").toAbsolutePath().normalize();
        assumeTrue(Files.isDirectory(root.resolve("cuda")), "the sources are not here");
        Map<String, Path> named = new TreeMap<>();
        for (String folder : List.of("cuda", "cmake", "docs")) {
            for (Path file : texts(root.resolve(folder))) {
                CLASS_NAME.matcher(Files.readString(file)).results().forEach(name -> named.put(name.group(), file));
            }
        }
        assertTrue(named.size() > 10, named.toString());
        named.keySet().removeIf(name -> isSource(root, name));
        assertEquals(Map.of(), named);
    }

    private static List<Path> texts(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> TEXT.matcher(file.toString()).matches()).toList();
        }
    }

    private static boolean isSource(Path root, String name) {
        String file = name.replace('.', '/') + ".java";
        return Stream.of("java/src/main/java", "spark/src/main/java", "tests/src/test/java")
                .anyMatch(folder -> Files.exists(root.resolve(folder).resolve(file)));
    }

    private static DescribedPredicate<JavaClass> outside(String... packages) {
        return DescribedPredicate.describe("are of vicmae but not in " + String.join(", ", packages), c -> {
            if (!c.getPackageName().startsWith(ROOT)) {
                return false;
            }
            for (String p : packages) {
                if ((c.getPackageName() + ".").startsWith(ROOT + p + ".")) {
                    return false;
                }
            }
            return true;
        });
    }

    /** Batches and their loader stand in {@code data} itself, above all rooms. */
    @Test
    void roomsOfTheDataSeeOnlyThoseBelowThem() {
        Architectures.layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage(ROOT + "data..")
                .layer("batches")
                .definedBy(ROOT + "data")
                .layer("source")
                .definedBy(ROOT + "data.source..")
                .layer("image")
                .definedBy(ROOT + "data.image..")
                .layer("video")
                .definedBy(ROOT + "data.video..")
                .layer("view")
                .definedBy(ROOT + "data.view..")
                .layer("synthetic")
                .definedBy(ROOT + "data.synthetic..")
                .layer("inspect")
                .definedBy(ROOT + "data.inspect..")
                .layer("pack")
                .definedBy(ROOT + "data.pack..")
                .whereLayer("inspect")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("pack")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("batches")
                .mayOnlyBeAccessedByLayers("inspect")
                .whereLayer("synthetic")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("view")
                .mayOnlyBeAccessedByLayers("batches", "inspect", "pack")
                .whereLayer("video")
                .mayOnlyBeAccessedByLayers("batches", "synthetic", "inspect", "pack")
                .whereLayer("image")
                .mayOnlyBeAccessedByLayers("batches", "synthetic", "view", "video", "inspect", "pack")
                .whereLayer("source")
                .mayOnlyBeAccessedByLayers("batches", "synthetic", "view", "video", "image", "inspect", "pack")
                .check(CLASSES);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching(ROOT + "(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void jcudaStaysInTheCudaDevice() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "device.cuda..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jcuda..")
                .check(CLASSES);
    }

    @Test
    void luceneStaysInTheSearchAndParquetInTheEmbeddings() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "search..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.apache.lucene..")
                .check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "embed..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.apache.parquet..")
                .check(CLASSES);
    }

    @Test
    void lwjglStaysInTheDevice() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "device..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.lwjgl..")
                .check(CLASSES);
    }
}
