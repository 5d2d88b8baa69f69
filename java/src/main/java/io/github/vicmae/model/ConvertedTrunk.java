package io.github.vicmae.model;

import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.PatchGrid;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * A checkpoint's encoder in the shape of another one: for images of another size, for clips from an encoder of images, and the other way around.
 *
 * <ul>
 *   <li>The patch weight of images is repeated over the frames of a patch and divided by their number; that of clips is added up over its frames for
 *       images. Either way a picture that does not move gets the same embedding.
 *   <li>Positions are interpolated in space, see {@link Interpolation}. Those in time are interpolated linearly; for images, learned ones are
 *       averaged, and of OmniMAE's table the first frame's are taken. {@code pos_embed_temporal} begins at zero where there was none.
 *   <li>Other tensors are as they are, or left out.
 * </ul>
 */
public final class ConvertedTrunk extends FilteredSource {
    private static final String PATCH_WEIGHT = "patch_embed.proj.weight";
    private static final String POSITIONS = "pos_embed";
    private static final String CLASS = POSITIONS + "_class";
    private static final String SPATIAL = POSITIONS + "_spatial";
    private static final String TEMPORAL = POSITIONS + "_temporal";

    private final TrunkConfig from;
    private final TrunkConfig to;
    private final Predicate<String> omitted;
    private final Interpolation interpolation;
    private final Map<String, Converted> converted = new LinkedHashMap<>();

    private record Converted(long[] shape, float[] values) {}

    private ConvertedTrunk(TensorSource source, TrunkConfig from, TrunkConfig to, Predicate<String> omitted)
            throws IOException {
        super(source);
        interpolation = Interpolation.of(source);
        this.from = from;
        this.to = to;
        this.omitted = omitted;
    }

    /**
     * @param file whose encoder is {@code from}, under the published names or those of a wrapper
     * @param omitted says of a tensor's name whether it is left out
     * @throws IOException if tensors are missing, or one encoder cannot be made of the other
     */
    public static TensorSource of(TensorSource file, TrunkConfig from, TrunkConfig to, Predicate<String> omitted)
            throws IOException {
        if (from.dim() != to.dim()) {
            throw new MisfitException(file.path() + " holds an encoder of width " + from.dim()
                    + ", and this model's is " + to.dim() + " wide");
        }
        TensorSource source = StateDict.of(file);
        ConvertedTrunk result = new ConvertedTrunk(source, from, to, omitted);
        result.convertPatchWeight();
        switch (to.positions()) {
            case SINCOS, TUNED -> result.convertTable();
            case LEARNED -> result.convertLearned();
            case SINUSOID -> result.convertSinusoid();
        }
        return result;
    }

    private static PositionGrid places(TrunkConfig trunk) {
        PatchGrid grid = trunk.grid();
        return new PositionGrid(grid.rows(), grid.columns());
    }

    private int width() {
        return to.dim();
    }

    private void put(String name, float[] values, long... shape) {
        converted.put(name, new Converted(shape, values));
    }

    private float[] table(String name) throws IOException {
        if (!super.contains(name)) {
            throw new MisfitException(path() + " does not fit this model:\n  " + name + " is missing");
        }
        return super.floats(name);
    }

    private void convertPatchWeight() throws IOException {
        long[] shape = super.contains(PATCH_WEIGHT) ? super.info(PATCH_WEIGHT).shape() : new long[0];
        boolean clips = shape.length == 5;
        if (shape.length < 4 || (clips ? shape[2] : 1) == to.tube() && clips == to.frames() > 1) {
            return; // as it is, or refused with the others
        }
        int frames = clips ? (int) shape[2] : 1;
        int plane = (int) (shape[shape.length - 2] * shape[shape.length - 1]);
        int planes = (int) (shape[0] * shape[1]);
        float[] old = super.floats(PATCH_WEIGHT);
        float[] values = new float[planes * to.tube() * plane];
        for (int i = 0; i < planes; i++) {
            for (int x = 0; x < plane; x++) {
                double sum = 0;
                for (int t = 0; t < frames; t++) {
                    sum += old[(i * frames + t) * plane + x];
                }
                for (int t = 0; t < to.tube(); t++) {
                    values[(i * to.tube() + t) * plane + x] = (float) (sum / to.tube());
                }
            }
        }
        long side = shape[shape.length - 1];
        if (to.frames() == 1) {
            put(PATCH_WEIGHT, values, shape[0], shape[1], side, side);
        } else {
            put(PATCH_WEIGHT, values, shape[0], shape[1], to.tube(), side, side);
        }
    }

