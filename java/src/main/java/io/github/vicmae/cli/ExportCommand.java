package io.github.vicmae.cli;

import io.github.vicmae.eval.EncoderExport;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.DType;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes the encoder of a checkpoint for other programs. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Write the encoder of a checkpoint for other programs: ONNX.")
final class ExportCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder")
    private Path model;

    @Parameters(index = "1", paramLabel = "OUT", description = "FILE.onnx")
    private Path out;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        AtomicFile.checkWritable(out); // before any work
        try (EncoderExport encoder = EncoderExport.open(RunFolder.weights(model), heads)) {
            encoder.writeOnnx(out, DType.F32, Map.of("producer", Run.version(spec)));
            err.println("left out: " + encoder.leftOut());
        }
        return 0;
    }
}
