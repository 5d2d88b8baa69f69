package io.github.vicmae.cli;

import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.report.Comparison;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Several runs in one page. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Show several runs in one page: curves by step, time or samples seen, results, settings that differ.")
final class CompareCommand implements Callable<Integer> {
    @Parameters(
            arity = "1..*",
            paramLabel = "RUN",
            description = "folders that pretrain --out has written, finished or not, of any method")
    private List<Path> runs;

    @Option(
            names = "--out",
            paramLabel = "FILE.html",
            defaultValue = "compare.html",
            description = "the page, one file that opens anywhere (default: ${DEFAULT-VALUE})")
    private Path page;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        AtomicFile.checkWritable(page);
        Comparison comparison = new Comparison(runs, page);
        comparison.write(page);
        comparison.remarks().forEach(remark -> spec.commandLine().getErr().println("warning: " + remark));
        int count = comparison.size();
        spec.commandLine().getOut().println(page + ": " + count + (count == 1 ? " run" : " runs"));
        return comparison.isComplete() ? 0 : Main.FAILED;
    }
}
