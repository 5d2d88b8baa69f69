package io.github.vicmae.benchmarks;

import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.report.Plot;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Generates the page of results from the JSON files; the same files give the same page. */
@Command(
        name = "results",
        mixinStandardHelpOptions = true,
        description = {
            "Generate the page of results, benchmarks.md with its plots, from the JSON files in FOLDER/data.",
            "With --check nothing is written: the exit code says whether the page is what the files give."
        })
final class ResultsCommand implements Callable<Integer> {
    private static final String END = ".json";

    @Parameters(paramLabel = "FOLDER", defaultValue = "docs/results", description = "default: ${DEFAULT-VALUE}")
    private Path folder;

    @Option(names = "--check", description = "compare with what is there")
    private boolean check;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter console = spec.commandLine().getOut();
        Path data = folder.resolve("data");
        if (!Files.isDirectory(data)) {
            throw new IllegalArgumentException("There is no folder " + data + " with JSON files; './vicmae jmh --out "
                    + data.resolve("NAME.json") + "' makes one");
        }
        List<Path> files;
        try (Stream<Path> found = Files.list(data)) {
            // By name without extension, or cpu-scaling.json would precede cpu.json.
            files = found.filter(f -> f.toString().endsWith(END))
                    .sorted(Comparator.comparing(ResultsCommand::name))
                    .toList();
        }
        if (!check) {
            AtomicFile.checkWritable(folder.resolve("benchmarks.md"));
        }
        ResultsPage page = new ResultsPage();
        for (Path file : files) {
            page.add(name(file), ResultsFile.read(file));
        }
        List<String> stale = new ArrayList<>();
        put(folder.resolve("benchmarks.md"), page.markdown(), stale);
        for (Map.Entry<String, Plot> plot : page.plots().entrySet()) {
            put(folder.resolve("plots").resolve(plot.getKey()), plot.getValue().svg(), stale);
        }
        if (!stale.isEmpty()) {
            console.println("These are not what the JSON files give: " + String.join(", ", stale)
                    + ". Run './vicmae results " + folder + "' and commit them.");
            return 1;
        }
        console.println(
                check ? "The page is what the JSON files give." : "Results: " + folder.resolve("benchmarks.md"));
        return 0;
    }

    private static String name(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.length() - END.length());
    }

    private void put(Path path, String text, List<String> stale) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        boolean same = Files.exists(path) && java.util.Arrays.equals(Files.readAllBytes(path), bytes);
        if (check && !same) {
            stale.add(path.toString());
        } else if (!check && !same) {
            Files.createDirectories(path.getParent());
            AtomicFile.write(path, bytes);
        }
    }
}
