package io.github.vicmae.model;

import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.RegisterTokens;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Vision transformers of other programs, read as ours where that computes the same:
 *
 * <ul>
 *   <li>LayerScale (Touvron et al. 2021), {@code ls1.gamma} and {@code ls2.gamma} of DINOv2 and timm or BEiT's {@code gamma_1} and {@code gamma_2}: a
 *       factor for each output of {@code attn.proj} and {@code mlp.fc2}, multiplied into their weights and biases. Whoever trains on trains the
 *       products.
 *   <li>Positions of the patches alone beside a class token (timm's {@code no_embed_class}): that of the class token is 0.
 *   <li>Blocks in groups, {@code blocks.GROUP.BLOCK}, as DINOv2's training saves them, and timm's {@code reg_token}: under DINOv2's names.
 * </ul>
 */
final class ForeignLayout extends FilteredSource {
    private static final Pattern GROUPED = Pattern.compile("((?:.*\\.)?blocks\\.)\\d+\\.(\\d+\\..*)");
    private static final Pattern REGISTERS = Pattern.compile("((?:.*\\.)?)reg_token");
    private static final Pattern LAYER_SCALE = Pattern.compile("(blocks\\.\\d+\\.)(?:ls([12])\\.gamma|gamma_([12]))");
    private static final String[] SCALED = {"attn.proj", "mlp.fc2"};
    private static final String POSITIONS = "pos_embed";

    /** From the name of a tensor that is multiplied to that of its factors. */
    private final Map<String, String> scales = new LinkedHashMap<>();

    private final Set<String> factors = new HashSet<>();
    /** The positions' shape where they get a row for the class token; null where they are as they are. */
    private long[] positions;

    /** The tensor that was computed last: it is read in parts. */
    private String computed;

    private float[] values;

    private ForeignLayout(TensorSource source) throws IOException {
        super(source);
        for (String name : source.names()) {
            Matcher scale = LAYER_SCALE.matcher(name);
            if (scale.matches()) {
                int branch = Integer.parseInt(scale.group(2) == null ? scale.group(3) : scale.group(2));
                addScale(scale.group(1) + SCALED[branch - 1], name);
            }
        }
        if (source.contains(POSITIONS) && source.contains("cls_token")) {
            long[] shape = source.info(POSITIONS).shape();
            if (shape.length == 3 && isSquare(shape[1]) && !isSquare(shape[1] - 1)) {
                positions = new long[] {shape[0], shape[1] + 1, shape[2]};
            }
        }
    }

    /** Where the factors do not fit what they multiply, they are left to be refused by name. */
    private void addScale(String module, String factor) throws IOException {
        String weight = module + ".weight";
        String bias = module + ".bias";
        if (!super.contains(weight) || !super.contains(bias)) {
            return;
        }
        long[] shape = super.info(weight).shape();
        if (shape.length == 2 && super.info(factor).elements() == shape[0]) {
            scales.put(weight, factor);
            scales.put(bias, factor);
            factors.add(factor);
        }
    }

    private static boolean isSquare(long number) {
        long root = Math.round(Math.sqrt(number));
        return number >= 0 && root * root == number;
    }

    /** Returns the source itself where there is nothing to change, and where the file is one of this library. Closing the result closes the source. */
    static TensorSource of(TensorSource source) throws IOException {
        if (source.metadata().containsKey(Checkpoint.CONFIG)) {
            return source;
        }
        ForeignLayout foreign = new ForeignLayout(source);
        return foreign.scales.isEmpty() && foreign.positions == null ? source : foreign;
    }

    /** Brings the names of other programs into ours; see {@link StateDict}. */
    static String name(String name) {
        Matcher grouped = GROUPED.matcher(name);
        if (grouped.matches()) {
            return grouped.group(1) + grouped.group(2);
        }
        Matcher registers = REGISTERS.matcher(name);
        return registers.matches() ? registers.group(1) + RegisterTokens.NAME : name;
    }

    @Override
    public List<String> names() {
        List<String> names = new ArrayList<>(super.names());
        names.removeIf(factors::contains);
        return names;
    }

    @Override
    public boolean contains(String name) {
        return super.contains(name) && !factors.contains(name);
    }

    private boolean isComputed(String name) {
        return scales.containsKey(name) || positions != null && name.equals(POSITIONS);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        TensorInfo info = super.info(name);
        if (!isComputed(name)) {
            return info;
        }
        long[] shape = name.equals(POSITIONS) ? positions : info.shape();
        return new TensorInfo(name, DType.F32, shape, 0, TensorInfo.sizeInBytes(shape, DType.F32));
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        if (!isComputed(name)) {
            super.read(name, offset, into);
            return;
        }
        if (!name.equals(computed)) {
            values = name.equals(POSITIONS) ? withClassPosition() : multiplied(name);
            computed = name;
        }
        int count = into.remaining() / Float.BYTES;
        into.slice()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .put(values, Math.toIntExact(offset / Float.BYTES), count);
        into.position(into.limit());
    }

    private float[] multiplied(String name) throws IOException {
        float[] product = original(name);
        float[] factor = original(scales.get(name));
        int columns = product.length / factor.length;
        for (int i = 0; i < product.length; i++) {
            product[i] *= factor[i / columns];
        }
        return product;
    }

    private float[] withClassPosition() throws IOException {
        float[] patches = original(POSITIONS);
        float[] all = new float[Math.toIntExact(positions[1] * positions[2])];
        System.arraycopy(patches, 0, all, all.length - patches.length, patches.length);
        return all;
    }

    /** As it is in the file. */
    private float[] original(String name) throws IOException {
        return inner().floats(name);
    }
}
