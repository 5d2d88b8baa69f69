package io.github.vicmae.io;

import java.nio.file.Path;
import java.util.Locale;

/** The forms in which tensors are written, by a file's extension. */
public enum TensorForm {
    /** {@code .safetensors} */
    SAFETENSORS,
    /** {@code .pth} or {@code .pt}, for {@code torch.load} */
    PYTORCH,
    /** {@code .onnx} */
    ONNX;

    /**
     * @throws IllegalArgumentException if the file's extension is none of these
     */
    public static TensorForm of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        if (name.endsWith(".safetensors")) {
            return SAFETENSORS;
        }
        if (name.endsWith(".pth") || name.endsWith(".pt")) {
            return PYTORCH;
        }
        if (name.endsWith(".onnx")) {
            return ONNX;
        }
        throw new IllegalArgumentException(
                file
                        + ": the extension tells the form, and it must be .onnx, .pth (or .pt) or .safetensors; name the file so");
    }

    /**
     * Starts a file of named tensors.
     *
     * @throws IllegalArgumentException for ONNX, which holds a graph
     */
    public TensorWriter writer() {
        return switch (this) {
            case SAFETENSORS -> new SafetensorsWriter().metadata("format", "pt");
            case PYTORCH -> new PyTorchWriter();
            case ONNX -> throw new IllegalArgumentException("An ONNX file holds a graph, not only tensors");
        };
    }
}