    /** One table in space and, where there are several times, one in time. */
    private void convertTable() throws IOException {
        int classes = to.grid().classTokens();
        PositionGrid grid = places(to);
        float[] values = new float[(classes + grid.places()) * width()];
        float[] space;
        if (from.positions() == PositionKind.LEARNED) {
            space = places(from).resized(table(SPATIAL), 0, width(), grid);
            float[] time = mean(table(TEMPORAL));
            for (int i = 0; i < space.length; i++) {
                space[i] += time[i % width()];
            }
            if (classes == 1) {
                System.arraycopy(table(CLASS), 0, values, 0, width());
            }
        } else {
            float[] old = table(POSITIONS);
            requireSize(POSITIONS, old, from.grid().classTokens() + places(from).places());
            space = places(from).resized(old, classes * width(), width(), grid, interpolation);
            System.arraycopy(old, 0, values, 0, classes * width());
        }
        System.arraycopy(space, 0, values, classes * width(), space.length);
        put(POSITIONS, values, 1, classes + grid.places(), width());
        int times = to.grid().times();
        if (times > 1) {
            boolean has = from.positions() == PositionKind.TUNED && from.grid().times() > 1;
            put(TEMPORAL, has ? inTime(table(TEMPORAL), times) : new float[times * width()], 1, times, width());
        }
    }

    private void convertLearned() throws IOException {
        float[] space = table(SPATIAL);
        requireSize(SPATIAL, space, places(from).places());
        put(
                SPATIAL,
                places(from).resized(space, 0, width(), places(to)),
                1,
                places(to).places(),
                width());
        int times = to.grid().times();
        float[] time = table(TEMPORAL);
        put(TEMPORAL, times == 1 ? mean(time) : inTime(time, times), 1, times, width());
    }

    private void convertSinusoid() throws IOException {
        float[] old = table(POSITIONS);
        requireSize(POSITIONS, old, from.grid().patches());
        int times = to.grid().times();
        if (times > from.grid().times()) {
            throw new IOException(
                    path() + " has positions for clips of " + from.frames() + " frames, not of " + to.frames());
        }
        int size = places(to).places() * width();
        float[] values = new float[times * size];
        for (int t = 0; t < times; t++) {
            int at = t * places(from).places() * width();
            System.arraycopy(places(from).resized(old, at, width(), places(to)), 0, values, t * size, size);
        }
        put(POSITIONS, values, 1, to.grid().patches(), width());
    }

    private void requireSize(String name, float[] table, int rows) throws IOException {
        if (table.length != rows * width()) {
            throw new MisfitException(path() + " does not fit this model:\n  " + name + " has " + table.length
                    + " values, where " + rows + " positions of width " + width() + " were expected");
        }
    }

    private float[] mean(float[] rows) {
        float[] mean = new float[width()];
        for (int d = 0; d < mean.length; d++) {
            double sum = 0;
            for (int i = d; i < rows.length; i += mean.length) {
                sum += rows[i];
            }
            mean[d] = (float) (sum * mean.length / rows.length);
        }
        return mean;
    }

    /** Rows of times, interpolated linearly between their middles. */
    private float[] inTime(float[] rows, int times) {
        int before = rows.length / width();
        float[] values = new float[times * width()];
        for (int t = 0; t < times; t++) {
            double at = Math.max(0, Math.min(before - 1.0, (t + 0.5) * before / times - 0.5));
            int low = (int) at;
            int high = Math.min(before - 1, low + 1);
            for (int d = 0; d < width(); d++) {
                double a = rows[low * width() + d];
                values[t * width() + d] = (float) (a + (at - low) * (rows[high * width() + d] - a));
            }
        }
        return values;
    }

    @Override
    public List<String> names() {
        List<String> names = new ArrayList<>(super.names());
        names.removeIf(name -> !contains(name));
        converted.keySet().stream().filter(name -> !names.contains(name)).forEach(names::add);
        return names;
    }

    @Override
    public boolean contains(String name) {
        if (converted.containsKey(name)) {
            return true;
        }
        boolean other = name.startsWith(POSITIONS) && to.positions() != PositionKind.LEARNED;
        return super.contains(name) && !other && !omitted.test(name);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        Converted own = converted.get(name);
        return own == null
                ? super.info(name)
                : new TensorInfo(name, DType.F32, own.shape, 0, (long) own.values.length * Float.BYTES);
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        Converted own = converted.get(name);
        if (own == null) {
            super.read(name, offset, into);
            return;
        }
        ByteBuffer bytes = ByteBuffer.allocate(own.values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(own.values);
        into.put(bytes.slice(Math.toIntExact(offset), into.remaining()));
    }
}
