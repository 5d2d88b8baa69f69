package io.github.vicmae.cli;

import io.github.vicmae.eval.EncoderExport;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.EncoderNames;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes the encoder of a checkpoint for other programs. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = {
            "Write the encoder of a checkpoint for other programs, without decoder, heads and optimizer.",
            "The extension of OUT tells the form:",
            "  .onnx         graph of images [batch, C, H, W] to 'features' [batch, D] and 'tokens' [batch, T, D]",
            "  .pth          dictionary of tensors, for torch.load and load_state_dict(strict=True)",
            "  .safetensors  the same tensors, and our settings"
        },
        footer = {
            "%nExamples:",
            "  vicmae export run encoder.onnx",
            "  vicmae export dinov2_vits14_pretrain.pth dinov2.onnx --image 224 --pooling cls",
            "  vicmae export run encoder.pth --names timm --precision bfloat16",
            "%ndocs/export.md describes inputs, outputs, names and metadata."
        })
final class ExportCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder")
    private Path model;

    @Parameters(index = "1", paramLabel = "OUT", description = "FILE.onnx, FILE.pth (or .pt) or FILE.safetensors")
    private Path out;

    @Option(
            names = "--names",
            paramLabel = "published|timm|vicmae",
            description =
                    "names of the tensors in .pth and .safetensors: the method's authors', those of timm's VisionTransformer"
                            + " for images, or ours (default: published in .pth, ours in .safetensors; the three differ for"
                            + " ST-MAE and OmniMAE)")
    private String names;

    @Option(
            names = "--pooling",
            paramLabel = "mean|max|gem|cls",
            description = "how the tokens become 'features' in .onnx (default: the model's)")
    private String pooling;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    @Option(
            names = "--image",
            paramLabel = "PIXELS",
            defaultValue = "0",
            description =
                    "side of the images that the encoder will be given, a multiple of its patch: positions are interpolated"
                            + " (default: that of training)")
    private int image;

    @Mixin
    private TensorFileOptions file;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        TensorForm form = file.check(out);
        Pooling how = pooling == null ? null : Pooling.of(pooling);
        if (how != null && form != TensorForm.ONNX) {
            throw new IllegalArgumentException("--pooling is part of an ONNX graph; " + out + " holds tensors alone");
        }
        if (names != null && form == TensorForm.ONNX) {
            throw new IllegalArgumentException("--names is for .pth and .safetensors; an ONNX graph has its own names");
        }
        EncoderNames named = names != null
                ? EncoderNames.of(names)
                : form == TensorForm.PYTORCH ? EncoderNames.PUBLISHED : EncoderNames.VICMAE;
        return UnfinishedFiles.removedOnInterrupt(() -> write(form, how, named, err));
    }

    private int write(TensorForm form, Pooling how, EncoderNames named, PrintWriter err) throws IOException {
        try (EncoderExport encoder = EncoderExport.open(RunFolder.weights(model), heads, image)) {
            List<Path> written =
                    encoder.write(out, form, file.type(), named, how, Map.of("producer", Run.version(spec)));
            if (!encoder.leftOut().isEmpty()) {
                err.println("note: left out of " + model + ": " + String.join(", ", encoder.leftOut()));
            }
            for (Path path : written) {
                err.println(path + ": " + (Files.size(path) >> 10) + " KiB");
            }
        }
        return 0;
    }
}
