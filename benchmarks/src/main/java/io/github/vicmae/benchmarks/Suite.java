package io.github.vicmae.benchmarks;

import static io.github.vicmae.benchmarks.Implementation.CUBLAS;
import static io.github.vicmae.benchmarks.Implementation.CUDNN;
import static io.github.vicmae.benchmarks.Implementation.DJL;
import static io.github.vicmae.benchmarks.Implementation.ONNX;
import static io.github.vicmae.benchmarks.Implementation.UNFUSED;
import static io.github.vicmae.benchmarks.Implementation.VICMAE;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.cuda.CudaProbe;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Which benchmarks there are, with the shapes for each purpose. */
final class Suite {
    /** What a run is for. */
    enum Size {
        /** To see that everything runs. */
        TINY,
        /** ViT-B/16 with 4 pairs a step, and the 64-pixel model with 32. */
        CPU,
        /** ViT-B/16 with 256 pairs a step. */
        CARD
    }

    /**
     * A benchmark.
     *
     * @param type its class
     * @param who can do it
     * @param bf16 whether it comes in bfloat16
     * @param passes the values of its parameter pass; empty if it has none
     * @param notInTorch passes that libtorch cannot do alone
     * @param tiny shapes
     * @param cpu shapes
     * @param card shapes
     */
    record Entry(
            Class<? extends KernelBenchmark> type,
            List<Implementation> who,
            boolean bf16,
            List<String> passes,
            Set<String> notInTorch,
            List<String> tiny,
            List<String> cpu,
            List<String> card) {
        String name() {
            return type.getSimpleName();
        }

        List<String> precisions() {
            return bf16 ? List.of("fp32", "bf16") : List.of("fp32");
        }

        /** Its values of the parameter precision, implementation or pass. */
        List<String> values(String parameter) {
            return switch (parameter) {
                case "precision" -> precisions();
                case "implementation" ->
                    who.stream().map(Implementation::toString).toList();
                default -> passes;
            };
        }

        /**
         * Checks a shape's form.
         *
         * @throws IllegalArgumentException if it has other sizes than this benchmark's, or the step's model cannot be
         */
        void check(String shape) {
            try {
                if (type == TrainingStep.class || type == FeatureExtraction.class || type == ImageEncoder.class) {
                    TrainingStep.config(shape);
                } else {
                    KernelBenchmark.sizes(shape, tiny.get(0).split("x").length);
                }
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        name() + " cannot have the shape '" + shape + "': " + e.getMessage(), e);
            }
        }

