package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.NativeFiles;
import io.github.vicmae.device.cuda.RequestedKernels.Request;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kernel that Java asks for against the PTX of this build, with no GPU: the names, the parameters, and none that nobody asks for. */
class PtxSignaturesTest {
    private static final String FOLDER = "/io/github/vicmae/kernels/ptx/";

    @Test
    void allClassesThatAskForKernelsAreLookedAt() {
        Set<String> callers = new ClassFileImporter()
                        .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                        .importPackages("io.github.vicmae")
                        .stream()
                        .filter(c -> c.getMethodCallsFromSelf().stream()
                                .anyMatch(call -> call.getName().equals("kernel")
                                        && call.getTargetOwner().isAssignableTo(Device.class)))
                        .map(c -> c.getName())
                        .collect(Collectors.toCollection(TreeSet::new));
        assertFalse(callers.isEmpty());
        RequestedKernels cuda = RequestedKernels.of(Device.Kind.CUDA);
        RequestedKernels cpu = RequestedKernels.of(Device.Kind.CPU);
        Set<String> classes = new TreeSet<>(cuda.classes());
        classes.addAll(cpu.classes());
        assertEquals(callers, classes, "a class asks for kernels, but is not part of kernel.Kernels");
        assertEquals(
                forEveryDevice(cuda.requests()),
                forEveryDevice(cpu.requests()),
                "kernels that are neither for tensor cores nor for the CPU's library depend on the kind of device");
    }

    /** Without the modules that only a card runs (tensor cores), and those that only the CPU does, beside its library for products. */
    private static Set<Request> forEveryDevice(Set<Request> requests) {
        return requests.stream()
                .filter(r -> !r.module().contains("_mma") && !r.module().endsWith("_panel"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @ParameterizedTest
    @ValueSource(strings = {"compute_80", "compute_90"})
    void javaAndPtxAgree(String family) throws IOException, URISyntaxException {
        Map<String, PtxModule> modules = modules(family);
        Set<String> complaints = new TreeSet<>();
        Map<String, Set<String>> unused = new TreeMap<>();
        modules.forEach((name, module) -> unused.put(name, new TreeSet<>(module.names())));
        for (Request request : RequestedKernels.of(Device.Kind.CUDA).requests()) {
            PtxModule module = modules.get(request.module());
            if (module == null) {
                complaints.add("There is no module " + request.module() + ".ptx for " + request);
                continue;
            }
            try {
                module.check(request.name(), request.signature());
            } catch (DeviceException e) {
                complaints.add(e.getMessage());
            }
            unused.get(request.module()).remove(request.name());
        }
        unused.forEach((module, names) -> names.forEach(name -> complaints.add("Nothing in Java asks for " + name
                + " in " + module + ".ptx; if the source is gone, 'mvn clean' removes it from the build")));
        assertTrue(complaints.isEmpty(), () -> family + ":\n" + String.join("\n", complaints));
    }

    /** The modules of one folder, by name; the calling test is skipped if the build has no PTX at all. */
    private static Map<String, PtxModule> modules(String family) throws IOException, URISyntaxException {
        URL anyModule = NativeFiles.class.getResource(FOLDER + "compute_80/layer_norm.ptx");
        assumeTrue(anyModule != null, "this build has no CUDA modules: nvcc was not found when it was made");
        URL module = NativeFiles.class.getResource(FOLDER + family + "/layer_norm.ptx");
        assertNotNull(module, "the build has PTX for compute_80, but not for " + family);
        URI uri = module.toURI();
        if (!uri.getScheme().equals("jar")) {
            return read(Path.of(uri).getParent());
        }
        try (FileSystem jar = FileSystems.newFileSystem(uri, Map.of())) {
            return read(jar.getPath(FOLDER + family));
        }
    }

    private static Map<String, PtxModule> read(Path folder) throws IOException {
        List<Path> files;
        try (java.util.stream.Stream<Path> all = Files.list(folder)) {
            files = all.filter(file -> file.toString().endsWith(".ptx")).toList();
        }
        Map<String, PtxModule> modules = new TreeMap<>();
        for (Path file : files) {
            String name = file.getFileName().toString();
            String text = Files.readString(file, StandardCharsets.ISO_8859_1);
            modules.put(name.substring(0, name.length() - ".ptx".length()), PtxModule.parse(name, text));
        }
        return modules;
    }
}
