package io.github.vicmae.cli;

import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.io.onnx.OnnxWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Options for a file of tensors that is written. */
final class TensorFileOptions {
    @Option(
            names = "--precision",
            paramLabel = "float32|float16|bfloat16",
            description = "type of the weights in the file, rounded to nearest (default: the checkpoint's own)")
    private String precision;

    @Option(names = "--force", description = "replace OUT if it is there")
    private boolean force;

    /** The type of floating-point numbers; null for that of what is read. */
    DType type() {
        if (precision == null) {
            return null;
        }
        return switch (precision.toLowerCase(Locale.ROOT)) {
            case "float32", "fp32" -> DType.F32;
            case "float16", "fp16" -> DType.F16;
            case "bfloat16", "bf16" -> DType.BF16;
            default ->
                throw new IllegalArgumentException(
                        "There is no precision '" + precision + "': use float32, float16 or bfloat16");
        };
    }

    private void refuseThere(Path file) throws IOException {
        if (Files.isRegularFile(file) && !force) {
            throw new IOException(file + " is there already; name another file, or replace it with --force");
        }
    }

    /**
     * Checks a file before any work.
     *
     * @return its form
     * @throws IOException if it is there and not to be replaced, or cannot be written
     */
    TensorForm check(Path out) throws IOException {
        TensorForm form = TensorForm.of(out);
        type();
        refuseThere(out);
        if (form == TensorForm.ONNX) { // the tensors of a large model
            refuseThere(out.resolveSibling(out.getFileName() + OnnxWriter.DATA_SUFFIX));
        }
        AtomicFile.checkWritable(out);
        return form;
    }
}