        List<String> shapes(Size size) {
            return switch (size) {
                case TINY -> tiny;
                case CPU -> cpu;
                case CARD -> card;
            };
        }
    }

    private static final List<String> BOTH_WAYS = List.of("forward", "backward", "both");
    private static final Set<String> BACKWARD = Set.of("backward");

    /** Every kernel, and the whole step. */
    static final List<Entry> KERNELS = List.of(
            new Entry(
                    MatrixProduct.class,
                    List.of(VICMAE, UNFUSED, CUBLAS, DJL),
                    true,
                    BOTH_WAYS,
                    BACKWARD,
                    List.of("20x16x24"),
                    List.of("400x768x3072", "1088x192x768"),
                    List.of("25600x768x3072", "50432x512x2048")),
            new Entry(
                    Attention.class,
                    List.of(VICMAE, DJL),
                    true,
                    BOTH_WAYS,
                    BACKWARD,
                    List.of("2x5x2x16"),
                    List.of("8x50x12x64", "8x197x16x32", "64x17x3x64", "64x65x3x32"),
                    List.of("512x50x12x64", "512x99x12x64", "512x197x12x64", "512x197x16x32")),
            new Entry(
                    LayerNorm.class,
                    List.of(VICMAE, DJL),
                    true,
                    BOTH_WAYS,
                    BACKWARD,
                    List.of("10x12"),
                    List.of("1576x768", "4160x192"),
                    List.of("25600x768", "25600x1024", "100864x512")),
            new Entry(
                    Pointwise.class,
                    List.of(VICMAE, DJL),
                    true,
                    List.of("bias", "bias-residual", "bias-gelu", "gelu-backward", "column-sum", "to-bf16", "to-float"),
                    Set.of("gelu-backward", "to-bf16", "to-float"),
                    List.of("5x12"),
                    List.of("400x3072", "1088x768"),
                    List.of("25600x3072")),
            new Entry(
                    PatchEmbedding.class,
                    List.of(VICMAE, DJL),
                    true,
                    List.of("forward", "backward"),
                    BACKWARD,
                    List.of("2x8x4x2x12"),
                    List.of("8x224x16x49x768", "64x64x8x16x192"),
                    List.of("512x224x16x49x768")),
            new Entry(
                    DecoderTokens.class,
                    List.of(VICMAE),
                    true,
                    List.of("forward", "backward"),
                    Set.of(),
                    List.of("2x6x2x8"),
                    List.of("8x196x49x512", "64x64x16x96"),
                    List.of("512x196x49x512")),
            new Entry(
                    Pooling.class,
                    List.of(VICMAE, DJL),
                    false,
                    List.of("mean", "max", "gem", "mean-backward", "max-backward", "gem-backward"),
                    Set.of("mean-backward", "max-backward", "gem-backward"),
                    List.of("3x5x8"),
                    List.of("64x50x768", "64x17x192"),
                    List.of("512x50x768")),
            new Entry(
                    BatchNorm.class,
                    List.of(VICMAE, CUDNN, DJL),
                    false,
                    BOTH_WAYS,
                    BACKWARD,
                    List.of("6x10"),
                    List.of("256x4096", "32x512"),
                    List.of("256x4096")),
            new Entry(
                    MaskedMse.class,
                    List.of(VICMAE, DJL),
                    true,
                    List.of(),
                    Set.of(),
                    List.of("4x8x4x2"),
                    List.of("8x224x16x49", "64x64x8x16"),
                    List.of("512x224x16x49")),
            new Entry(
                    InfoNce.class,
                    List.of(VICMAE, UNFUSED, DJL),
                    true,
                    List.of("forward", "both"),
                    Set.of(),
                    List.of("12x10"),
                    List.of("1024x128", "8192x128"),
                    List.of("1024x128", "8192x128", "65536x128")),
            new Entry(
                    InfoNceTwoSided.class,
                    List.of(VICMAE, UNFUSED, DJL),
                    true,
                    List.of("forward", "both"),
                    Set.of(),
                    List.of("12x14x10"),
                    List.of("1024x1024x128"),
                    List.of("1024x1024x128", "4096x4096x128")),
            new Entry(
                    VicReg.class,
                    List.of(VICMAE, DJL),
                    false,
                    List.of("forward", "both"),
                    Set.of(),
                    List.of("12x10"),
                    List.of("1024x128", "256x512"),
                    List.of("1024x128", "256x2048")),
            new Entry(
                    SimSiam.class,
                    List.of(VICMAE, DJL),
                    false,
                    List.of("forward", "both"),
                    Set.of(),
                    List.of("12x10"),
                    List.of("8192x128"),
                    List.of("8192x128")),
            new Entry(
                    AdamW.class,
                    List.of(VICMAE),
                    true,
                    List.of(),
                    Set.of(),
                    List.of("1000"),
                    List.of("20000000"),
                    List.of("100000000")),
            new Entry(
                    GradientNorm.class,
                    List.of(VICMAE),
                    false,
                    List.of(),
                    Set.of(),
                    List.of("1000"),
                    List.of("20000000"),
                    List.of("100000000")),
            new Entry(
                    Masking.class,
                    List.of(VICMAE),
                    false,
                    List.of(),
                    Set.of(),
                    List.of("2x9x4"),
                    List.of("64x196x49", "512x64x16"),
                    List.of("512x196x49")),
            new Entry(
                    Views.class,
                    List.of(VICMAE),
                    false,
                    List.of("host", "device"),
                    Set.of(),
                    List.of("40x30x2"),
                    List.of("340x256x32", "500x375x32"),
                    List.of("340x256x256", "500x375x256")),
            new Entry(
                    DataStages.class,
                    List.of(VICMAE),
                    false,
                    List.of(
                            "videos-read",
                            "videos-decode",
                            "videos-views",
                            "videos-loader",
                            "shards-read",
                            "shards-decode",
                            "shards-views",
                            "shards-loader",
                            "images-read",
                            "images-decode",
                            "images-views",
                            "images-loader"),
                    Set.of(),
                    List.of("2x2x32x16"),
                    List.of("1x32x256x224", "2x32x256x224"),
                    List.of("1x32x256x224", "8x32x256x224")),
            new Entry(
                    ImageEncoder.class,
                    List.of(VICMAE, ONNX, DJL),
                    true,
                    List.of(),
                    Set.of(),
                    List.of("ti8:2:depth=1:decoderDepth=1:headHidden=16:image=16:dim=24:decoderDim=12"),
                    List.of("ti8:1", "ti8:32", "b16:1", "b16:32"),
                    List.of("ti8:256", "b16:1", "b16:256")),
            new Entry(
                    FeatureExtraction.class,
                    List.of(VICMAE),
                    false,
                    List.of("images", "images-encoder", "videos", "videos-encoder"),
                    Set.of(),
                    List.of("ti8:2:depth=1:decoderDepth=1:headHidden=16:image=16:dim=24:decoderDim=12"),
                    List.of("ti8:512", "b16:32"),
                    List.of("ti8:4096", "b16:1024")),
            new Entry(
                    TrainingStep.class,
                    List.of(VICMAE, DJL),
                    true,
                    List.of("passes", "step"),
                    Set.of("step"),
                    List.of(
                            "ti8:2:depth=1:decoderDepth=1:headHidden=16:image=16:dim=24:decoderDim=12",
                            "ti8:2:method=mae:depth=1:decoderDepth=1:image=16:dim=24:decoderDim=12",
                            "ti8:2:method=st-mae:depth=1:decoderDepth=1:image=16:dim=24:decoderDim=12:repeat=2",
                            "ti8:2:method=omnimae:depth=1:decoderDepth=1:image=16:dim=24:decoderDim=12:repeat=1"),
                    List.of(
                            "ti8:32",
                            "b16:4",
                            "b16:8:method=mae",
                            "ti8:8:method=st-mae:frames=8:targetFrames=4:repeat=1",
                            "ti8:8:method=omnimae:frames=8:repeat=1"),
                    List.of("b16:256", "b16:256:method=mae", "b16:16:method=st-mae", "b16:16:method=omnimae")));

    /** The loss, the step and the loader as the work grows. */
    static final List<Entry> SCALING = List.of(
            new Entry(
                    InfoNce.class,
                    List.of(VICMAE, UNFUSED, DJL),
                    false,
                    List.of("both"),
                    Set.of(),
                    List.of("8x16", "16x16"),
                    rows(65536),
                    rows(262144)),
            new Entry(
                    TrainingStep.class,
                    List.of(VICMAE, DJL),
                    false,
                    List.of("passes"),
                    Set.of(),
                    List.of("ti8:2:depth=1:decoderDepth=1:headHidden=16:image=16:dim=24:decoderDim=12"),
                    List.of(
                            "ti8:4",
                            "ti8:8",
                            "ti8:16",
                            "ti8:32",
                            "ti8:64", // samples
                            "ti8:8:image=32",
                            "ti8:8:image=96",
                            "ti8:8:image=128", // tokens: 17, 145, 257, and 65 above
                            "ti8:8:depth=3",
                            "ti8:8:depth=6",
                            "ti8:8:depth=24"), // depth, 12 above
                    List.of(
                            "b16:32",
                            "b16:64",
                            "b16:128",
                            "b16:256",
                            "b16:512",
                            "b16:64:image=112",
                            "b16:64:image=336",
                            "b16:64:depth=6",
                            "b16:64:depth=24")),
            new Entry(
                    Loader.class,
                    List.of(VICMAE),
                    false,
                    List.of(),
                    Set.of(),
                    List.of("1x2x16", "2x2x16"),
                    List.of("1x32x64", "2x32x64", "3x32x64", "4x32x64"),
                    List.of("1x256x224", "2x256x224", "4x256x224", "8x256x224", "16x256x224")));

    private Suite() {}

    /** Doubled until the materialised form finds no memory on a large machine of the kind: its two matrices take 8 bytes a pair of rows. */
    private static List<String> rows(int most) {
        return IntStream.iterate(256, rows -> rows <= most, rows -> 2 * rows)
                .mapToObj(rows -> rows + "x128")
                .toList();
    }

    /** Why an implementation cannot do a row here, or null if it can. */
    static String reason(Entry entry, Implementation who, String device, String precision, String shape) {
        boolean cpu = device.equals("cpu")
                || device.equals("auto") && !CudaProbe.probe().isUsable();
        return switch (who) {
            case VICMAE -> null;
            case UNFUSED ->
                precision.equals("bf16") && (entry.type() == InfoNce.class || entry.type() == InfoNceTwoSided.class)
                        ? "the materialised form is one of floats"
                        : null;
            case CUBLAS -> {
                try (Device opened = Device.open(device)) {
                    yield withoutCublas(opened);
                }
            }
            case CUDNN -> cpu ? "cuDNN works on a card, and this is the CPU" : CudnnBatchNorm.missing();
            case ONNX -> {
                if (!cpu) {
                    yield "ONNX Runtime's library here is the one for the CPU";
                }
                yield precision.equals("fp32") ? withoutOnnxRuntime() : "ONNX Runtime computes in fp32 on the CPU";
            }
            case DJL -> {
                if (!cpu) {
                    yield "DJL's native library here is the one for the CPU; benchmarks/peers/torch_step.py measures PyTorch on cards";
                }
                if (!precision.equals("fp32")) {
                    yield "libtorch is measured in fp32: DJL does not make bfloat16 tensors from Java";
                }
                String missing = TorchWorkload.missing();
                if (missing != null) {
                    yield missing;
                }
                yield entry.type() == TrainingStep.class || entry.type() == ImageEncoder.class
                        ? TorchScript.missing()
                        : entry.type() == InfoNce.class ? InfoNce.tooLargeForTorch(shape) : null;
            }
        };
    }

    /** Asked by name: the archives leave ONNX Runtime out. */
    private static String withoutOnnxRuntime() {
        try {
            Class.forName("ai.onnxruntime.OrtEnvironment")
                    .getMethod("getEnvironment")
                    .invoke(null);
            return null;
        } catch (ReflectiveOperationException | LinkageError e) {
            return "ONNX Runtime could not be loaded (com.microsoft.onnxruntime:onnxruntime is not on the class path, or"
                    + " not for this system)";
        }
    }

    static String withoutCublas(Device device) {
        return device.kind() == Device.Kind.CPU
                ? "cuBLAS works on a card, and this is the CPU"
                : device.missingCublas();
    }
}
