package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.build.KernelBuild;
import io.github.vicmae.device.build.SourceLibrary;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A user-supplied contrastive loss in a .cu file, whose comments describe its launches. Reading the file compiles nothing; the kernels are compiled
 * for a device when the loss is created on it. cuda/user_loss.cuh documents their parameters.
 */
public final class UserLoss implements LossDefinition {
    /** The parameters of every kernel, LOSS_PARAMETERS in cuda/user_loss.cuh. */
    private static final String SIGNATURE = "pppppppppiiif";

    private static final int MOST_BLOCKS = Integer.MAX_VALUE;
    /** The most shared memory that a block has on any card, in bytes; cards with less refuse the launch. */
    private static final int MOST_SHARED = 227 << 10;

    private final SourceLibrary library;
    private final LossSource source;

    private UserLoss(SourceLibrary library) {
        this.library = library;
        source = new LossSource(library);
    }

    /** Whether the name of a loss is a file name. */
    public static boolean isFile(String name) {
        return name.endsWith(".cu");
    }

    /**
     * @throws IllegalArgumentException if the file's name is not that of a loss
     */
    public static void requireFile(Path file) {
        if (!isFile(file.toString())) {
            throw new IllegalArgumentException("A loss is a file that ends in .cu, not " + file);
        }
    }

    /**
     * Reads a loss.
     *
     * @throws IllegalArgumentException if the file does not end in .cu or cannot be read, or if its comments are wrong, with the line
     */
    public static UserLoss read(Path file) {
        requireFile(file);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(
                    "There is no file " + file + "; 'lab --new " + file + "' writes an example of a loss");
        }
        try {
            return new UserLoss(SourceLibrary.read(file, KernelBuild.usual()));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    file + " cannot be read as a UTF-8 text: " + e.getMessage() + "; name another file", e);
        }
    }

    @Override
    public String name() {
        return library.name();
    }

    @Override
    public String description() {
        return "The loss in " + library.file() + ".";
    }

    /** SHA-256 of the source and of what it includes. */
    public String hash() {
        return library.hash();
    }

    /** The largest dynamic shared memory of its blocks, in bytes. */
    public long shared(ContrastiveShape shape) {
        long most = 0;
        for (List<LossSource.Launch> launches : List.of(source.forward(), source.backward())) {
            for (LossSource.Launch l : launches) {
                most = Math.max(most, shared(l, shape));
            }
        }
        return most;
    }

    private int shared(LossSource.Launch l, ContrastiveShape shape) {
        return source.size(l.line(), "shared", l.shared(), shape, 0, MOST_SHARED);
    }

    /** The source as a library of kernels. */
    public SourceLibrary library() {
        return library;
    }

    @Override
    public ContrastiveLoss create(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        return new OnDevice(kernels.stream(), arena, shape);
    }

    /** A launch for one shape. */
    private record Launch(Kernel kernel, int blocks, int threads, int shared) {}

    /** The loss for one shape on one stream. */
    private final class OnDevice implements ContrastiveLoss {
        private final Stream stream;
        private final ContrastiveShape shape;
        private final Tensor positive;
        private final Tensor excluded;
        /** Not shared, since the backward pass reads what the forward pass left there. Null if it needs none. */
        private final Tensor scratch;

        private final List<Launch> forward;
        private final List<Launch> backward;
        private Tensor rows;
        private Tensor columns;

        OnDevice(Stream stream, Arena arena, ContrastiveShape shape) {
            this.stream = stream;
            this.shape = shape;
            int floats = source.scratch(shape);
            positive = arena.tensor("positive", DType.I32, shape.rows());
            excluded = arena.tensor("excluded", DType.I32, shape.rows());
            scratch = floats == 0 ? null : arena.floats(Scratch.NAME, floats);
            forward = launches(source.forward());
            backward = launches(source.backward());
        }

        private List<Launch> launches(List<LossSource.Launch> all) {
            return all.stream()
                    .map(l -> new Launch(
                            stream.device().libraryKernel(library, l.kernel(), SIGNATURE),
                            source.size(l.line(), "blocks", l.blocks(), shape, 1, MOST_BLOCKS),
                            source.size(l.line(), "threads", l.threads(), shape, 1, LossSource.MOST_THREADS),
                            shared(l, shape)))
                    .toList();
        }

        @Override
        public void prepare(Stream on) {
            on.write(positive, shape.positives());
            on.write(excluded, shape.own());
        }

        @Override
        public void forward(Tensor loss, Tensor x, Tensor z) {
            rows = x;
            columns = shape.symmetric() ? x : z;
            for (int i = 0; i < forward.size(); i++) {
                launch(forward.get(i), loss, null, null, null);
            }
        }

        @Override
        public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
            if (rows == null) {
                throw new IllegalStateException(
                        "The loss " + name() + " has its backward pass called before its forward pass");
            }
            for (int i = 0; i < backward.size(); i++) {
                launch(backward.get(i), null, drows, shape.symmetric() ? null : dcolumns, weight);
            }
        }

        private void launch(Launch l, Tensor loss, Tensor drows, Tensor dcolumns, Tensor weight) {
            stream.begin(l.kernel).argOrNull(loss).argOrNull(drows).argOrNull(dcolumns);
            stream.arg(rows).arg(columns).arg(positive).arg(excluded);
            stream.argOrNull(weight).argOrNull(scratch);
            stream.arg(shape.rows()).arg(shape.columns()).arg(shape.width()).arg(shape.temperature());
            stream.launch(l.blocks, 1, 1, l.threads, l.shared);
        }
    }
}
