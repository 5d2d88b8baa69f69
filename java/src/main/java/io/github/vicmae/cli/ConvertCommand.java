package io.github.vicmae.cli;

import io.github.vicmae.eval.EncoderExport;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.RetypedSource;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.io.TensorWriter;
import io.github.vicmae.model.EncoderNames;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Brings a file of tensors into another form. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = {
            "Bring a checkpoint into another form: every tensor under its name, with its bytes.",
            "The extension of OUT tells the form: .safetensors, .pth (or .pt), or .onnx, which holds the encoder alone."
        },
        footer = {
            "%nExamples:",
            "  vicmae convert mae_pretrain_vit_base.pth mae.safetensors",
            "  vicmae convert encoder.onnx encoder.pth",
            "%ndocs/export.md says what each form can hold."
        })
final class ConvertCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "IN",
            description = "checkpoint: .safetensors, .pth, or an .onnx that 'export' or 'convert' wrote")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "FILE.safetensors, FILE.pth (or .pt) or FILE.onnx")
    private Path out;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "to .onnx: attention heads of a published encoder of no standard width")
    private int heads;

    @Mixin
    private TensorFileOptions file;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        TensorForm form = file.check(out);
        DType type = file.type();
        if (Files.isDirectory(in)) {
            throw new IOException(in + " is a folder; give one of its files, or take 'export' for a run");
        }
        return UnfinishedFiles.removedOnInterrupt(() -> write(form, type, err));
    }

    private int write(TensorForm form, DType type, PrintWriter err) throws IOException {
        if (form == TensorForm.ONNX) {
            try (EncoderExport encoder = EncoderExport.open(in, heads, 0)) {
                encoder.write(out, form, type, EncoderNames.VICMAE, null, Map.of("producer", Run.version(spec)));
                encoder.leftOut().forEach(name -> err.println("note: left out: " + name));
            }
            return 0;
        }
        try (TensorSource source = TensorSource.open(in)) {
            TensorSource typed = type == null ? source : new RetypedSource(source, type);
            TensorWriter writer = form.writer();
            source.metadata().forEach(writer::metadata);
            for (String name : source.names()) {
                TensorInfo info = typed.info(name);
                writer.add(name, info.dtype(), info.shape(), (offset, chunk) -> typed.read(name, offset, chunk));
            }
            writer.write(out);
            source.passedOver().forEach((name, what) -> err.println("note: left out: " + name + ", " + what));
            err.println(source.names().size() + " tensors written to " + out);
        }
        return 0;
    }
}
